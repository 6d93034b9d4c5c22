"""What cannot be right is refused before anything is sent, by one of two exceptions."""

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hoiio import AsyncClient, Client, InvalidArgument, NotConfigured, parameters, wire
from support.steps import response

A, B, C = "+6511111111", "+6522222222", "+6533333333"
ENDED = '{"status": "success_ok", "call_status_dest1": "answered", "call_status_dest2": "answered"}'


class Recorder:
    """A transport that keeps what it was to send."""

    def __init__(self):
        self.forms = []

    def send(self, request):
        self.forms.append(dict(parse_qsl(request.body.decode(), strict_parsing=True)))
        return response(ENDED)

    def close(self):
        pass


@pytest.fixture(scope="module", autouse=True)
def bare_environment():
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("HOIIO_")]:
            patch.delenv(name)
        yield


@pytest.fixture
def sent():
    return Recorder()


@pytest.fixture
def client(sent):
    return Client("id", "token", transport=sent)


@pytest.mark.parametrize(
    ("ask", "name", "says"),
    [
        (lambda v: v.call(A, A), "dest2", "give two, like"),
        (lambda v: v.call("11111111", A), "dest2", "is the first number as well"),
        (lambda v: v.call(11111111, "11111111"), "dest2", "is the first number as well"),
        (lambda v: v.rate(A, "11111111"), "dest2", "is the first number as well"),
        (lambda v: v.conference(A, B, "11111111"), "dests", f"'{A}' is there twice"),
        (
            lambda v: v.conference(*(f"+651111111{digit}" for digit in range(9))),
            "dests",
            "9 numbers; a room holds 8",
        ),
        (lambda v: v.call(A, B, max_duration=86_401), "max_duration", "86400, like 600: 86401"),
        (lambda v: v.call(A, B, tag="a\0b"), "tag", "like 'order-7', without a NUL"),
        (lambda v: v.call(A, B, tag="\udcff"), "tag", "no Unicode text"),
        (
            lambda v: v.call(A, B, notify_url="http://me:s3cret@a.example/"),
            "notify_url",
            "https://my.server.com/hoiio",
        ),
        (lambda v: v.conference(A, notify_url="http://a/b c"), "notify_url", "writes as %20"),
        (lambda v: v.history(page=10**9), "page", "like 2: 1000000000"),
        (
            lambda v: v.history("2012-01-02 00:00:00", datetime(2012, 1, 1)),
            "to",
            "is before 'from_'",
        ),
        (
            lambda v: v.history(
                datetime(2012, 1, 1, tzinfo=UTC), to=datetime(2012, 1, 1, 7, 59, 59)
            ),
            "to",
            "in GMT+8",
        ),
        (lambda v: v.wait("TX-1", until=["ended"]), "until", "'answered' or 'ended'"),
        (lambda v: v.status(None), "txn_ref", "like 'AA-C-141147'"),
        (lambda v: v.hangup(None), "txn_ref", "like 'AA-C-141147'"),
        (lambda v: v.moderate(None, "mute"), "txn_ref", "like 'AA-C-141147'"),
        (lambda v: v.wait(None), "txn_ref", "like 'AA-C-141147'"),
        (lambda v: v.watch(None), "txn_ref", "like 'AA-C-141147'"),
    ],
)
def test_what_no_service_takes_is_refused(sent, ask, name, says):
    """By its name, with a right one, whichever client was asked; nothing leaves."""
    for kind in (Client, AsyncClient):
        client = kind("id", "token", transport=sent, prefix="65")
        with pytest.raises(InvalidArgument) as raised:
            ask(client.voice).send(None)  # what is no text, async finds as late as this
        assert raised.value.name == name
        assert says in str(raised.value)
        assert "s3cret" not in str(raised.value)
    assert sent.forms == []


def test_what_a_service_may_take_is_sent(sent, client):
    """The longest call, the fullest room, one instant, a page past any end, no first number."""
    client.voice.call(A, B, max_duration=86_400)
    client.voice.conference(*(f"+651111111{digit}" for digit in range(8)))
    client.voice.history("2012-01-01 00:00:00", datetime(2012, 1, 1))
    client.voice.history(page=999_999_999)
    client.voice.call(None, B)
    client.voice.call(A, B, notify_url="HTTP://[::1]:65535?a=%00#x")
    assert len(sent.forms) == 6


class Phone(str, Enum):  # noqa: UP042 - the kind whose str() is its name
    OFFICE = A


def test_of_an_enum_the_value_is_sent(sent):
    """Its ``str`` would be 'Phone.OFFICE'."""
    Client(Phone.OFFICE, Phone.OFFICE, transport=sent).voice.call(Phone.OFFICE, B)
    assert sent.forms == [{"app_id": A, "access_token": A, "dest1": A, "dest2": B}]


