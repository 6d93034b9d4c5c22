"""A phone that changes its session while it talks: hold, resume, refresh, another address."""

import time

import pytest

from hoiio.server.engines.protocol import Answered, Cause
from support.rtp import measure, samples, ulaw_tone
from support.sip_peer import SipPeer

ALICE, BOB = "+6511111111", "+6522222222"
OK = "SIP/2.0 200 OK"


@pytest.fixture
def talking(phone, switch, world):
    """``talking(**settings)``: a scripted phone (leg a) and a real one that plays 1000 Hz."""

    def start(*, headers=(), **settings):
        peer = world.enter_context(SipPeer((0, "200 OK", True), headers=headers))
        real = phone(BOB, "--tone", 1000)
        s = switch({ALICE: peer, BOB: real}, **settings)
        s.connect(("a", ALICE), ("b", BOB))
        s.settle()
        return s, peer, real

    return start


def hears(peer, hertz):
    """Assert that there is a second in which this tone, at its level, is all that comes."""
    seconds = [samples(peer.listen(1.0))]
    while not (good := _is_tone(seconds[-1], hertz)) and len(seconds) < 5:
        seconds.append(samples(peer.listen(1.0)))
    assert good, [measure(audio, hertz) for audio in seconds if len(audio)]


def _is_tone(audio, hertz):
    if len(audio) < 0.8 * 8000:
        return False
    level, purity = measure(audio, hertz)
    return abs(level + 12) < 1 and purity > 30


def test_hold_and_resume(talking):
    """Held, it gets no audio and gives none; resumed, both hear each other as before."""
    s, peer, real = talking()
    with peer.playing(ulaw_tone(600)):
        real.wait_hearing(600)
        hears(peer, 1000)
    answer = peer.reinvite("inactive")
    assert (answer.start, answer.direction) == (OK, "inactive")
    assert peer.listen(0.5) == []
    with peer.playing(ulaw_tone(600)):
        real.wait_hearing()
    answer = peer.reinvite()
    assert (answer.start, answer.direction) == (OK, "sendrecv")
    with peer.playing(ulaw_tone(700)):
        real.wait_hearing(700)
        hears(peer, 1000)
    assert s.kinds("a") == ["Answered"]


def test_hold_with_music(talking):
    """A phone that holds us but goes on sending is heard, and gets no audio itself."""
    _, peer, real = talking()
    answer = peer.reinvite("sendonly")
    assert (answer.start, answer.direction) == (OK, "recvonly")
    with peer.playing(ulaw_tone(800)):
        real.wait_hearing(800)
        assert peer.listen(0.5) == []


@pytest.mark.parametrize("how", ["recvonly", "0.0.0.0"])
def test_other_ways_to_hold(switch, world, how):
    """A phone that only listens, and one that holds the old way (RFC 3264 section 8.4)."""
    peer = world.enter_context(SipPeer((0, "200 OK", True)))
    s = switch({ALICE: peer}, media_timeout=1.2)
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    peer.play(ulaw_tone(600), 0.5)
    old = how == "0.0.0.0"
    answer = peer.reinvite(**({"host": how} if old else {"direction": how}))
    assert answer.start == OK
    time.sleep(2.4)
    assert s.kinds("a") == ["Answered"]
    peer.reinvite()
    assert s.wait_ended("a", timeout=4).cause is Cause.MEDIA_LOST


def test_a_phone_that_answers_on_hold(switch, world):
    """From its very first answer on."""
    peer = world.enter_context(SipPeer((0, "200 OK", True), direction="inactive"))
    s = switch({ALICE: peer}, media_timeout=1.2)
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    time.sleep(2.4)
    assert s.kinds("a") == ["Answered"]


@pytest.mark.parametrize("spoken", [0, 0.5])
def test_a_held_call_outlasts_the_media_timeout(switch, world, spoken):
    """Silence while on hold is no lost phone, nor is a late first packet after it; but then it is.

    It makes no difference whether the phone had ever sent audio before.
    """
    peer = world.enter_context(SipPeer((0, "200 OK", True)))
    s = switch({ALICE: peer}, media_timeout=1.2)
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    peer.play(ulaw_tone(600), spoken)
    peer.reinvite("inactive")
    time.sleep(2.4)
    assert peer.reinvite().start == OK
    time.sleep(0.6)
    assert s.kinds("a") == ["Answered"]
    peer.play(ulaw_tone(600), 0.6)
    assert s.kinds("a") == ["Answered"]
    assert s.wait_ended("a", timeout=4).cause is Cause.MEDIA_LOST
    peer.wait_for("BYE")


def test_a_session_is_refreshed(talking):
    """RFC 4028: a phone that keeps the timer gets its refreshes, by UPDATE or re-INVITE, answered.

    We offer no timer of our own, so the phone is the one that refreshes; the audio never notices.
    """
    s, peer, real = talking(headers=["Session-Expires: 90;refresher=uas"])
    assert "UPDATE" in peer.invite.get("Allow")
    timer = ["Supported: timer", "Session-Expires: 90;refresher=uac"]
    with peer.playing(ulaw_tone(600)):
        real.wait_hearing(600)
        for _ in range(2):
            assert peer.ask("UPDATE", headers=timer).start == OK
            answer = peer.reinvite(headers=timer)
            assert (answer.start, answer.direction) == (OK, "sendrecv")
            hears(peer, 1000)
        real.wait_hearing(600)
    assert s.kinds("a") == ["Answered"]


def test_a_phone_asks_us_to_offer(talking):
    """A re-INVITE without SDP gets our offer in the 200, and its answer in the ACK is taken."""
    _, peer, real = talking()
    with peer.playing(ulaw_tone(600)):
        answer = peer.reinvite(offer=False)
        assert answer.start == OK
        assert "PCMU/8000" in answer.body
        assert "PCMA/8000" in answer.body
        real.wait_hearing(600)
        hears(peer, 1000)


def test_a_phone_moves_its_audio_elsewhere(talking):
    """After a re-INVITE with another port, audio comes from there and goes there."""
    _, peer, real = talking()
    with peer.playing(ulaw_tone(600)):
        real.wait_hearing(600)
    assert peer.reinvite(moved=True).start == OK
    with peer.playing(ulaw_tone(700)):
        real.wait_hearing(700)
        hears(peer, 1000)
