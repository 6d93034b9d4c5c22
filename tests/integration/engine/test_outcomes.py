"""How a leg ends, and what the engine says about it."""

import time

import pytest

from hoiio.server.engines.protocol import Answered, Cause, Ended, EngineUnavailable, Ringing
from support.sip_peer import SipPeer, silent_port

ALICE, BOB = "+6511111111", "+6522222222"


def test_a_busy_phone_is_reported_with_its_code(phone, switch):
    """486 comes through as it was, after no answer."""
    s = switch({ALICE: phone(ALICE, "--busy")})
    s.dial("a", ALICE)
    end = s.wait_ended("a")
    assert (end.cause, end.code) == (Cause.REMOTE, 486)
    assert "Answered" not in s.kinds("a")


@pytest.mark.parametrize(
    ("status", "rang"), [("404 Not Found", False), ("480 Gone", True), ("603 Decline", True)]
)
def test_every_refusal_keeps_its_code(switch, world, status, rang):
    """The final SIP answer is reported raw, with whether it rang before."""
    script = [(0, "180 Ringing", False)] if rang else []
    peer = world.enter_context(SipPeer(*script, (0.1 if rang else 0, status, False)))
    s = switch({ALICE: peer})
    s.dial("a", ALICE)
    end = s.wait_ended("a")
    assert (end.cause, end.code, end.rang) == (Cause.REMOTE, int(status[:3]), rang)


def test_a_redirection_is_not_followed(switch, world):
    """A 302 is a refusal; the address it names is never called."""
    elsewhere = world.enter_context(SipPeer((0, "486 Busy Here", False)))
    peer = world.enter_context(
        SipPeer(
            (0, "302 Moved Temporarily", False),
            contact=f"<sip:+6577777777@127.0.0.1:{elsewhere.port}>",
        )
    )
    s = switch({ALICE: peer})
    s.dial("a", ALICE)
    assert s.wait_ended("a").code == 302
    time.sleep(0.3)
    assert elsewhere.requests == []


def test_a_transfer_request_is_refused(switch, world):
    """REFER changes nothing: nobody else is called and the call goes on."""
    elsewhere = world.enter_context(SipPeer((0, "486 Busy Here", False)))
    peer = world.enter_context(SipPeer((0, "200 OK", True)))
    s = switch({ALICE: peer})
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    peer.send("REFER", refer_to=f"<sip:+6577777777@127.0.0.1:{elsewhere.port}>")
    assert "603" in peer.wait_for("NOTIFY", matching=lambda r: "603" in r.body).body
    assert elsewhere.requests == []
    assert s.kinds("a") == ["Answered"]


def test_a_stranger_does_not_take_a_call_over(switch, world):
    """An INVITE that would replace a leg (RFC 3891) is refused; the call goes on as it was."""
    peer = world.enter_context(SipPeer((0, "200 OK", True)))
    thief = world.enter_context(SipPeer())
    s = switch({ALICE: peer})
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    invite = peer.wait_for("INVITE")
    ours = invite.get("From").partition("tag=")[2]
    replaces = f"Replaces: {invite.get('Call-ID')};to-tag={ours};from-tag=peer"
    thief.call(BOB, s.engine.sip_address, headers=[replaces, "Require: replaces"])
    answer = thief.wait_for("SIP/2.0", matching=lambda r: not r.start.startswith("SIP/2.0 1"))
    assert answer.start[8] in "45"
    assert s.kinds("a")[-1] == "Answered"
    assert peer.heard("BYE") == []
    assert thief.heard("INVITE") == []


def test_an_incoming_call_is_refused_and_does_not_disturb(switch, world):
    """An INVITE, even to a number that we show, gets a final refusal and makes no leg."""
    peer = world.enter_context(SipPeer((0, "200 OK", True)))
    s = switch({ALICE: peer})
    s.dial("a", ALICE, BOB)
    s.wait(Answered, "a")
    peer.call(BOB, s.engine.sip_address)
    reply = peer.wait_for(
        "SIP/2.0", matching=lambda r: "INVITE" in r.get("CSeq") and r.start[8:9] != "1"
    )
    assert reply.start.startswith("SIP/2.0 486")
    assert {event.leg for event in s.events} == {"a"}


def test_nobody_picks_up(phone, switch):
    """A phone that rings on is given up at the ring time-out, not before."""
    a = phone(ALICE, "--no-answer")
    s = switch({ALICE: a})
    began = s.engine.now()
    s.dial("a", ALICE, ring=1.0)
    end = s.wait_ended("a")
    assert (end.cause, end.code, end.rang) == (Cause.RING_TIMEOUT, None, True)
    assert 1_000_000 <= end.at - began < 1_500_000
    assert a.wait("ended")["reason"] == "cancelled"