def test_a_long_value_is_not_repeated_whole():
    """A message is read by people."""
    for wrong in ("x" * 10_000, 10**5_000, [10**5_000]):
        with pytest.raises(InvalidArgument) as raised:
            parameters.number("dest1", wrong, None)
        assert len(str(raised.value)) < 250


@pytest.mark.parametrize("prefix", ["0065", "0", "1" * 15])
def test_a_prefix_with_which_no_number_is_one_is_refused(prefix):
    """No country's code begins with a zero."""
    with pytest.raises(InvalidArgument, match="like '65'"):
        Client(prefix=prefix)


class NoZone(timezone.__base__):
    """A zone that does not know its offset, as ``datetime`` allows."""

    def utcoffset(self, moment):
        return None


def test_a_date_with_a_zone_of_no_offset_is_naive():
    """To Python it is; the machine's own zone must not come in."""
    assert parameters.date("from", datetime(2012, 1, 1, tzinfo=NoZone())) == "2012-01-01 00:00:00"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"app_id": 7}, "the app_id is a str, not int"),
        ({"access_token": b"s3cret"}, "the access_token is a str, not bytes"),
        ({"app_id": 0, "access_token": "s3cret"}, "the app_id is a str"),
        ({"app_id": "id", "access_token": ""}, "the access_token is empty"),
        ({"access_token": "s3cret\udcff"}, "cannot be sent"),
        ({"access_token": "s3cret\0"}, "cannot be sent"),
        ({"base_url": "foo"}, "one like https://secure.hoiio.com/open/"),
        ({"base_url": ""}, "HOIIO_BASE_URL"),
        ({"base_url": 7}, "base_url is a str like"),
        ({"base_url": [10**5_000]}, "base_url is a str like"),
    ],
)
def test_a_client_is_not_made_of_what_it_could_never_use(kind, settings, says):
    """Not only found at its first request; what is not given may still come to the environment."""
    with pytest.raises(NotConfigured) as raised:
        kind(**settings)
    assert says in str(raised.value)
    assert "s3cret" not in repr(raised.value)
    kind()


@pytest.mark.parametrize("name", ["app_id", "access_token"])
@pytest.mark.parametrize("value", [0, False, "", b"id", [], "a\0", "\udcff"])
def test_credentials_of_one_request_are_looked_at_too(sent, client, name, value):
    """What is no credential must not let the client's own account pay."""
    with pytest.raises(NotConfigured, match=name):
        client.voice.call(A, B, **{name: value})
    assert sent.forms == []


ZONES = [timezone(timedelta(hours=hours)) for hours in (-23, 0, 23)]
WRONG = [
    *(None, 0, -1, True, False, b"", [], {}, (), object(), "", "x" * 10_000, "\0", "\udcff"),
    *(float("nan"), float("inf"), -float("inf"), 10**400, 10**5_000, -(10**5_000), 86_401, 1e300),
    *(A, B, [A], "11111111", "private", "1" * 5_000, "٦٥١١١١١١", "2012-01-01 00:00:00", "GET"),
    *(datetime.min, datetime.max, *(d.replace(tzinfo=z) for z in ZONES for d in
      (datetime.min, datetime.max))),
    *("http://a:99999/", "http://a:b@c/", "http://a/\n", "https://é.example/", "http://[::1"),
]  # fmt: skip
ANYTHING = st.one_of(
    st.sampled_from(WRONG),
    st.text(st.characters()),
    st.integers(),
    st.floats(),
    st.binary(),
    st.datetimes(timezones=st.none() | st.sampled_from(ZONES)),
)
WHO = ["app_id", "access_token"]
OPTIONS = [*WHO, "timeout", "connect_timeout"]
SHARED = ["caller_id", "tag", "notify_url", "idempotency_key", *OPTIONS]
METHODS = {
    "call": ({"dest1": A, "dest2": B}, ["dest1", "dest2", "max_duration", *SHARED]),
    "hangup": ({"txn_ref": "TX-1"}, ["txn_ref", *OPTIONS]),
    "moderate": ({"txn_ref": "TX-1", "action": "kick"}, ["txn_ref", "action", *OPTIONS]),
    "status": ({"txn_ref": "TX-1"}, ["txn_ref", *OPTIONS]),
    "wait": ({"txn_ref": "TX-1"}, ["txn_ref", "until", "timeout", *WHO]),
    "watch": ({"txn_ref": "TX-1"}, ["txn_ref", "timeout", *WHO]),
    "history": ({"to": "2012-01-01 00:00:00"}, ["from_", "from", "to", "page", "upto", *OPTIONS]),
    "rate": ({"dest1": A, "dest2": B}, ["dest1", "dest2", *OPTIONS]),
    "balance": ({}, OPTIONS),
    "info": ({}, OPTIONS),
}
SPOILT = [(method, name) for method, (_, names) in METHODS.items() for name in names]
PLACES = {"dest1": {"dest1", "dest2"}, "from_": {"from_", "to"}, "from": {"from", "to"}}
"""What is found wrong is between two parameters at times."""


