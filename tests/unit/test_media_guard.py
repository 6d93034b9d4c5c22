"""Which packets reach a call: the filter on real sockets."""

import socket
from contextlib import ExitStack
from itertools import product

import pytest

from hoiio.server.engines.embedded.guard import MediaGuard

HERE, THERE = "127.0.0.1", "127.0.0.2"


def trace(way, call, address, port):
    body = f"v=0\nc=IN IP4 {address}\nt=0 0\nm=audio {port} RTP/AVP 0\n"
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


def test_a_call_is_known_as_long_as_its_port_is_its_own(sockets):
    """However many come and go meanwhile; once another call has the port, only that one counts."""
    rtp, _, senders = sockets
    guard, port = MediaGuard(), rtp.getsockname()[1]
    guard.take(trace("TX", "old", HERE, port))
    for index in range(2_000):
        guard.take(trace("TX", f"call{index}", HERE, 1 + index % 100))
    guard.take(trace("RX", "old", *senders[1].getsockname()))
    assert admitted(rtp, senders) == [1]
    guard.take(trace("TX", "new", HERE, port))
    guard.take(trace("RX", "new", *senders[2].getsockname()))
    guard.take(trace("RX", "old", *senders[1].getsockname()))
    assert admitted(rtp, senders) == [2]
    assert len(guard._ports) <= 101
