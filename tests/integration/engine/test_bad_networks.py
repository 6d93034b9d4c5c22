"""Lost, repeated, late and crossing packets, and phones that speak one codec only."""

from hoiio.server.engines.protocol import Answered, Cause, Ringing
from support.relay import LossyRelay
from support.rtp import measure, samples, tone, ulaw_tone
from support.sip_peer import SipPeer
from support.switch import wait_until

ALICE, BOB = "+6511111111", "+6522222222"


def test_messages_that_come_twice(switch, world):
    """A repeated 180 rings once, and a repeated 200, re-INVITE and BYE is answered once more."""
    peer = world.enter_context(SipPeer((0, "180 Ringing", False), (0.1, "200 OK", True)))
    s = switch({ALICE: peer})
    s.dial("a", ALICE)
    s.wait(Ringing, "a")
    peer.repeat("SIP/2.0 180")
    s.wait(Answered, "a")
    first = peer.wait_for("ACK")
    for count in (2, 3):
        peer.repeat("SIP/2.0 200")
        assert peer.wait_for("ACK", count=count).text == first.text
    assert peer.reinvite(twice=True).start == "SIP/2.0 200 OK"
    assert peer.reinvite("inactive").direction == "inactive"
    peer.send("BYE")
    s.wait_ended("a")
    peer.repeat("BYE")
    peer.wait_for("SIP/2.0", count=2, matching=lambda r: "BYE" in r.get("CSeq"))
    assert s.kinds("a") == ["Ringing", "Answered", "Ended"]


def test_a_tenth_of_all_messages_is_lost(switch, world):
    """Both ways, in 30 calls at once: each is answered or cancelled, acknowledged, and ended once.

    Whatever gets lost is sent again, until the far end has it too.
    """
    talker = world.enter_context(SipPeer((0, "180 Ringing", False), (0.2, "200 OK", True)))
    ringer = world.enter_context(SipPeer((0, "180 Ringing", False)))
    relays = [
        world.enter_context(LossyRelay(peer.port, seed=seed))
        for seed, peer in enumerate((talker, ringer))
    ]
    s = switch({ALICE: relays[0].uri(ALICE), BOB: relays[1].uri(BOB)})
    talking, ringing = ([f"{kind}{index}" for index in range(15)] for kind in "ab")
    for leg in talking:
        s.dial(leg, ALICE, ring=20)
    for leg in ringing:
        s.dial(leg, BOB, ring=20)
    for leg in talking:
        s.wait(Answered, leg, timeout=15)
    for leg in ringing:
        s.wait(Ringing, leg, timeout=15)
    wait_until(lambda: not talker.unacknowledged)
    for leg in talking + ringing:
        s.hang_up(leg)
    for leg in talking + ringing:
        assert s.wait_ended(leg).cause is Cause.HUNG_UP
    for peer, method in ((talker, "BYE"), (ringer, "CANCEL")):
        wait_until(lambda: len(calls_of(peer, method)) == 15)  # noqa: B023 - waited for at once
        wait_until(lambda: not peer.unacknowledged)  # noqa: B023
    assert [len(s.of(leg)) for leg in talking + ringing] == [3] * 15 + [2] * 15
    assert all(relay.dropped["engine"] and relay.dropped["phone"] for relay in relays)


def calls_of(peer, method):
    """The calls in which a phone heard this method."""
    return {request.get("Call-ID") for request in peer.heard(method)}


def test_audio_that_comes_late_and_out_of_order(switch, world):
    """80 ms of jitter, packets overtaking each other: the other phone hears an even, pure tone.

    Once the engine has learned of the jitter, that is, and then but for a rare hiccup.
    """
    far = world.enter_context(SipPeer((0, "200 OK", True)))
    near = world.enter_context(SipPeer((0, "200 OK", True)))
    s = switch({ALICE: far, BOB: near})
    s.connect(("a", ALICE), ("b", BOB))
    with far.playing(ulaw_tone(1000), jitter=0.08), near.playing(ulaw_tone(400)):
        near.listen(2.0)
        seconds = [measure(samples(near.listen(1.0)), 1000) for _ in range(5)]
    assert all(abs(level + 12) < 1.5 for level, _ in seconds)
    assert sorted(purity for _, purity in seconds)[2] > 30


def test_a_phone_that_speaks_one_codec_only(phone, switch, world):
    """An answer with A-law alone gets A-law and is understood; the other phone keeps its own."""
    peer = world.enter_context(SipPeer((0, "200 OK", True), codecs=["PCMA"]))
    real = phone(BOB, "--tone", 1000)
    s = switch({ALICE: peer, BOB: real})
    s.connect(("a", ALICE), ("b", BOB))
    with peer.playing(tone(600, payload_type=8)):
        real.wait_hearing(600)
        seconds = [peer.listen(1.0) for _ in range(3)]
    assert {packet[1] & 0x7F for heard in seconds for packet in heard} == {8}
    measured = [measure(samples(heard), 1000) for heard in seconds]
    assert all(abs(level + 12) < 1 for level, _ in measured)
    # One frame that comes late on a busy machine smears the tone of its second.
    assert sorted(purity for _, purity in measured)[1] > 30


def test_a_phone_that_speaks_a_codec_we_never_offered(switch, world):
    """Its packets are no audio to us: the leg does not last on them beyond the media time-out."""
    peer = world.enter_context(SipPeer((0, "200 OK", True), codecs=["G729"]))
    s = switch({ALICE: peer}, media_timeout=1)
    s.dial("a", ALICE)
    s.wait(Answered, "a")

    def payload(_index):
        return bytes(20)

    payload.payload_type = 18
    with peer.playing(payload):
        assert s.wait_ended("a").cause is Cause.MEDIA_LOST


def test_a_bye_that_crosses_ours(switch, world):
    """Both are answered, the leg ends once by our hangup, and the phone can be called again."""
    peer = world.enter_context(SipPeer((0, "200 OK", True), bye_crosses=True))
    s = switch({ALICE: peer})
    for leg in ("a", "b"):
        s.dial(leg, ALICE)
        s.wait(Answered, leg)
        s.hang_up(leg)
        assert s.wait_ended(leg).cause is Cause.HUNG_UP
        peer.wait_for("SIP/2.0", matching=lambda r: r.get("CSeq").endswith("BYE"))
        peer.requests = [r for r in peer.requests if r.method != "SIP/2.0"]
        assert s.kinds(leg) == ["Answered", "Ended"]