def test_nothing_there(switch):
    """No answer of any kind is told apart from a phone that rings."""
    with silent_port() as port:
        s = switch({ALICE: f"sip:127.0.0.1:{port}"})
        s.dial("a", ALICE, ring=1.0)
        end = s.wait_ended("a")
    assert (end.cause, end.rang) == (Cause.NO_RESPONSE, False)


def test_no_route(switch):
    """A number that leads nowhere is ended without an INVITE."""
    s = switch({})
    assert not s.engine.reaches(ALICE)
    s.dial("a", ALICE)
    assert s.wait_ended("a").cause is Cause.NOT_DIALLED


def test_an_address_out_of_reach_is_not_dialled(switch):
    """An engine on this machine only does not try to leave it, and goes on living."""
    s = switch({ALICE: "sip:192.0.2.1:5060", BOB: "sip:no-such-host.invalid:5060"})
    s.dial("a", ALICE)
    s.dial("b", BOB)
    assert s.wait_ended("a").cause is Cause.NOT_DIALLED
    assert s.wait_ended("b").cause is Cause.NOT_DIALLED


def test_the_phone_hangs_up(phone, switch):
    """A BYE from the far end is seen at once and has no code."""
    s = switch({ALICE: phone(ALICE, "--hang-up-after", 0.5)})
    s.dial("a", ALICE)
    answered = s.wait(Answered, "a")
    end = s.wait_ended("a")
    assert (end.cause, end.code, end.rang) == (Cause.REMOTE, None, True)
    assert 400_000 < end.at - answered.at < 1_200_000


def test_a_call_ends_after_its_talk_time(phone, switch):
    """``talk_seconds`` run from the answer."""
    a = phone(ALICE)
    s = switch({ALICE: a})
    s.dial("a", ALICE, talk=1.0)
    answered = s.wait(Answered, "a")
    end = s.wait_ended("a")
    assert end.cause is Cause.DEADLINE
    assert 1_000_000 <= end.at - answered.at < 1_300_000
    assert a.wait("ended")["reason"] == "remote"


def test_a_new_deadline_replaces_the_old_one(phone, switch):
    """The instant of ``SetDeadline`` counts, be it later or earlier than before."""
    s = switch({ALICE: phone(ALICE)})
    s.dial("a", ALICE, talk=0.5)
    answered = s.wait(Answered, "a")
    s.deadline("a", answered.at + 3_000_000)
    s.deadline("a", answered.at + 1_500_000)
    end = s.wait_ended("a")
    assert end.cause is Cause.DEADLINE
    assert 1_500_000 <= end.at - answered.at < 1_800_000


def test_hanging_up_a_ringing_phone(phone, switch):
    """A CANCEL goes out and one ``Ended`` comes back."""
    a = phone(ALICE, "--no-answer")
    s = switch({ALICE: a})
    s.dial("a", ALICE)
    s.wait(Ringing, "a")
    s.hang_up("a")
    assert s.wait_ended("a").cause is Cause.HUNG_UP
    assert a.wait("ended")["reason"] == "cancelled"


def test_an_answer_that_crosses_our_cancel(switch, world):
    """The phone gets ACK and BYE, the controller only an end: that call was never answered."""
    peer = world.enter_context(SipPeer((0, "180 Ringing", False), ok_on_cancel=True))
    s = switch({ALICE: peer})
    s.dial("a", ALICE)
    s.wait(Ringing, "a")
    s.hang_up("a")
    peer.wait_for("BYE")
    assert peer.heard("ACK")
    assert s.wait_ended("a").cause is Cause.HUNG_UP
    assert s.kinds("a") == ["Ringing", "Ended"]


@pytest.mark.parametrize("by", ["hangup", "ring time-out"])
def test_a_network_that_only_says_trying_gets_the_cancel_at_once(switch, world, by):
    """A trunk's 100 comes long before the phone rings: it never does, after our end."""
    trying = SipPeer((0, "100 Trying", False), (9, "180 Ringing", False))
    peer = world.enter_context(trying)
    s = switch({ALICE: peer})
    s.dial("a", ALICE, ring=5.0 if by == "hangup" else 0.7)
    peer.wait_for("INVITE")
    time.sleep(0.3)
    if by == "hangup":
        s.hang_up("a")
    cause = Cause.HUNG_UP if by == "hangup" else Cause.NO_RESPONSE
    assert s.wait_ended("a", 2).cause is cause
    peer.wait_for("CANCEL", 2)
    peer.wait_for("ACK", 2)
    assert s.kinds("a") == ["Ended"]


def test_hanging_up_at_once(phone, switch):
    """Hangups right behind their dials leave nothing ringing: the phone takes the next call."""
    a = phone(ALICE, "--answer-after", 1.0)
    s = switch({ALICE: a})
    for index in range(5):
        s.dial(f"a{index}", ALICE)
        s.hang_up(f"a{index}")
        assert s.wait_ended(f"a{index}").cause is Cause.HUNG_UP
        assert a.wait("ended")["reason"] == "cancelled"
        a.forget()
    s.dial("last", ALICE)
    s.wait(Answered, "last")


