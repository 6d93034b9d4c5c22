"""Which packets reach a call: SDP as it is read, and the filter on real sockets."""

import ipaddress
import socket
from contextlib import ExitStack
from itertools import product

import pytest

from hoiio.server.engines.embedded.guard import Media, MediaGuard, read_media

HERE, THERE = "127.0.0.1", "127.0.0.2"


def sdp(*lines, port=4000, head="c=IN IP4 192.0.2.1\n"):
    return f"v=0\n{head}t=0 0\nm=audio {port} RTP/AVP 0\n" + "".join(f"{x}\n" for x in lines)


@pytest.mark.parametrize(
    ("body", "address", "port"),
    [
        (sdp(), "192.0.2.1", 4000),
        (sdp("c=IN IP4 192.0.2.2"), "192.0.2.2", 4000),
        (sdp("a=sendrecv", "m=video 5000 RTP/AVP 31", "c=IN IP4 192.0.2.3"), "192.0.2.1", 4000),
        (sdp("c=IN IP4 192.0.2.4", head=""), "192.0.2.4", 4000),
    ],
)
def test_where_audio_comes_from(body, address, port):
    """The media's own address comes before the session's (RFC 4566 section 5.7)."""
    assert read_media(f"INVITE x\n\n{body}") == Media(ipaddress.IPv4Address(address), port)


@pytest.mark.parametrize(
    "body",
    [
        "",
        sdp(head=""),
        sdp(port=0),
        sdp(head="c=IN IP4 0.0.0.0\n"),
        sdp(head="c=IN IP6 ::1\n"),
        sdp(head="c=IN IP4 1.2.3.4.5\n"),
        sdp(head="c=IN IP4 pbx.example.com\n"),
        "v=0\nc=IN IP4 192.0.2.1\nm=video 5000 RTP/AVP 31\n",
    ],
)
def test_no_address_to_expect_audio_from(body):
    """On hold, without audio, or not to be read: nothing is changed then."""
    assert read_media(f"INVITE x\n\n{body}") is None


def trace(way, call, address, port):
    body = sdp(port=port, head=f"c=IN IP4 {address}\n")
    return f"{way} UDP a -> b\nSIP/2.0 200 OK\nCall-ID: {call}\n\n{body}"


@pytest.fixture
def world():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def sockets(world):
    """Our RTP and RTCP ports, one after the other, and two ports on each of two far hosts."""

    def bound(host, port=0):
        sock = world.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.bind((host, port))
        return sock

    while True:
        rtp = bound(HERE)
        try:
            rtcp = bound(HERE, rtp.getsockname()[1] + 1)
        except OSError:
            continue
        return rtp, rtcp, [bound(host) for host in (HERE, HERE, THERE, THERE)]


def admitted(ours, senders):
    """Which of the senders come through."""
    for index, sender in enumerate(senders):
        sender.sendto(bytes([index]), ours.getsockname())
    ours.settimeout(0.2)
    found = []
    try:
        while True:
            found.append(ours.recv(10)[0])
    except TimeoutError:
        return found


def test_only_the_far_end_comes_through(sockets):
    """Its very port for RTP, any of that host for RTCP; before, and for other calls, everybody."""
    rtp, rtcp, senders = sockets
    guard, port = MediaGuard(), rtp.getsockname()[1]
    far = senders[1].getsockname()
    assert admitted(rtp, senders) == [0, 1, 2, 3]
    guard.take(trace("TX", "call", HERE, port))
    guard.take(trace("RX", "unknown", *far))
    assert admitted(rtp, senders) == [0, 1, 2, 3]
    guard.take(trace("RX", "call", *far))
    assert admitted(rtp, senders) == [1]
    assert admitted(rtcp, senders) == [0, 1]


def test_the_far_end_moves(sockets):
    """A later answer or re-INVITE counts instead of the one before, as often as it comes."""
    rtp, rtcp, senders = sockets
    guard = MediaGuard()
    guard.take(trace("TX", "call", HERE, rtp.getsockname()[1]))
    for _, index in product(range(2), range(4)):
        guard.take(trace("RX", "call", *senders[index].getsockname()))
        assert admitted(rtp, senders) == [index]
        assert admitted(rtcp, senders) == ([0, 1] if index < 2 else [2, 3])


def test_calls_without_end_are_forgotten(sockets):
    """The last thousand are known: enough for all that can be up, and bounded."""
    rtp, _, senders = sockets
    guard = MediaGuard()
    guard.take(trace("TX", "old", HERE, rtp.getsockname()[1]))
    for index in range(1_000):
        guard.take(trace("TX", f"call{index}", HERE, 1))
    guard.take(trace("RX", "old", *senders[1].getsockname()))
    assert admitted(rtp, senders) == [0, 1, 2, 3]
