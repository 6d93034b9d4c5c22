"""Two phones are connected and hear each other."""

from hoiio.server.engines.protocol import Cause

ALICE, BOB = "+6511111111", "+6522222222"


def test_two_phones_hear_each_other_and_not_themselves(phone, switch):
    """Each hears exactly one tone, the other's."""
    a, b = phone(ALICE, "--tone", 600), phone(BOB, "--tone", 1000)
    s = switch({ALICE: a, BOB: b})
    s.connect(("a", ALICE), ("b", BOB))
    a.wait_hearing(1000)
    b.wait_hearing(600)
    s.hang_up("a")
    s.hang_up("b")
    assert s.wait_ended("a").cause is Cause.HUNG_UP
    assert s.wait_ended("b").cause is Cause.HUNG_UP
    assert a.wait("ended")["reason"] == "remote"
    assert s.kinds("a") == ["Ringing", "Answered", "Ended"]
