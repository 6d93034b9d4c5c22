"""What a caller may give for each parameter, and what is refused before anything is sent."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio import InvalidArgument, parameters, wire

A = "+6511111111"


def test_a_prefix_goes_before_numbers_without_a_plus():
    """Never before a full number or a word like 'private'."""
    assert parameters.country_prefix("65") == parameters.country_prefix("+65") == "+65"
    assert parameters.number("dest1", "91234567", "+65") == "+6591234567"
    assert parameters.number("dest1", "+6591234567", "+65") == "+6591234567"
    assert parameters.caller_id("private", "+65") == "private"
    assert parameters.caller_id("p", "+65") == "p"
    assert parameters.caller_id("91234567", "+65") == "+6591234567"
    assert parameters.optional_number("dest1", None, "+65") is None


def test_a_number_may_be_an_int():
    """Its digits are meant."""
    assert parameters.number("dest1", 91234567, "+65") == "+6591234567"


class Worded(str):
    """Text that is shown as another."""

    def __str__(self):
        return "+6599999999"

    def __format__(self, spec):
        return "+6599999999"


class Counted(int):
    """A number that is shown as another."""

    def __str__(self):
        return "99999999"

    def __format__(self, spec):
        return "99999999"


Office = Enum("Office", {"DESK": "91234567", "QUIET": "mute"}, type=str)
Floor = IntEnum("Floor", {"FIRST": 91234567})


@pytest.mark.parametrize(
    "value",
    [Office.DESK, Worded("91234567"), Worded("+6591234567"), Floor.FIRST, Counted(91234567)],
)
def test_a_number_is_its_own_text(value):
    """Not what its type would show of it."""
    for sent in (
        parameters.number("dest1", value, "+65"),
        parameters.caller_id(value, "+65"),
        parameters.dests((value,), "+65"),
    ):
        assert (type(sent), sent) == (str, "+6591234567")


@pytest.mark.parametrize("take", [parameters.txn_ref, parameters.idempotency_key])
def test_a_name_is_its_own_text(take):
    """It is in messages and headers too."""
    for value in (Office.DESK, Worded("91234567")):
        assert (type(take(value)), take(value)) == (str, "91234567")


def test_an_action_is_its_own_text():
    """Also one of an ``Enum`` of one's own."""
    assert str(parameters.action(Office.QUIET)) == "mute"


@pytest.mark.parametrize("prefix", [None, "+65"])
@pytest.mark.parametrize("value", ["00659123", "006591234567", "0000", Worded("006591234567")])
def test_a_number_that_begins_with_00_is_refused(value, prefix):
    """It is how one dials abroad; after a prefix it would be somebody else's."""
    with pytest.raises(InvalidArgument, match=r"^dest2: '00\d+' begins with 00: write a plus"):
        parameters.number("dest2", value, prefix)
    with pytest.raises(InvalidArgument, match=r"begins with 00.*; or 'private'"):
        parameters.caller_id(value, prefix)


def test_a_number_without_a_plus_says_how():
    """The parameter's name, an example, and the prefix that would do."""
    with pytest.raises(InvalidArgument) as raised:
        parameters.number("dest2", "91234567", None)
    assert raised.value.name == "dest2"
    assert str(raised.value).startswith("dest2: '91234567' has no country code")
    assert "'+6511111111'" in str(raised.value)
    assert "Hoiio.prefix" in str(raised.value)


@pytest.mark.parametrize(
    "value",
    ["", "+", "+1", "+65 1111 1111", "+" + "1" * 16, "private", "sip:a@b", "+٦٥١١١١١١", "1" * 15],
)
def test_what_is_no_number_is_refused(value):
    """With an example of one."""
    with pytest.raises(InvalidArgument, match=r"dest1: .*\+6511111111"):
        parameters.number("dest1", value, "+65")


@pytest.mark.parametrize("value", [None, True, 6.5, b"+6511111111", [A], object()])
def test_a_number_of_another_type_is_refused(value):
    """By its type's name."""
    with pytest.raises(InvalidArgument, match=f"not {type(value).__name__}"):
        parameters.number("dest1", value, None)


