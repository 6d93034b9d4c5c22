"""What the client refuses, the service would have refused; what has one form, both read alike."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hoiio import InvalidArgument, parameters
from hoiio.request import Credentials, Site
from hoiio.server.api import params
from hoiio.server.api.params import Refused
from hoiio.wire import Status

DIGITS = st.from_regex(r"\+?[0-9]{1,17}", fullmatch=True)
URLS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTP://", "ftp://", "//", ""]),
    st.sampled_from(["", "me@", "me:s3cret@"]),
    st.sampled_from(["a.example", "[::1]", "[::1", "127.0.0.1", "é.example", "a b", "A_b-c."]),
    st.sampled_from(["", ":", ":80", ":0", ":65535", ":65536", ":99999", ":x"]),
    st.one_of(st.just(""), st.text().map("/{}".format), st.sampled_from(["/a?b=%20&c#d", "?x"])),
)
DATES = st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.0)?")
WHOLE = st.integers(-1, 10**9).map(str)


def body(value):
    """A request with it, as it leaves the client."""
    site = Site(Credentials("id", "token"), "http://a/", "POST")
    return site.request("b", {"x": value}, None, connect=1, total=1).body


def client_takes(check, value):
    """As far as a request is made of it."""
    try:
        body(check(value))
    except InvalidArgument:
        return False
    return True


def service_takes(check, value):
    """From the bytes on."""
    try:
        check(params.read(b"", body(value))["x"])
    except (InvalidArgument, Refused):
        return False
    return True


@pytest.mark.parametrize(
    ("name", "values"),
    [("tag", st.text()), ("room", st.text()), ("max_duration", WHOLE), ("page", WHOLE)],
)
def test_they_take_the_same(name, values):
    """Tags, rooms, durations, pages; nothing is a value that is left out."""

    @given(st.one_of(values, st.text()).filter(lambda value: value and len(value) < 10))
    @example("86400")
    @example("86401")
    @example("a\0")
    def agree(value):
        taken = service_takes(getattr(params, name), value)
        assert client_takes(getattr(parameters, name), value) == taken

    agree()


@given(st.one_of(DATES, st.text(min_size=1)))
@example("2012-01-31 12:06:15.0")
def test_they_take_the_same_dates(value):
    """Those of the wire."""
    taken = service_takes(lambda date: params.date(date, Status.FROM_INVALID), value)
    assert client_takes(lambda date: parameters.date("from", date), value) == taken


@given(st.one_of(URLS, st.text(min_size=1)))
@example("http://a.example:99999/")
@example("http://me@a.example/")
def test_a_url_that_the_service_takes_the_client_takes(value):
    """And of those with a host that is one, the other way round too."""
    taken = service_takes(params.notify_url, value)
    sent = client_takes(parameters.notify_url, value)
    assert sent >= taken
    if "a.example" in value:
        assert sent == taken


@given(st.one_of(DIGITS, st.text(min_size=1)))
@example("+6511111111")
def test_a_number_that_the_service_takes_the_client_takes(value):
    """The lengths of each country are the service's to know."""
    if value.startswith(" "):
        return  # the plus that a sloppy client forgot to encode; this one does not
    taken = service_takes(lambda number: params.number(number, Status.DEST1_INVALID), value)
    assert client_takes(lambda number: parameters.number("dest1", number, None), value) >= taken
