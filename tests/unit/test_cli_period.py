"""Moments as they are typed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio.cli.console import UsageError
from hoiio.cli.period import moment

NOW = datetime(2026, 11, 24, 20, 30, 15, 999_999, tzinfo=UTC)
"""Half past four of the next day in GMT+8."""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("30m", "2026-11-25 04:00:15"),
        ("24h", "2026-11-24 04:30:15"),
        ("7d", "2026-11-18 04:30:15"),
        ("2w", "2026-11-11 04:30:15"),
        ("0m", "2026-11-25 04:30:15"),
        ("2026-11-24", "2026-11-24 00:00:00"),
        ("2026-11-24 10:00", "2026-11-24 10:00:00"),
        ("2026-11-24 10:00:05", "2026-11-24 10:00:05"),
        ("2026-11-24T10:00:05", "2026-11-24 10:00:05"),
        ("2024-02-29", "2024-02-29 00:00:00"),
    ],
)
def test_what_is_read(text, says):
    """In GMT+8, to the second, whatever the machine's own zone."""
    assert str(moment("--since", text, NOW)) == says


WRONG = (
    "|7|d|7 d|-7d|7D|7days|999999w|1000000m|2026-02-29|2026-11-24 25:00|2026-11-24 10:00:00Z"
    "|24.11.2026|2026-11-24 10:00:00.5|٧d|2026-11-24\n"
)


@pytest.mark.parametrize("text", WRONG.split("|"))
def test_what_is_refused(text):
    """With what would be right."""
    with pytest.raises(UsageError, match=r"--until: 30m, 24h, 7d or 2w ago"):
        moment("--until", text, NOW)


@given(st.text(max_size=20), st.datetimes(timezones=st.just(UTC)))
def test_nothing_else_is_raised(text, now):
    """Whatever is typed, on whatever day."""
    try:
        date = moment("--since", text, now)
    except UsageError:
        return
    assert date.tzinfo is None
    assert date.microsecond == 0