@pytest.mark.parametrize("late", ["180 Ringing", "200 OK"])
def test_hanging_up_before_the_first_sign_of_the_phone(switch, world, late):
    """A call that cannot be cancelled yet is ended for us at once, for the phone when it shows."""
    peer = world.enter_context(SipPeer((1.5, late, late.startswith("200"))))
    s = switch({ALICE: peer})
    s.dial("a", ALICE)
    peer.wait_for("INVITE")
    s.hang_up("a")
    assert s.wait_ended("a", timeout=1.2).cause is Cause.HUNG_UP
    peer.wait_for("BYE" if late.startswith("200") else "CANCEL")
    peer.wait_for("ACK")
    assert s.kinds("a") == ["Ended"]


def test_a_leg_is_dialled_once_in_its_life(switch, world):
    """The same ``Dial`` again, during the leg or after it, calls nobody and reports nothing."""
    peer = world.enter_context(SipPeer((0.2, "486 Busy Here", False)))
    s = switch({ALICE: peer})
    s.dial("a", ALICE)
    s.dial("a", ALICE)
    s.wait_ended("a")
    s.dial("a", ALICE)
    s.hang_up("a")
    s.dial("b", ALICE)
    s.wait_ended("b")
    assert len(peer.heard("INVITE")) == 2
    assert s.kinds("a") == ["Ended"]


def test_a_phone_that_vanishes(phone, switch):
    """No audio for the media time-out ends the leg: once it was heard, or if it never was."""
    a = phone(ALICE)
    s = switch({ALICE: a}, media_timeout=2)
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    a.wait("hearing")
    a.kill()
    killed = s.engine.now()
    end = s.wait_ended("a")
    assert end.cause is Cause.MEDIA_LOST
    assert end.at - killed < 4_500_000


@pytest.mark.parametrize("seconds", [0, 0.5])
def test_a_phone_that_falls_silent_gets_a_bye(switch, world, seconds):
    """Whether its first packet never comes or its last has come: it may be there and deaf."""
    peer = world.enter_context(SipPeer((0, "200 OK", True)))
    s = switch({ALICE: peer}, media_timeout=1)
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    peer.play(lambda index: b"\xff" * 160, seconds)
    silent = s.engine.now()
    end = s.wait_ended("a")
    assert end.cause is Cause.MEDIA_LOST
    assert 900_000 <= end.at - silent < 3_000_000
    peer.wait_for("BYE")


def test_stopping_hangs_up_and_reports(phone, switch):
    """``stop`` ends every leg, tells, and then takes no commands."""
    a, b = phone(ALICE), phone(BOB, "--no-answer")
    s = switch({ALICE: a, BOB: b})
    s.dial("a", ALICE)
    s.dial("b", BOB)
    s.wait(Answered, "a")
    s.wait(Ringing, "b")
    s.run(s.engine.stop())
    assert [s.of(leg)[-1].cause for leg in "ab"] == [Cause.HUNG_UP] * 2
    assert a.wait("ended")["reason"] == "remote"
    assert b.wait("ended")["reason"] == "cancelled"
    assert not s.call(s.engine.reserve, "late", 1)
    with pytest.raises(EngineUnavailable):
        s.dial("c", ALICE)


def test_a_lost_goodbye_is_repeated_before_the_engine_leaves(switch, world):
    """``stop`` gives a BYE that nobody answers a second chance, and no more time than it needs."""
    peer = world.enter_context(SipPeer((0, "200 OK", True), deaf_to=1))
    s = switch({ALICE: peer})
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    began = time.monotonic()
    s.run(s.engine.stop())
    assert len(peer.heard("BYE")) == 2
    assert 0.5 < time.monotonic() - began < 2


def test_places_are_counted_in_legs(switch):
    """Reservations are refused beyond ``max_legs`` and come back when released."""
    s = switch({}, max_legs=3)
    reserve = s.engine.reserve
    assert s.call(reserve, "one", 2)
    assert not s.call(reserve, "two", 2)
    assert s.call(reserve, "three", 1)
    s.call(s.engine.release, "one")
    s.call(s.engine.release, "unknown")
    assert s.call(reserve, "two", 2)


def test_each_leg_ends_once(switch, world):
    """Ends that race (hangup, deadline, the far end's BYE) give one ``Ended``."""
    peer = world.enter_context(SipPeer((0, "200 OK", True)))
    s = switch({ALICE: peer})
    for index in range(5):
        leg = f"a{index}"
        s.dial(leg, ALICE)
        s.deadline(leg, s.wait(Answered, leg).at + 50_000)
        time.sleep(0.05)
        peer.send("BYE")
        s.hang_up(leg)
        s.wait_ended(leg)
    time.sleep(0.3)
    assert [sum(isinstance(e, Ended) for e in s.of(f"a{i}")) for i in range(5)] == [1] * 5
