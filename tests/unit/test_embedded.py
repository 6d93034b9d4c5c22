"""The embedded engine's pure parts: routes, settings, messages, what a close means, its log."""

import asyncio
import time

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.engines.clock import Clock
from hoiio.server.engines.embedded.config import EmbeddedConfig, Ringback, Trunk
from hoiio.server.engines.embedded.farewell import Farewells
from hoiio.server.engines.embedded.messages import (
    Begin,
    BrokenPipeMessage,
    Inbox,
    Quit,
    Stats,
    decode,
    encode,
)
from hoiio.server.engines.embedded.outcome import read_close
from hoiio.server.engines.embedded.process import StderrLog
from hoiio.server.engines.embedded.routing import Target, build_router
from hoiio.server.engines.protocol import Bridge, Cause, Dial, Ended
from hoiio.server.readers import routes

ALICE = "+6511111111"


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("sip:127.0.0.1:5060", Target(ALICE, "127.0.0.1", 5060)),
        ("sip:+6522222222@10.0.0.1:5062", Target("+6522222222", "10.0.0.1", 5062)),
        ("sip:6522222222@pbx.example.com:5061", Target("6522222222", "pbx.example.com", 5061)),
        ("sip:10.0.0.1", Target(ALICE, "10.0.0.1", 5060)),
        ("sip:+6522222222@pbx.example.com", Target("+6522222222", "pbx.example.com", 5060)),
    ],
)
def test_a_route_is_read(uri, target):
    """A user part of its own or the number's, a host, a port or SIP's; so may it be configured."""
    assert build_router(routes({ALICE: uri}), None).find(ALICE) == target


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "12345",
        "tel:+6511111111",
        "sip:",
        "sips:127.0.0.1:5061",
        "sip:127.0.0.1:",
        "sip:127.0.0.1;transport=tcp",
        "sip:127.0.0.1?Replaces=x",
        "sip:127.0.0.1:0",
        "sip:127.0.0.1:65536",
        "sip:127.0.0.1:5060;transport=tcp",
        "sip:alice@127.0.0.1:5060",
        "sip:+65@1@127.0.0.1:5060",
        "sip:+٣٤٥٦@127.0.0.1:5060",
        "sip:+6511111111@127.0.0.1:5060?Replaces=x",
        "sip:+6511111111@[::1]:5060",
        "sip:127.0.0.1:5060\r\nX: y",
        "sip:127.0.0.1:5060\n",
        "sip:-x:5060",
        "sip:a..b:5060",
    ],
)
def test_a_route_that_must_not_be_dialled_is_refused(uri):
    """What the stack could choke on never gets past the configuration; the text names it."""
    with pytest.raises(ValueError, match="route of \\+6511111111"):
        EmbeddedConfig(routes={ALICE: uri})


def test_a_route_of_no_number_is_refused():
    """Routes lead from numbers in E.164 form."""
    with pytest.raises(ValueError, match="not a number"):
        EmbeddedConfig(routes={"alice": "sip:127.0.0.1:5060"})


def test_the_trunk_takes_what_no_route_covers():
    """With its plus or without, as it wants it."""
    routes = {ALICE: "sip:127.0.0.1:5060"}
    trunk = ("sip.example.com", 5080)
    assert build_router(routes, trunk).find(ALICE).by_trunk is False
    assert build_router(routes, trunk).find("+6522222222").uri("192.0.2.7") == (
        "sip:+6522222222@192.0.2.7:5080"
    )
    assert build_router(routes, trunk, plus=False).find("+6522222222").user == "6522222222"
    assert build_router(routes, None).find("+6522222222") is None


@given(st.text(max_size=20))
def test_nothing_but_a_plus_and_digits_is_ever_dialled(number):
    """Whatever text comes as a number, a target's user part is plain."""
    target = build_router({}, ("127.0.0.1", 5060)).find(number)
    assert target is None or (target.user == number and target.user[1:].isascii())
    if target is not None:
        assert target.user[0] == "+"
        assert set(target.user[1:]) <= set("0123456789")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: EmbeddedConfig(sip_host="localhost"),
        lambda: EmbeddedConfig(sip_port=70000),
        lambda: EmbeddedConfig(max_legs=0),
        lambda: EmbeddedConfig(max_legs=201),
        lambda: EmbeddedConfig(media_timeout=0.5),
        lambda: EmbeddedConfig(rtp_ports=(20000, 10000)),
        lambda: EmbeddedConfig(public_address="a b"),
        lambda: Trunk("sip.example.com;x"),
        lambda: Trunk("sip.example.com", port=0),
        lambda: Trunk("sip.example.com", user="a@b"),
        lambda: Trunk("sip.example.com", password='a"b'),
        lambda: Trunk("sip.example.com", register=True),
        lambda: Trunk("sip.example.com", pai_on_private=True),
        lambda: Trunk("sip.example.com", number="12"),
        lambda: Trunk("sip.example.com", codecs=("opus",)),
        lambda: Ringback(cadence=()),
        lambda: Ringback(frequency=5000),
        lambda: Ringback(level=3),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(wrong):
    """At once and with a sentence, not at the first call."""
    with pytest.raises(ValueError, match=" "):
        wrong()