@pytest.mark.parametrize("prefix", ["", "+", "++65", "6 5", "SG", "٦٥", 65, b"65"])
def test_what_is_no_prefix_is_refused(prefix):
    """At once, not with the next call."""
    with pytest.raises(ValueError, match="country prefix"):
        parameters.country_prefix(prefix)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (None, None),
        ("2012-01-31 12:06:15", "2012-01-31 12:06:15"),
        ("2012-01-31 12:06:15.0", "2012-01-31 12:06:15"),
        (datetime(2012, 1, 31, 12, 6, 15, 999), "2012-01-31 12:06:15"),
        (datetime(2012, 1, 31, 20, 0, tzinfo=UTC), "2012-02-01 04:00:00"),
        (datetime(2012, 1, 1, tzinfo=timezone(timedelta(hours=9))), "2011-12-31 23:00:00"),
    ],
)
def test_dates_are_sent_in_gmt8(value, sent):
    """Naive ones are there already, aware ones are converted."""
    assert parameters.date("from", value) == sent


@pytest.mark.parametrize(
    "value", ["2012", "yesterday", 2012, "2012-13-01 00:00:00", datetime.max.replace(tzinfo=UTC)]
)
def test_what_is_no_date_is_refused(value):
    """By its parameter's name."""
    with pytest.raises(InvalidArgument, match="from: "):
        parameters.date("from", value)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            parameters.max_duration,
            [(600, 600), ("600", 600), (None, None)],
            [0, -1, 1.5, "x", True],
        ),
        (parameters.page, [(2, 2), (None, None)], [0, "first", False]),
        (parameters.tag, [("", ""), ("é" * 256, "é" * 256), (None, None)], ["x" * 257, 7, b"x"]),
        (
            parameters.notify_url,
            [("https://a.example/x?y=1", "https://a.example/x?y=1"), (None, None)],
            ["a.example/x", "ftp://a/", "http://", "http://[::1/", "http://a/" + "x" * 4000, 7],
        ),
        (parameters.room, [("MY-ROOM", "MY-ROOM"), (None, None)], ["", "a b", "x" * 33, 7]),
        (parameters.txn_ref, [("TX-1", "TX-1")], ["", None, 7, "a\nb", "x" * 257]),
        (parameters.action, [("mute", "mute")], ["sing", None, 7]),
        (
            parameters.idempotency_key,
            [("order-7", "order-7"), (None, None)],
            ["", "a b", "é", "x" * 256, 7],
        ),
        (lambda v: parameters.dests(v, None), [((A, "+6522222222"), f"{A},+6522222222")], [()]),
        (lambda v: parameters.seconds("timeout", v), [(3, 3.0)], [0, -1, "3", True, float("nan")]),
        (lambda v: parameters.count("retries", v), [(0, 0), (3, 3)], [-1, 1.5, True, None]),
    ],
)
def test_each_parameter_takes_what_is_right_and_refuses_the_rest(check, good, bad):
    """Nothing but one exception comes of what is wrong."""
    for value, sent in good:
        assert check(value) == sent
    for value in bad:
        with pytest.raises(InvalidArgument):
            check(value)


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.text()),
)


@given(ANYTHING)
def test_whatever_is_given_it_is_taken_or_refused(value):
    """Never another exception; a number that is taken is E.164."""
    checks = [
        lambda v: parameters.number("dest1", v, "+65"),
        lambda v: parameters.caller_id(v, None),
        lambda v: parameters.date("from", v),
        *(parameters.max_duration, parameters.page, parameters.tag, parameters.notify_url),
        *(parameters.room, parameters.txn_ref, parameters.action, parameters.idempotency_key),
        lambda v: parameters.seconds("timeout", v),
    ]
    for check in checks:
        with suppress(InvalidArgument):
            check(value)
    with suppress(InvalidArgument):
        assert wire.NUMBER.fullmatch(parameters.number("dest1", value, "+65"))
