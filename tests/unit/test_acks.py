"""ACKs that are kept in case they got lost."""

import socket

from hoiio.server.engines.embedded.acks import Acks, bound_socket

US, THEM = ("127.0.0.1", 5060), ("127.0.0.1", 5070)


def said(way, start, cseq, call="one"):
    """A message in the trace's own form: without the empty line at its end."""
    source, target = (US, THEM) if way == "TX" else (THEM, US)
    addresses = " -> ".join(f"{host}:{port}" for host, port in (source, target))
    lines = [f"{start}", f"Call-ID: {call}", f"CSeq: {cseq}", "Content-Length: 0"]
    return f"{way} UDP {addresses}\n" + "\n".join(lines)


def kept(*messages, clock=lambda: 0.0):
    """What is sent after these messages."""
    sent = []
    acks = Acks(lambda data, address: sent.append((data, address)), clock)
    for message in messages:
        acks.take(message)
    return sent


OK = said("RX", "SIP/2.0 200 OK", "1 INVITE")
ACK = said("TX", "ACK sip:x SIP/2.0", "1 ACK")


def test_a_repeated_200_gets_its_ack_again_to_the_letter():
    """The whole message with its end, to where it went the first time, each time."""
    ack = b"ACK sip:x SIP/2.0\r\nCall-ID: one\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
    assert kept(OK, ACK) == []
    assert kept(OK, ACK, OK, OK) == [(ack, THEM)] * 2


def test_nothing_else_is_answered():
    """Not another call's or request's 200, not one of a BYE, no 1xx or refusal, not our own."""
    others = [
        said("RX", "SIP/2.0 200 OK", "1 INVITE", call="two"),
        said("RX", "SIP/2.0 200 OK", "2 INVITE"),
        said("RX", "SIP/2.0 200 OK", "1 BYE"),
        said("RX", "SIP/2.0 180 Ringing", "1 INVITE"),
        said("RX", "SIP/2.0 486 Busy Here", "1 INVITE"),
        said("TX", "SIP/2.0 200 OK", "1 INVITE"),
        said("RX", "ACK sip:y SIP/2.0", "1 ACK"),
        "RX UDP nonsense",
        "",
    ]
    assert kept(OK, ACK, *others) == []


def test_an_ack_is_forgotten_when_its_200_cannot_come_any_more():
    """After half a minute, at the next call's ACK."""
    now = iter([0.0, 20.0, 40.0])
    later = [said("TX", "ACK sip:x SIP/2.0", "1 ACK", call=call) for call in ("two", "three")]
    assert len(kept(ACK, later[0], OK, clock=lambda: next(now))) == 1
    now = iter([0.0, 20.0, 40.0])
    assert kept(ACK, *later, OK, clock=lambda: next(now)) == []


def test_our_own_socket_is_found_by_its_address():
    """What is sent through it comes from that very port; there is none for a port not ours."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs,
    ):
        ours.bind(("127.0.0.1", 0))
        theirs.bind(("127.0.0.1", 0))
        theirs.settimeout(2)
        with bound_socket(ours.getsockname()) as found:
            found.sendto(b"hello", theirs.getsockname())
            assert theirs.recvfrom(100) == (b"hello", ours.getsockname())
    assert bound_socket(("127.0.0.1", 1)) is None