def test_a_trunks_password_is_not_shown():
    """Neither by the trunk nor by the settings around it."""
    trunk = Trunk("sip.example.com", user="u", password="very secret")
    assert "secret" not in repr(trunk)
    assert "secret" not in repr(EmbeddedConfig(trunk=trunk))


@pytest.mark.parametrize(
    ("text", "answered", "expected"),
    [
        ("486 Busy Here", False, (Cause.REMOTE, 486)),
        ("302 Moved", False, (Cause.REMOTE, 302)),
        ("603", False, (Cause.REMOTE, 603)),
        ("Connection timed out [110]", False, (Cause.NO_RESPONSE, None)),
        ("", False, (Cause.NO_RESPONSE, None)),
        ("Connection reset by peer [104]", True, (Cause.REMOTE, None)),
        ("rtp stream error", True, (Cause.MEDIA_LOST, None)),
        ("4860 is not a code", False, (Cause.NO_RESPONSE, None)),
    ],
)
def test_what_a_close_means(text, answered, expected):
    """The stack's last words, as cause and code."""
    assert read_close(text, answered=answered) == expected


MESSAGES = [
    Begin(EmbeddedConfig(routes={ALICE: "sip:127.0.0.1:5060"}, trunk=Trunk("x.y")), 5060, -7),
    Quit(),
    Stats(at=3, legs=2),
    Dial("a", ALICE, None, 1.5, 2.0, "b"),
    Bridge("a", "room", digits=True),
    Ended("a", 12, Cause.REMOTE, 486, rang=True),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_survives_the_pipe(message):
    """Types, enumerations and optional fields come back as they were."""
    assert decode(encode(7, message)[4:]) == (7, message)


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x93\x01\xa4Boom\xc0", b"\x93\x01\xa4Dial\xc0"])
def test_nonsense_on_the_pipe_is_told_apart(body):
    """Unreadable bytes and unknown kinds are one typed error."""
    with pytest.raises(BrokenPipeMessage):
        decode(body)


def read_all(data):
    async def run():
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        inbox = Inbox(reader)
        messages = []
        while (message := await inbox.next()) is not None:
            messages.append(message)
        return messages

    return asyncio.run(run())


def test_a_lost_message_is_noticed():
    """Messages are numbered without gaps; a cut-off one is the end of the pipe."""
    one, two, three = (encode(number, Quit()) for number in (1, 2, 3))
    assert read_all(one + two + three[:-1]) == [Quit(), Quit()]
    with pytest.raises(BrokenPipeMessage, match="3 came after 1"):
        read_all(one + three)


def trace(way, first, cseq, call="abc"):
    return f"{way} UDP 127.0.0.1:1 -> 127.0.0.1:2\n{first}\nCall-ID: {call}\nCSeq: {cseq}\n"


def test_a_goodbye_is_open_until_it_is_answered():
    """By its own final answer, of its own call; what the far end asks of us does not count."""
    farewells = Farewells()
    farewells.take(trace("TX", "BYE sip:x SIP/2.0", "2 BYE"))
    farewells.take(trace("TX", "CANCEL sip:x SIP/2.0", "1 CANCEL", "def"))
    farewells.take(trace("TX", "INVITE sip:x SIP/2.0", "1 INVITE"))
    farewells.take(trace("RX", "BYE sip:x SIP/2.0", "9 BYE", "ghi"))
    farewells.take(trace("TX", "SIP/2.0 200 OK", "9 BYE", "ghi"))
    farewells.take(trace("RX", "SIP/2.0 100 Trying", "2 BYE"))
    farewells.take("nonsense")
    assert farewells.unanswered == {("abc", "2 BYE"), ("def", "1 CANCEL")}
    farewells.take(trace("RX", "SIP/2.0 200 OK", "2 BYE"))
    farewells.take(trace("RX", "SIP/2.0 481 Gone", "1 CANCEL", "def"))
    assert farewells.unanswered == set()


def test_the_clock_agrees_with_the_wall_and_its_own_monotonic():
    """Microseconds since 1970; an instant converts to an event loop's time."""
    clock = Clock(1_000_000_000)
    assert clock.monotonic(1_002_500_000) == 2.5
    assert abs(clock.monotonic(clock.now()) - time.monotonic()) < 0.1


def test_a_childs_chatter_is_limited():
    """Twenty lines in ten seconds, then a count of what was left out."""
    log = StderrLog(1)
    with structlog.testing.capture_logs() as written:
        log.take("noise\n" * 1000, now=100.0)
        log.take("noise\n" * 1000, now=105.0)
        log.take("quiet\n\n", now=111.0)
    events = [entry["event"] for entry in written]
    assert events == ["engine.stderr"] * 20 + ["engine.stderr_dropped", "engine.stderr"]
    assert written[20]["lines"] == 1980


def test_a_childs_line_that_comes_in_pieces_is_one():
    """However the pipe cut it; one without an end is not kept for ever."""
    log = StderrLog(1)
    with structlog.testing.capture_logs() as written:
        log.take("one\r\nt", now=100.0)
        log.take("w", now=100.0)
        log.take("o\nthree", now=100.0)
        log.take("\n" + 3 * log.LENGTH * "x", now=100.0)
    assert [entry["line"] for entry in written] == ["one", "two", "three", log.LENGTH * "x"]
