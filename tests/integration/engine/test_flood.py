"""What anybody on the network may send to the engine's open ports, while calls are up."""

import time

import pytest
import structlog

from hoiio.server.engines.embedded.process import StderrLog
from hoiio.server.engines.protocol import Answered
from support.ears import Ears
from support.flood import KINDS, Stranger, datagrams, resident, udp_ports
from support.rtp import ulaw_tone
from support.sip_message import session
from support.sip_peer import SipPeer
from support.switch import wait_until
from support.torture import MESSAGES

ALICE, BOB, CAROL = "+6511111111", "+6522222222", "+6533333333"
CALLER_ID = "+6599999999"
DATAGRAMS = 10_000
PACE = 0.001
MEGABYTE = 1024 * 1024


@pytest.fixture
def stranger(world):
    return world.enter_context(Stranger())


def talking(phone, switch):
    """An engine, and two phones that hear each other's tones, judged from now on."""
    a, b, c = phone(ALICE, "--tone", 600), phone(BOB, "--tone", 1000), phone(CAROL, "--tone", 1500)
    s = switch({ALICE: a, BOB: b, CAROL: c})
    for leg, number in (("a", ALICE), ("b", BOB)):
        s.dial(leg, number, CALLER_ID, talk=120)
        s.wait(Answered, leg)
        s.bridge(leg)
    a.wait_hearing(1000)
    b.wait_hearing(600)
    return s, (a, b, c), [Ears(a, 1000), Ears(b, 600)]


def media_ports(s):
    return [port for port in udp_ports(s.engine.pid) if port != s.engine.sip_address[1]]


def stray_invite(number, stranger, index):
    """A perfectly good INVITE to a number."""
    body = session(4000)
    return (
        f"INVITE sip:{number}@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{stranger.port};branch=z9hG4bKstray{index}\r\n"
        f"From: <sip:stranger@127.0.0.1>;tag=stray{index}\r\nTo: <sip:{number}@127.0.0.1>\r\n"
        f"Call-ID: stray{index}\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n"
        f"Contact: <sip:stranger@127.0.0.1:{stranger.port}>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
        f"{body}"
    ).encode()


def test_a_flood_at_the_open_ports(phone, switch, stranger):
    """The torture messages and 10,000 datagrams at SIP, RTP and RTCP: what the phones hear stays as
    it was, memory stays bounded, the log is short, no call comes of it, and calls work after it.
    """
    s, (a, _, c), ears = talking(phone, switch)
    sip, pid = s.engine.sip_address[1], s.engine.pid
    ports = [sip, *media_ports(s)]
    before, began, told = resident(pid), time.monotonic(), len(s.events)
    with structlog.testing.capture_logs() as log:
        for data in MESSAGES.values():
            stranger.send(data, *ports)
            time.sleep(PACE)
        for index, data in enumerate(datagrams(DATAGRAMS)):
            stranger.send(data, sip, ports[index // KINDS % len(ports)])
            time.sleep(PACE)
        a.hearing(skip=0)
    seconds = time.monotonic() - began
    lines = [entry for entry in log if entry["event"] == "engine.stderr"]
    assert 0 < len(lines) <= StderrLog.LINES * (seconds / StderrLog.SECONDS + 2)
    assert resident(pid) - before < 30 * MEGABYTE
    assert s.engine.pid == pid
    for each in ears:
        each.check(at_least=int(seconds) - 3)
    assert len(s.events) == told
    assert not c.told("ringing")
    s.dial("c", CAROL)
    s.wait(Answered, "c")
    s.bridge("c")
    c.wait_hearing(600, 1000)


def test_incoming_calls_are_refused(phone, switch, stranger):
    """An INVITE that nobody asked for gets a refusal, be it to a phone of ours or to a caller ID in
    use, which the stack knows as an account (it says 180 and in the same breath 486); no phone
    rings and nothing is reported.
    """
    s, (_, _, c), ears = talking(phone, switch)
    told = len(s.events)
    for index in range(50):
        number = CAROL if index % 2 else CALLER_ID
        stranger.send(stray_invite(number, stranger, index), s.engine.sip_address[1])
    answers = []

    def refused():
        answers.extend(stranger.answers())
        finals = (text for text in answers if not text.startswith("SIP/2.0 1"))
        return len({text.split("Call-ID: ")[1].split("\r\n")[0] for text in finals}) == 50

    wait_until(refused)
    assert {text[:9] for text in answers} <= {"SIP/2.0 1", "SIP/2.0 4", "SIP/2.0 6"}
    ears[0].phone.hearing(skip=3)
    assert len(s.events) == told
    assert not c.told("ringing")
    for each in ears:
        each.check(at_least=1)


def test_a_strangers_audio_is_not_heard(phone, switch, stranger):
    """A stream of its own at both phones' ports, well formed, from this very machine."""
    s, _, ears = talking(phone, switch)
    ports, tone = media_ports(s), ulaw_tone(2500)
    for index in range(250):
        head = bytes([0x80, 0]) + index.to_bytes(2, "big") + (index * 160).to_bytes(4, "big")
        stranger.send(head + b"evil" + tone(index), *ports)
        time.sleep(0.02)
    for each in ears:
        each.check(at_least=3)


def test_a_far_end_may_move_its_audio(phone, switch, world):
    """From where the final answer says, though the early audio came from somewhere else."""
    a = phone(ALICE)
    peer = world.enter_context(SipPeer((0, "183 Session Progress", True), (1.5, "200 OK", True)))
    s = switch({ALICE: a, BOB: peer})
    s.connect(("a", ALICE))
    s.dial("b", BOB)
    peer.wait_for("INVITE")
    time.sleep(0.5)
    peer.move_audio()
    s.wait(Answered, "b")
    s.bridge("b")
    peer.wait_for("ACK")
    peer.play(ulaw_tone(1200), 3)
    assert a.hears(1200) > -20
