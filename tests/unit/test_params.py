"""What a request says, and what a value must look like."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hoiio import wire
from hoiio.server.api import params
from hoiio.server.api.params import Refused
from hoiio.wire import Status


def refusal(function, *args):
    with pytest.raises(Refused) as caught:
        function(*args)
    return caught.value.status


def attempt(function, *args):
    """What it returned and None, or None and the status it was refused with."""
    try:
        return function(*args), None
    except Refused as refused:
        return None, refused.status


@pytest.mark.parametrize(
    ("query", "body", "read"),
    [
        (b"a=1", b"", {"a": "1"}),
        (b"", b"a=1", {"a": "1"}),
        (b"a=1&b=2", b"a=3", {"a": "3", "b": "2"}),
        (b"a=1&a=2", b"", {"a": "1"}),
        (b"a=&b", b"", {}),
        (b"a=1", b"a=", {"a": "1"}),
        (b"a=&a=2", b"", {"a": "2"}),
        (b"a=%2B65+1", b"", {"a": "+65 1"}),
        (b"a=b=c", b"", {"a": "b=c"}),
        (b"&&a=1&", b"", {"a": "1"}),
        (b"a=100%&b=%zz", b"", {"a": "100%", "b": "%zz"}),
        (b"a=%C3%A9", b"b=\xc3\xa9", {"a": "é", "b": "é"}),
    ],
)
def test_parameters_come_from_both_and_the_body_wins(query, body, read):
    assert params.read(query, body) == read


@pytest.mark.parametrize("bad", [b"a=%FF", b"\xff=1", b"a=%00", b"a=%ED%A0%80", b"x=1&a=%C3"])
def test_bytes_that_are_no_text_are_malformed(bad):
    assert refusal(params.read, bad, b"") == Status.MALFORMED_PARAMS
    assert refusal(params.read, b"", bad) == Status.MALFORMED_PARAMS


def test_a_body_of_64_kib_is_read_and_one_byte_more_is_malformed():
    fits = b"a=" + b"x" * (64 * 1024 - 2)
    assert len(params.read(b"", fits)["a"]) == 64 * 1024 - 2
    assert refusal(params.read, b"", fits + b"x") == Status.MALFORMED_PARAMS


@given(st.binary(max_size=300), st.binary(max_size=300))
@example(b"%", b"=&=")
@example(b"", b"=1")
def test_no_bytes_break_the_parser(query, body):
    read, status = attempt(params.read, query, body)
    assert status in (None, Status.MALFORMED_PARAMS)
    assert all(isinstance(text, str) and text for text in read or ())


VALUES = st.one_of(
    st.text(max_size=60),
    st.from_regex(r"\+?[0-9 ]{0,20}", fullmatch=True),
    st.from_regex(r"https?://[!-~]{0,40}", fullmatch=True),
)


@given(VALUES)
@example("9" * 5000)
@example("https://[::1%25lo]/")
def test_no_value_breaks_a_check(value):
    """A value is read or refused with the status that its parameter has."""
    checks = [
        (lambda v: params.number(v, Status.DEST1_INVALID), Status.DEST1_INVALID),
        (params.caller_id, Status.CALLER_ID_INVALID),
        (params.max_duration, Status.INVALID_MAX_DURATION),
        (params.tag, Status.TAG_INVALID_LENGTH),
        (params.page, Status.PAGE_INVALID),
        (params.notify_url, Status.INVALID_NOTIFY_URL),
        (lambda v: params.date(v, Status.FROM_INVALID), Status.FROM_INVALID),
    ]
    for check, status in checks:
        assert attempt(check, value)[1] in (None, status)


@given(VALUES)
def test_nothing_but_a_plus_and_digits_passes_for_a_number(value):
    try:
        number = params.number(value, Status.DEST1_INVALID)
    except Refused:
        return
    assert wire.NUMBER.fullmatch(number)


@pytest.mark.parametrize("good", ["+6511111111", "+12125551234", " 6511111111", "+80012345678"])
def test_a_possible_number_passes(good):
    assert params.number(good, Status.DEST1_INVALID) == good.replace(" ", "+")


@pytest.mark.parametrize(
    "bad",
    [
        "6511111111", "+65111111", "+651111111111111", "+9991111111", "+15551234",
        "+65 1111 1111",
        "  6511111111", "+6511111111 ", "+٦٥١١١١١١١١", "+651111111a",
        "sip:x@y", "+", "+1", "+2125551234",
    ],
)  # fmt: skip
def test_an_impossible_number_is_refused(bad):
    assert refusal(params.number, bad, Status.DEST2_INVALID) == Status.DEST2_INVALID


def test_caller_ids():
    assert params.caller_id("private") is None
    assert params.caller_id("p") is None
    assert params.caller_id(" 6511111111") == "+6511111111"
    for bad in ("Private", "private.", "anonymous", "6511111111"):
        assert refusal(params.caller_id, bad) == Status.CALLER_ID_INVALID


def test_max_duration_is_1_to_86400_whole_seconds():
    assert [params.max_duration(each) for each in ("1", "86400", "060")] == [1, 86400, 60]
    for bad in ("0", "86401", "-1", "+1", "1.0", " 1", "1e3", "٣", "²", "9" * 5000):
        assert refusal(params.max_duration, bad) == Status.INVALID_MAX_DURATION


def test_a_tag_counts_characters_not_bytes():
    assert params.tag("é" * 256) == "é" * 256
    assert refusal(params.tag, "x" * 257) == Status.TAG_INVALID_LENGTH


def test_pages_begin_at_1_and_never_overflow():
    assert params.page("1") == 1
    assert params.page("9" * 5000) == 10**15
    for bad in ("0", "-1", "x", "1.5", "٣"):
        assert refusal(params.page, bad) == Status.PAGE_INVALID


@pytest.mark.parametrize(
    "bad", ["2012-1-1 00:00:00", "2012-02-30 00:00:00", "0000-01-01 00:00:00", "now"]
)
def test_a_date_must_exist(bad):
    assert refusal(params.date, bad, Status.TO_INVALID) == Status.TO_INVALID


@pytest.mark.parametrize(
    "good",
    [
        "http://example.com", "HTTPS://Example.com:8443/a?b=c&d=%20#e", "http://127.0.0.1:1/",
        "http://[::1]:80/x", "http://under_score.example/", "http://example.com./",
        "http://e.com/" + "x" * 3987,
    ],
)  # fmt: skip
def test_a_url_that_can_be_notified(good):
    assert params.notify_url(good).host


@pytest.mark.parametrize(
    "bad",
    [
        "example.com", "//example.com", "ftp://example.com", "http://", "http:///x",
        "http:example.com",
        "http://user:pw@example.com/", "http://@example.com", "http://e.com:0/", "http://e.com:65536/",
        "http://e.com:x/", "http://e.com:/", "http://e.com/ x", "http://e.com/\r\nX: y",
        "http://e.com\\@f.com",
        "http://[::1", "http://[x]/", "http://a..b/", "http://-a.com/", "http://é.com/",
        "http://" + "a" * 64 + ".com", "http://e.com/" + "x" * 3988, "http://e%2ecom/", "http://[fe80::1%25eth0]/",
    ],
)  # fmt: skip
def test_a_url_that_cannot(bad):
    assert refusal(params.notify_url, bad) == Status.INVALID_NOTIFY_URL
