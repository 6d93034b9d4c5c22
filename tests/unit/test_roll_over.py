"""Which child process dials whom, with children that only write down what they are told."""

import asyncio
from itertools import count
from typing import ClassVar

import pytest

from hoiio.server.engines.embedded.config import EmbeddedConfig
from hoiio.server.engines.embedded.engine import EmbeddedEngine
from hoiio.server.engines.embedded.messages import Quit
from hoiio.server.engines.protocol import (
    Answered,
    Bridge,
    Cause,
    Dial,
    Ended,
    EngineUnavailable,
    HangUp,
)

NUMBER = "+6511111111"


class FakeChild:
    """Takes messages, says what a test makes it say, dies when it is told to."""

    born: ClassVar[list["FakeChild"]] = []
    started: ClassVar[list[asyncio.Event]] = []
    fails = 0

    def __init__(self, on_message, on_gone):
        self.callers, self.stats, self.told = set(), None, []
        self.pid, self.last_heard = 1000 + len(self.born), 7
        self.on_message, self.on_gone = on_message, on_gone
        self.born.append(self)

    @classmethod
    async def launch(cls, config, port, clock, *, on_message, on_gone):
        if cls.started:
            await cls.started[0].wait()
        if cls.fails:
            FakeChild.fails -= 1
            raise EngineUnavailable("no")
        return cls(on_message, on_gone)

    @property
    def callers_used(self):
        return len(self.callers)

    @property
    def dialled(self):
        return [told.leg for told in self.told if isinstance(told, Dial)]

    @property
    def quit(self):
        return Quit() in self.told

    def send(self, message):
        self.told.append(message)

    async def stop(self):
        pass

    def say(self, event):
        self.on_message(self, event)

    def die(self):
        self.on_gone(self)


@pytest.fixture
def children(monkeypatch):
    """All children that were started, oldest first."""
    monkeypatch.setattr("hoiio.server.engines.embedded.children.Child", FakeChild)
    monkeypatch.setattr("hoiio.server.engines.embedded.children._PAUSE", 0.001)
    FakeChild.born, FakeChild.started, FakeChild.fails = [], [], 0
    return FakeChild.born


def on_engine(test, **settings):
    """Run the test on a started engine that hands out two identities to a child."""
    events = []

    async def run():
        engine = EmbeddedEngine(EmbeddedConfig(sip_port=0), callers_max=2, **settings)
        await engine.start(events.append)
        await test(engine, events)
        await engine.stop()

    asyncio.run(run())


_numbers = count(1)


def dial(engine, leg, room=None, caller=None):
    caller = caller or f"+65{next(_numbers):08d}"
    engine.send(Dial(leg, NUMBER, caller, 5, 5, room=room))


def ended(leg):
    return Ended(leg, 9, Cause.REMOTE)


async def settle(condition=lambda: False):
    """Let the engine's tasks go on, until this is true or nothing more will come of it."""
    for _ in range(50):
        if condition():
            return
        await asyncio.sleep(0.001)


async def rolled_over(engine, children):
    """Fill the first child, with a call each in the rooms "old" and "also old"."""
    dial(engine, "a", "old")
    dial(engine, "b", "also old")
    await settle(lambda: len(children) == 2 and engine.pid == children[1].pid)
    assert engine.pid == children[1].pid


def test_a_room_is_joined_where_it_is(children):
    """Even when its legs are only being dialled; everybody else goes to the fresh child."""

    async def test(engine, events):
        await rolled_over(engine, children)
        old, fresh = children
        dial(engine, "c", "old")
        dial(engine, "d", "new")
        dial(engine, "e")
        assert old.dialled == ["a", "b", "c"]
        assert fresh.dialled == ["d", "e"]

    on_engine(test)


def test_a_child_stays_as_long_as_a_room_of_its_is_in_use(children):
    """Who joined after the roll-over keeps it; it goes with its last leg, and the room too."""

    async def test(engine, events):
        await rolled_over(engine, children)
        old, fresh = children
        dial(engine, "c", "old")
        old.say(ended("a"))
        old.say(ended("b"))
        assert not old.quit
        dial(engine, "d", "old")
        old.say(ended("c"))
        assert not old.quit
        old.say(ended("d"))
        assert old.told.count(Quit()) == 1
        dial(engine, "e", "old")
        assert fresh.dialled == ["e"]
        assert not fresh.quit

    on_engine(test)


