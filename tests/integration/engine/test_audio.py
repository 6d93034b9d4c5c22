"""Who hears what: rooms, muting, ringback, early media, digits."""

import threading

import pytest

from hoiio.server.engines.protocol import Answered, Digit, EarlyMedia, Ringing
from support.rtp import ulaw_tone
from support.sip_peer import SipPeer

ALICE, BOB, CAROL = "+6511111111", "+6522222222", "+6533333333"


def test_two_phones_hear_each_other_and_not_themselves(phone, switch):
    """Each hears exactly one tone, the other's; the end reaches both."""
    a, b = phone(ALICE, "--tone", 600), phone(BOB, "--tone", 1000)
    s = switch({ALICE: a, BOB: b})
    s.connect(("a", ALICE), ("b", BOB))
    a.wait_hearing(1000)
    b.wait_hearing(600)
    s.hang_up("a")
    s.hang_up("b")
    assert a.wait("ended")["reason"] == "remote"
    assert b.wait("ended")["reason"] == "remote"
    assert s.kinds("a") == ["Ringing", "Answered", "Ended"]


def test_three_in_a_room_one_muted_and_a_second_room(phone, switch):
    """Everybody hears everybody else but the muted one, who hears all; rooms don't mix."""
    dave = "+6544444444"
    a, b = phone(ALICE, "--tone", 600), phone(BOB, "--tone", 1000)
    c, d = phone(CAROL, "--tone", 1500), phone(dave, "--tone", 2100)
    s = switch({ALICE: a, BOB: b, CAROL: c, dave: d})
    s.connect(("a", ALICE), ("b", BOB), ("c", CAROL))
    s.dial("d", dave)
    s.wait(Answered, "d")
    s.bridge("d", room="other")
    s.bridge("c", muted=True)
    a.wait_hearing(1000)
    b.wait_hearing(600)
    c.wait_hearing(600, 1000)
    d.wait_hearing()
    s.bridge("c")
    a.wait_hearing(1000, 1500)


def test_the_first_phone_hears_the_second_ring(phone, switch):
    """A ringback tone from the 180 to the answer, then the other's voice."""
    a, b = phone(ALICE), phone(BOB, "--answer-after", 3.5, "--tone", 1000)
    s = switch({ALICE: a, BOB: b})
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    s.dial("b", BOB, heard_by="a")
    s.wait(Ringing, "b")
    tones = _first_sound(a)
    assert any(abs(hz - 425) <= 30 for hz in tones)
    s.wait(Answered, "b")
    s.bridge("a")
    s.bridge("b")
    a.wait_hearing(1000)


def _first_sound(phone, timeout=6):
    heard = len(phone.events)
    for _ in range(timeout):
        event = phone.wait("hearing", timeout, after=heard)
        heard = phone.events.index(event, heard) + 1
        if event["tones"]:
            return [tone["hz"] for tone in event["tones"]]
    raise AssertionError("silence")


def test_early_media_is_heard_one_way_and_is_no_answer(phone, switch, world):
    """The network's own announcement reaches the waiting phone instead of our tone."""
    a = phone(ALICE, "--tone", 600)
    peer = world.enter_context(
        SipPeer((0, "183 Session Progress", True), (4, "480 Temporarily Unavailable", False))
    )
    s = switch({ALICE: a, BOB: peer})
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    s.dial("b", BOB, heard_by="a")
    s.wait(EarlyMedia, "b")
    playing = threading.Thread(target=peer.play, args=(ulaw_tone(1200), 3))
    playing.start()
    a.hears(1200)
    playing.join()
    assert peer.silent()
    assert s.wait_ended("b").code == 480
    assert "Answered" not in s.kinds("b")


@pytest.mark.parametrize("seconds", [0, 0.5])
def test_silent_early_media_does_not_count_as_a_vanished_phone(switch, world, seconds):
    """A network may announce audio and play little or none; the leg goes on ringing."""
    peer = world.enter_context(SipPeer((0, "183 Session Progress", True), (3, "200 OK", True)))
    s = switch({ALICE: peer}, media_timeout=1)
    s.dial("a", ALICE)
    s.wait(EarlyMedia, "a")
    peer.play(ulaw_tone(1200), seconds)
    s.wait(Answered, "a")
    assert s.kinds("a")[:2] == ["EarlyMedia", "Answered"]


def test_digits_are_reported_and_passed_on_once(phone, switch):
    """Each key press of one phone arrives at the other once, in order, and not back."""
    a, b = phone(ALICE, "--press", "12#"), phone(BOB)
    s = switch({ALICE: a, BOB: b})
    s.dial("b", BOB)
    s.wait(Answered, "b")
    s.bridge("b", digits=True)
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    s.bridge("a", digits=True)
    s.wait(Digit, "a", count=3)
    b.wait("digit", digit="#")
    a.wait("hearing", after=len(a.events))
    assert [event.digit for event in s.of("a") if isinstance(event, Digit)] == ["1", "2", "#"]
    assert [event["digit"] for event in b.told("digit")] == ["1", "2", "#"]
    assert a.told("digit") == []
    assert "Digit" not in s.kinds("b")


def test_digits_by_info_and_rooms_without_digits(phone, switch, world):
    """A key pressed by SIP INFO counts too; where digits are not passed on, only we hear of it."""
    b = phone(BOB)
    peer = world.enter_context(SipPeer((0, "200 OK", True)))
    s = switch({ALICE: peer, BOB: b})
    s.connect(("b", BOB), ("a", ALICE))
    s.settle()
    peer.send("INFO", "Signal=5\r\nDuration=160\r\n", "application/dtmf-relay")
    assert s.wait(Digit, "a").digit == "5"
    s.bridge("a", digits=True)
    s.settle()
    peer.send("INFO", "Signal=7\r\nDuration=160\r\n", "application/dtmf-relay")
    b.wait("digit", digit="7")
    assert [event["digit"] for event in b.told("digit")] == ["7"]
