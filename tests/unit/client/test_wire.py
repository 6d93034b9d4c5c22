from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio import wire


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0.000"),
        (36_000, "0.036"),
        (84_700_000, "84.700"),
        (1, "0.000001"),
        (18_500, "0.0185"),
        (-250_000, "-0.250"),
    ],
)
def test_money_prints_three_decimals_and_more_only_when_needed(micros, text):
    assert wire.format_money(micros) == text


@given(st.integers(-(10**15), 10**15))
def test_money_survives_the_wire_exactly(micros):
    assert wire.parse_money(wire.format_money(micros)) == micros


@pytest.mark.parametrize("text", ["", "1.", ".5", "1e3", "NaN", "0.0000001", "1,000", "٣", "1 "])
def test_what_is_not_an_amount_is_refused(text):
    with pytest.raises(ValueError, match="amount"):
        wire.parse_money(text)


@given(st.integers(0, 253_370_000_000))
def test_dates_survive_the_wire_to_the_second(second):
    text = wire.format_date(second * wire.MICROS)
    assert wire.to_micros(wire.parse_date(text)) == second * wire.MICROS


@given(st.integers(wire.to_micros(datetime(1000, 1, 1)), wire.to_micros(datetime(9999, 12, 31))))
def test_a_date_is_written_as_the_calendar_has_it(micros):
    """Also before 1970, and the fraction is dropped."""
    calendar = datetime(1970, 1, 1, 8) + timedelta(seconds=micros // wire.MICROS)
    assert wire.format_date(micros) == calendar.isoformat(" ")


def test_dates_are_written_in_gmt8_and_read_with_or_without_a_fraction():
    assert wire.format_date(1_328_011_575_999_999) == "2012-01-31 20:06:15"
    expected = datetime(2012, 1, 31, 20, 6, 15)
    assert wire.parse_date("2012-01-31 20:06:15.0") == expected
    assert wire.to_micros(expected.replace(tzinfo=wire.GMT8) + timedelta(0)) == 1328011575000000


@pytest.mark.parametrize(
    "text",
    [
        "2012-1-31 00:00:00",
        "2012-02-30 00:00:00",
        "now",
        "٢012-01-31 00:00:00",
        "2012-01-31 12:06:Z\0",
        "2012-01-31 12:Z\0:15",
    ],
)
def test_impossible_dates_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the message is datetime's own for some
        wire.parse_date(text)