def asked(client, method, *args, **kwargs):
    """Have it asked to the end."""
    group = client.account if method in {"balance", "info"} else client.voice
    answer = getattr(group, method)(*args, **kwargs)
    return list(answer) if method == "watch" else answer


def is_right(form):
    """Whether a request has the form that the protocol asks for."""
    numbers = [form[name] for name in ("dest1", "dest2") if name in form]
    numbers += form["dest"].split(",") if "dest" in form else []
    checks = [
        all(wire.NUMBER.fullmatch(number) for number in numbers),
        len(set(numbers)) == len(numbers) <= 8,
        int(form.get("max_duration", 1)) in wire.MAX_DURATION,
        1 <= int(form.get("page", 1)) < 10**9,
        len(form.get("tag", "")) <= wire.TAG_MAX,
        "\0" not in "".join(form.values()),
        wire.ROOM.fullmatch(form.get("room", "R")),
        form.get("action", "kick") in set(wire.Action),
        form.get("from", "") <= form.get("to", "9"),
        form["app_id"] and form["access_token"],
    ]
    for name in {"from", "to"} & form.keys():
        wire.parse_date(form[name])
    return all(checks)


def is_refused_or_right(method, places, *args, **kwargs):
    """Ask, and see that either nothing was sent, or nothing but what is right."""
    sent = Recorder()
    client = Client("id", "token", transport=sent, prefix="65")
    refusal = None
    try:
        asked(client, method, *args, **kwargs)
    except (InvalidArgument, NotConfigured) as error:
        refusal = error
    if refusal is None:
        assert sent.forms
        assert all(is_right(form) for form in sent.forms)
        return
    assert sent.forms == []
    assert len(str(refusal).encode()) < 600
    if isinstance(refusal, InvalidArgument):
        assert refusal.name in places
        assert str(refusal).startswith(f"{refusal.name}: ")
    else:
        assert places & set(WHO)


@pytest.mark.parametrize(("method", "name"), SPOILT, ids=map("-".join, SPOILT))
def test_the_usual_wrong_values_are_refused_in_every_place(method, name):
    """None, numbers that are none, other types, NULs, halves of characters, the ends of time."""
    for value in WRONG:
        kwargs = {**METHODS[method][0], name: value}
        is_refused_or_right(method, PLACES.get(name, {name}), **kwargs)


@given(st.sampled_from(SPOILT), ANYTHING)
def test_whatever_stands_in_one_place_it_is_refused_or_right(spoilt, value):
    """The same of everything that can be made up."""
    method, name = spoilt
    kwargs = {**METHODS[method][0], name: value}
    is_refused_or_right(method, PLACES.get(name, {name}), **kwargs)


@given(st.lists(ANYTHING, max_size=10), st.sampled_from(["room", *SHARED]), ANYTHING)
@example([A, B], "room", "R\n")
def test_whatever_a_conference_is_asked_with_it_is_refused_or_right(dests, name, value):
    """Its numbers have no names of their own."""
    is_refused_or_right("conference", {"dests", name}, *dests, **{name: value})


@given(st.sampled_from(list(METHODS)), st.text(min_size=1), ANYTHING)
@example("balance", "idempotency_key", "order-7")
@example("call", "colour", "blue")
def test_a_keyword_that_a_method_does_not_have_is_a_type_error(method, name, value):
    """As with any function; nothing is sent."""
    given_, known = METHODS[method]
    if name in {*given_, *known}:
        return
    sent = Recorder()
    with pytest.raises(TypeError, match="unexpected keyword"):
        asked(Client("id", "token", transport=sent), method, **given_, **{name: value})
    assert sent.forms == []


SETTINGS = [*WHO, "base_url", "prefix", "method", "connect_timeout", "timeout", "retries"]


@given(st.sampled_from(SETTINGS), ANYTHING)
def test_whatever_a_client_is_made_of_it_is_refused_or_works(name, value):
    """Sync or async; one that was made can be asked."""
    for kind in (Client, AsyncClient):
        with suppress(InvalidArgument, NotConfigured):
            kind(**{name: value})
    sent = Recorder()
    with suppress(InvalidArgument, NotConfigured):
        client = Client(**{"app_id": "id", "access_token": "t", "transport": sent, name: value})
        client.voice.status("TX-1")
        assert len(sent.forms) == 1
