"""More caller identities than one child process can hold: others take over, calls go on."""

import os
import signal
import threading
import time
from types import SimpleNamespace

from hoiio.server.engines.embedded.config import IDENTITIES_MAX, LEGS_MAX, EmbeddedConfig, Trunk
from hoiio.server.engines.embedded.engine import EmbeddedEngine
from hoiio.server.engines.protocol import Answered, Cause, Dial, Ended
from support.busy_trunk import BusyTrunk
from support.ears import Ears
from support.sip_peer import silent_port
from support.switch import Switch, wait_until

ALICE, BOB, CAROL, DAVE = "+6511111111", "+6522222222", "+6533333333", "+6544444444"
DESTINATIONS = 2_000
AT_ONCE = 20
PAUSE = 0.003


def engine_with(world, routes, trunk=None, **settings):
    config = EmbeddedConfig(
        sip_port=0,
        rtp_ports=(30_000, 39_998),
        routes={number: end.uri for number, end in routes.items()},
        trunk=trunk,
    )
    return world.enter_context(Switch(EmbeddedEngine(config, **settings)))


class Flood:
    """Dials ``DESTINATIONS`` numbers by trunk, each with a caller ID of its own."""

    def __init__(self, s):
        self.s = s
        self.ends = []
        self.pids = [s.engine.pid]
        self.places = threading.Semaphore(AT_ONCE)
        tell, s.engine._sink = s.engine._sink, self._take
        self.tell = tell

    def _take(self, event):
        if event.leg.startswith("flood"):
            if isinstance(event, Ended):
                self.s.engine.release(event.leg)
                self.ends.append(event)
                self.places.release()
        else:
            self.tell(event)

    def run(self):
        for index in range(DESTINATIONS):
            assert self.places.acquire(timeout=20), f"stuck after {len(self.ends)} ends"
            leg, number, caller = f"flood{index}", f"+6580{index:06d}", f"+6590{index:06d}"
            wait_until(lambda leg=leg: self.s.call(self.s.engine.reserve, leg, 1))
            self.s.send(Dial(leg, number, caller, 20, 20, room=leg))
            time.sleep(PAUSE)
            if self.s.engine.pid not in {None, self.pids[-1]}:
                self.pids.append(self.s.engine.pid)
        wait_until(lambda: len(self.ends) == DESTINATIONS, 20)


def test_two_thousand_destinations_while_calls_are_up(phone, world):
    """All are dialled, twice a fresh child takes over, and what the phones of a call and of a room
    hear stays untouched; who joins the old room later hears its people and is heard.
    """
    a, b = phone(ALICE, "--tone", 600), phone(BOB, "--tone", 1000)
    c, d = phone(CAROL, "--tone", 1500), phone(DAVE, "--tone", 2100)
    late = phone("+6555555555", "--tone", 800)
    trunk = world.enter_context(BusyTrunk())
    routes = {each.number: each for each in (a, b, c, d, late)}
    s = engine_with(world, routes, Trunk("127.0.0.1", trunk.port))
    for leg, number, room in zip("abcd", routes, ("room", "room", "call", "call"), strict=False):
        s.dial(leg, number, talk=120, room=room)
    for leg in "abcd":
        s.wait(Answered, leg)
        s.bridge(leg, room="room" if leg in "ab" else "call")
    a.wait_hearing(1000)
    d.wait_hearing(1500)
    ears = [Ears(a, 1000), Ears(b, 600), Ears(c, 2100), Ears(d, 1500)]
    flood = Flood(s)
    began = time.monotonic()
    flood.run()
    seconds = int(time.monotonic() - began)
    assert {(end.cause, end.code) for end in flood.ends} == {(Cause.REMOTE, 486)}
    assert len(trunk.callers) == DESTINATIONS
    assert len(set(flood.pids)) == 3
    for each in ears:
        each.check(at_least=seconds - 3)
    s.dial("late", late.number, room="room")
    s.wait(Answered, "late")
    s.bridge("late", room="room")
    late.wait_hearing(600, 1000)
    a.wait_hearing(800, 1000)
    assert _runs(flood.pids[0])
    assert not _runs(flood.pids[1])
    for leg in ("a", "b", "c", "d", "late"):
        s.hang_up(leg)
    wait_until(lambda: not _runs(flood.pids[0]))
    assert _runs(flood.pids[2])


def test_a_call_that_begins_before_a_roll_over_is_one_call(phone, world):
    """The second leg is dialled by the process that has the first: it hears the ringing, and then
    they hear each other.
    """
    a = phone(ALICE, "--tone", 600)
    b = phone(BOB, "--tone", 1000, "--answer-after", 3.5)
    s = engine_with(world, {ALICE: a, BOB: b}, callers_max=1)
    before = s.engine.pid
    s.dial("a", ALICE, room="call")
    s.wait(Answered, "a")
    wait_until(lambda: s.engine.pid not in {before, None})
    s.dial("b", BOB, room="call", heard_by="a")
    a.hears(425, within=30)
    s.wait(Answered, "b")
    s.bridge("a")
    s.bridge("b")
    a.wait_hearing(1000)
    b.wait_hearing(600)


def test_the_configured_port_is_taken_again_once_it_is_free(phone, world):
    """By the next child that is started: a firewall knows that one."""
    a = phone(ALICE)
    s = engine_with(world, {ALICE: a}, callers_max=1)
    host, home = s.engine.sip_address
    old = s.engine.pid
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    wait_until(lambda: s.engine.pid not in {old, None})
    assert s.engine.sip_address != (host, home)
    s.hang_up("a")
    wait_until(lambda: not _runs(old))
    os.kill(s.engine.pid, signal.SIGKILL)
    wait_until(lambda: s.engine.sip_address == (host, home))
    s.dial("b", ALICE)
    s.wait(Answered, "b")


def test_what_a_child_cannot_hold_is_not_dialled(world):
    """Beyond its caller identities, and beyond its calls, nothing is sent and a leg just ends."""
    trunk = world.enter_context(BusyTrunk())
    nobody = world.enter_context(silent_port())
    routes = {ALICE: SimpleNamespace(uri=f"sip:127.0.0.1:{nobody}")}
    s = engine_with(world, routes, Trunk("127.0.0.1", trunk.port), callers_max=10_000)
    child = s.engine.pid
    s.dial("c0", ALICE, ring=20)
    for index in range(1, IDENTITIES_MAX + 3):
        s.dial(f"i{index}", BOB, f"+6590{index:06d}")
        if index % 20 == 0:
            s.wait_ended(f"i{index}")
    ends = [s.wait_ended(f"i{index}") for index in range(1, IDENTITIES_MAX + 3)]
    assert {end.code for end in ends[: IDENTITIES_MAX - 1]} == {486}
    assert {end.cause for end in ends[IDENTITIES_MAX - 1 :]} == {Cause.NOT_DIALLED}
    assert len(trunk.callers) == IDENTITIES_MAX - 1
    for index in range(1, LEGS_MAX + 3):
        s.dial(f"c{index}", ALICE, ring=20)
    s.dial("known", BOB, "+6590000001")
    for leg in (f"c{LEGS_MAX}", f"c{LEGS_MAX + 1}", f"c{LEGS_MAX + 2}", "known"):
        assert s.wait_ended(leg).cause is Cause.NOT_DIALLED
    assert not any(s.of(f"c{index}") for index in range(LEGS_MAX))
    assert s.engine.pid == child


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