def test_somebody_who_joins_as_the_last_leaves(children):
    """The listener answers the last leg's end with a dial into its room: a fresh room elsewhere."""

    async def test(engine, events):
        await rolled_over(engine, children)
        old, fresh = children
        old.say(ended("b"))
        engine._sink = lambda event: dial(engine, "c", "old")
        old.say(ended("a"))
        assert fresh.dialled == ["c"]
        assert old.quit

    on_engine(test)


def test_who_moves_takes_the_new_room_along(children):
    """A leg bridged into another room than it was dialled for is in that one."""

    async def test(engine, events):
        await rolled_over(engine, children)
        old, fresh = children
        old.say(Answered("a", 1))
        engine.send(Bridge("a", "moved"))
        dial(engine, "c", "moved")
        dial(engine, "d", "old")
        assert old.dialled == ["a", "b", "c"]
        assert fresh.dialled == ["d"]

    on_engine(test)


def test_a_room_whose_child_died_begins_anew(children):
    """Told of the first lost leg, a listener dials into its room: not into the dead child."""

    async def test(engine, events):
        await rolled_over(engine, children)
        old, fresh = children
        dial(engine, "a2", "old")
        replies = iter(("r1", "r2", "r3"))
        lost = []

        def redial(event):
            lost.append((event.leg, event.cause))
            dial(engine, next(replies), "old")

        engine._sink = redial
        old.die()
        assert lost == [(leg, Cause.ENGINE_LOST) for leg in ("a", "b", "a2")]
        assert fresh.dialled == ["r1", "r2", "r3"]
        assert old.dialled == ["a", "b", "a2"]

    on_engine(test)


def test_an_old_room_needs_no_current_child(children):
    """While the current child is being replaced, a draining one goes on taking its rooms' calls."""

    async def test(engine, events):
        await rolled_over(engine, children)
        old, fresh = children
        FakeChild.started.append(asyncio.Event())
        fresh.die()
        dial(engine, "c", "old")
        with pytest.raises(EngineUnavailable, match="restarting"):
            dial(engine, "d", "new")
        engine.send(Dial("a", NUMBER, None, 5, 5), HangUp("a"))
        assert old.dialled == ["a", "b", "c"]
        assert old.told[-1] == HangUp("a")

    on_engine(test)


def test_a_child_that_dies_during_its_roll_over_is_replaced_once(children):
    """By the one that was being started, on whose port new calls are then taken."""

    async def test(engine, events):
        gate = asyncio.Event()
        FakeChild.started.append(gate)
        dial(engine, "a")
        dial(engine, "b")
        await settle()
        children[0].die()
        await settle()
        gate.set()
        await settle(lambda: len(children) > 2)
        assert len(children) == 2
        assert engine.pid == children[1].pid
        dial(engine, "c")
        assert children[1].dialled == ["c"]

    on_engine(test)


def test_a_roll_over_that_fails_is_tried_again(children):
    """The old child takes the calls until then; if it has died too, one is started all the same."""

    async def test(engine, events):
        FakeChild.fails = 1
        dial(engine, "a")
        dial(engine, "b")
        await settle(lambda: not FakeChild.fails)
        assert engine.pid == children[0].pid
        dial(engine, "c")
        await settle(lambda: len(children) == 2)
        assert children[0].dialled == ["a", "b", "c"]
        gate = asyncio.Event()
        FakeChild.started.append(gate)
        dial(engine, "d")
        dial(engine, "e")
        await settle()
        FakeChild.fails = 1
        children[1].die()
        gate.set()
        await settle(lambda: engine.pid is not None)
        assert engine.pid == children[2].pid

    on_engine(test)


def test_reservations_wait_for_a_roll_over_that_takes_long(children, monkeypatch):
    """What the old child cannot hold any more is refused politely until the fresh one is there."""
    monkeypatch.setattr("hoiio.server.engines.embedded.engine.IDENTITIES_MAX", 54)

    async def test(engine, events):
        gate = asyncio.Event()
        FakeChild.started.append(gate)
        for leg in "abc":
            dial(engine, leg)
        assert engine.reserve("c", 1)
        dial(engine, "d")
        assert not engine.reserve("d", 1)
        gate.set()
        await settle(lambda: len(children) == 2)
        assert engine.reserve("d", 1)

    on_engine(test)
