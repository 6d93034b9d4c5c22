"""What the callee learns of the caller."""

from hoiio.server.engines.protocol import Answered
from support.sip_peer import SipPeer

ALICE, BOB = "+6511111111", "+6522222222"
SHOWN, WITHHELD = "+6598765432", "6512345678"


def test_each_phone_sees_the_caller_id_it_was_dialled_with(phone, switch):
    """Two calls in a row with two numbers show two numbers."""
    a = phone(ALICE)
    s = switch({ALICE: a})
    for leg, caller_id in (("one", SHOWN), ("two", BOB)):
        seen = len(a.events)
        s.dial(leg, ALICE, caller_id)
        assert a.wait("ringing", after=seen)["caller_id"] == caller_id
        s.wait(Answered, leg)
        s.hang_up(leg)
        a.wait("ended", after=seen)


def test_a_withheld_number_is_in_no_message(switch, world):
    """Not in a header, not in SDP, not in the BYE: the callee sees an anonymous caller."""
    peer = world.enter_context(SipPeer((0, "200 OK", True)))
    other = world.enter_context(SipPeer((0, "486 Busy Here", False)))
    s = switch({ALICE: peer, BOB: other})
    s.dial("shown", BOB, f"+{WITHHELD}")
    s.wait_ended("shown")
    s.dial("a", ALICE, None)
    s.wait(Answered, "a")
    s.hang_up("a")
    peer.wait_for("BYE")
    invite = peer.heard("INVITE")[0]
    assert invite.all("Privacy") == ["id"]
    assert len(invite.all("From")) == 1
    assert "anonymous@anonymous.invalid" in invite.get("From")
    assert invite.all("P-Asserted-Identity") == []
    assert all(WITHHELD not in message.text for message in peer.requests)
    assert WITHHELD in other.heard("INVITE")[0].text


def test_only_a_plus_and_digits_are_dialled(switch, world):
    """The request goes to exactly the number."""
    peer = world.enter_context(SipPeer((0, "486 Busy Here", False)))
    s = switch({ALICE: peer})
    for leg, number in enumerate(["+65;x=1", "+6511111111@evil", "6511111111", ""]):
        s.dial(f"bad{leg}", number)
        s.wait_ended(f"bad{leg}")
    s.dial("good", ALICE)
    s.wait_ended("good")
    assert [request.start.split(";")[0] for request in peer.heard("INVITE")] == [
        f"INVITE sip:{ALICE}@127.0.0.1:{peer.port}"
    ]
