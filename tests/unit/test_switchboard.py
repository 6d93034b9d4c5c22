"""The switchboard's races, with a stack that does what a test tells it to."""

import asyncio
import time

import pytest
from baresip import BaresipError, Event

from hoiio.server.engines.clock import Clock
from hoiio.server.engines.embedded import child, switchboard
from hoiio.server.engines.embedded.far_end import Said
from hoiio.server.engines.embedded.messages import Inbox
from hoiio.server.engines.embedded.routing import build_router
from hoiio.server.engines.embedded.stack import CannotDial, Signal
from hoiio.server.engines.embedded.switchboard import Switchboard
from hoiio.server.engines.embedded.tones import Tone
from hoiio.server.engines.protocol import (
    Answered,
    Bridge,
    Cause,
    Dial,
    Digit,
    Ended,
    HangUp,
    Ringing,
)

ALICE = "+6511111111"


class FakeStack:
    """Gives each dial the next handle; ``gate`` holds dials up until it is set."""

    def __init__(self):
        self.log = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.on_dial = lambda call: None
        self.refuses = False
        self.stuck_times = 0
        self.calls = 0

    async def dial(self, target, address, caller_id):
        if self.refuses == "oddly":
            raise RuntimeError("never seen before")
        self.calls += 1
        call = self.calls
        self.log.append(("dial", target.uri(address), caller_id))
        await self.gate.wait()
        if self.refuses:
            raise CannotDial("no")
        self.on_dial(call)
        return call

    async def hang_up(self, call):
        self.log.append(("hang up", call))
        if self.stuck_times:
            self.stuck_times -= 1
            raise BaresipError("the queue is full")

    async def press(self, call, digit):
        self.log.append(("press", call, digit))

    async def let_go(self, call):
        self.log.append(("let go", call))


class FakeMixer:
    tick = 7

    def __init__(self):
        self.parts = {}

    def arrange(self, parts):
        self.parts = {leg: part for leg, (part, _) in parts.items()}


class FakeLine:
    frames = 0

    def __init__(self, call):
        self.call = call


class Desk:
    """A switchboard with its surroundings; only alive inside a running loop."""

    def __init__(self, media_timeout=30.0):
        self.stack, self.mixer, self.events = FakeStack(), FakeMixer(), []
        self.board = Switchboard(
            self.stack,
            self.mixer,
            Clock.anchored_now(),
            build_router({}, ("127.0.0.1", 5060)),
            self.events.append,
            media_timeout=media_timeout,
            loopback=True,
            give_up=lambda: self.stack.log.append(("give up",)),
            open_line=FakeLine,
        )

    async def dial(self, leg, **options):
        self.board.do(Dial(leg, ALICE, None, options.pop("ring", 5), 60, **options))
        await settle()

    async def answer(self, leg):
        await self.dial(leg)
        self.signal(self.stack.calls, Event.CALL_RINGING)
        self.signal(self.stack.calls, Event.CALL_ESTABLISHED)

    def signal(self, call, kind, text=""):
        self.board.on_signal(Signal(call, kind, text))

    def ends(self):
        return [(e.leg, e.cause, e.code) for e in self.events if isinstance(e, Ended)]


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def scenario(function):
    """Runs an async test with a desk of its own."""

    def test():
        async def run():
            await function(Desk())

        asyncio.run(run())

    test.__name__, test.__doc__ = function.__name__, function.__doc__
    return test


@scenario
async def test_signals_that_come_before_the_dial_returns_are_not_lost(desk):
    """A refusal faster than our own bookkeeping is still a refusal."""
    desk.stack.on_dial = lambda call: (
        desk.signal(call, Event.CALL_RINGING),
        desk.signal(call, Event.CALL_CLOSED, "404 Not Found"),
    )
    await desk.dial("a")
    assert [type(event) for event in desk.events] == [Ringing, Ended]
    assert desk.ends() == [("a", Cause.REMOTE, 404)]


@scenario
async def test_signals_of_strangers_are_forgotten(desk):
    """What belongs to no call of ours is not kept for a later one with the same handle."""
    desk.signal(1, Event.CALL_CLOSED, "404 Not Found")
    await desk.dial("a")
    assert desk.events == []


@scenario
async def test_a_hangup_while_the_invite_is_on_its_way(desk):
    """The leg ends once; the call is ended as soon as it can be."""
    desk.stack.gate.clear()
    await desk.dial("a")
    desk.board.do(HangUp("a"))
    desk.stack.gate.set()
    await settle()
    assert desk.ends() == [("a", Cause.HUNG_UP, None)]
    assert ("hang up", 1) not in desk.stack.log
    desk.signal(1, Event.CALL_RINGING)
    await settle()
    assert ("hang up", 1) in desk.stack.log
    assert not desk.board.busy


@scenario
async def test_a_hangup_that_crosses_the_first_ring(desk):
    """Whether the phone rang just before or just after the hangup, its call is cancelled."""
    desk.stack.on_dial = lambda call: desk.signal(call, Event.CALL_RINGING)
    desk.stack.gate.clear()
    await desk.dial("a")
    desk.board.do(HangUp("a"))
    desk.stack.gate.set()
    await settle()
    assert ("hang up", 1) in desk.stack.log
    desk.stack.on_dial = lambda call: None
    await desk.dial("b")
    desk.board.do(HangUp("b"))
    desk.signal(2, Event.CALL_RINGING)
    await settle()
    assert ("hang up", 2) in desk.stack.log
    assert not desk.board.busy


@scenario
async def test_a_100_is_enough_to_cancel_by(desk):
    """Before or after the hangup; it is no ringing, and nobody is told of it."""
    await desk.dial("a")
    desk.signal(1, Said.TRYING)
    desk.board.do(HangUp("a"))
    await settle()
    assert ("hang up", 1) in desk.stack.log
    await desk.dial("b")
    desk.board.do(HangUp("b"))
    await settle()
    assert ("hang up", 2) not in desk.stack.log
    desk.signal(2, Said.TRYING)
    await settle()
    assert ("hang up", 2) in desk.stack.log
    assert not desk.board.busy
    assert [type(event) for event in desk.events] == [Ended, Ended]


@scenario
async def test_a_silent_call_that_we_gave_up_ends_by_itself(desk):
    """When the stack gives up as well there is nothing left to do."""
    await desk.dial("a")
    desk.board.do(HangUp("a"))
    await settle()
    assert desk.board.busy
    desk.signal(1, Event.CALL_CLOSED, "Connection timed out")
    assert not desk.board.busy
    assert desk.ends() == [("a", Cause.HUNG_UP, None)]


def test_a_call_that_only_ever_got_a_100_is_cancelled_in_the_end(monkeypatch):
    """After the stack's own patience a call still there can be cancelled."""
    monkeypatch.setattr(switchboard, "_TRANSACTION_SECONDS", 0.05)

    async def run():
        desk = Desk()
        await desk.dial("a")
        desk.board.do(HangUp("a"))
        await asyncio.sleep(0.1)
        assert ("hang up", 1) in desk.stack.log

    asyncio.run(run())


@scenario
async def test_a_dial_that_the_stack_refuses(desk):
    """Nothing left, so nothing rang."""
    desk.stack.refuses = True
    await desk.dial("a")
    assert desk.ends() == [("a", Cause.NOT_DIALLED, None)]


@scenario
async def test_a_dial_that_fails_in_a_way_nobody_thought_of(desk):
    """A leg always ends."""
    desk.stack.refuses = "oddly"
    await desk.dial("a")
    assert desk.ends() == [("a", Cause.NOT_DIALLED, None)]
    assert not desk.board.busy


@scenario
async def test_an_answer_after_we_began_to_hang_up_is_not_reported(desk):
    """The controller would bill it; the caller had already gone."""
    await desk.dial("a")
    desk.signal(1, Event.CALL_RINGING)
    desk.board.do(HangUp("a"))
    desk.signal(1, Event.CALL_ESTABLISHED)
    await settle()
    assert [type(event) for event in desk.events] == [Ringing, Ended]
    assert ("hang up", 1) in desk.stack.log


@scenario
async def test_the_far_ends_bye_while_we_hang_up(desk):
    """One end, with our own cause."""
    await desk.answer("a")
    desk.board.do(HangUp("a"))
    desk.signal(1, Event.CALL_CLOSED, "Connection reset by peer")
    await settle()
    assert desk.ends() == [("a", Cause.HUNG_UP, None)]


@scenario
async def test_repeated_signals_are_reported_once(desk):
    """Every leg rings and is answered at most once."""
    await desk.dial("a")
    for kind in (Event.CALL_RINGING, Event.CALL_RINGING, Event.CALL_ESTABLISHED) * 2:
        desk.signal(1, kind)
    assert [type(event) for event in desk.events] == [Ringing, Answered]


@scenario
async def test_progress_is_heard_until_the_answer_or_the_end(desk):
    """Tone on 180, the network's audio on 183, silence afterwards."""
    await desk.answer("a")
    await desk.dial("b", heard_by="a")
    assert desk.mixer.parts["a"].tone is None
    desk.signal(2, Event.CALL_RINGING)
    assert desk.mixer.parts["a"].tone == (Tone.RINGBACK, 7)
    desk.signal(2, Event.CALL_PROGRESS)
    assert (desk.mixer.parts["a"].tone, desk.mixer.parts["a"].hears) == (None, "b")
    desk.signal(2, Event.CALL_ESTABLISHED)
    assert desk.mixer.parts["a"].hears is None
    await desk.dial("c", heard_by="a")
    desk.signal(3, Event.CALL_RINGING)
    assert desk.mixer.parts["a"].tone == (Tone.RINGBACK, 7)
    desk.signal(3, Event.CALL_CLOSED, "480 Gone")
    assert desk.mixer.parts["a"].tone is None


@scenario
async def test_only_answered_legs_are_bridged(desk):
    """A ringing phone is in no room, whatever it was told."""
    await desk.dial("a")
    desk.signal(1, Event.CALL_PROGRESS)
    desk.board.do(Bridge("a", "room"))
    assert desk.mixer.parts["a"].room is None


@scenario
async def test_who_is_alone_hears_a_tone(desk):
    """From the moment on when nobody else is in the room, muted or not, if it was asked for."""
    tones = lambda: [desk.mixer.parts[leg].tone for leg in desk.mixer.parts]  # noqa: E731 - short
    await desk.answer("a")
    desk.board.do(Bridge("a", "room", alone_tone=True))
    assert tones() == [(Tone.ALONE, 7)]
    desk.mixer.tick = 9
    desk.board.do(Bridge("a", "room", muted=True, alone_tone=True))
    assert tones() == [(Tone.ALONE, 7)], "it goes on at its own pace"
    await desk.answer("b")
    desk.board.do(Bridge("b", "other"))
    assert tones() == [(Tone.ALONE, 7), None], "b was not to hear any"
    desk.board.do(Bridge("b", "room"))
    assert tones() == [None, None]
    desk.mixer.tick = 20
    desk.board.do(HangUp("b"))
    await settle()
    assert tones() == [(Tone.ALONE, 20)]


@scenario
async def test_digits_stay_in_their_room(desk):
    """Passed on to the others of the room only, and reported whether or not."""
    for leg, room in (("a", "x"), ("b", "x"), ("c", "y")):
        await desk.answer(leg)
        desk.board.do(Bridge(leg, room, digits=True))
    desk.signal(1, Event.CALL_DTMF_START, "5")
    await asyncio.sleep(0.25)
    assert [entry for entry in desk.stack.log if entry[0] != "dial"] == [
        ("press", 2, "5"),
        ("let go", 2),
    ]
    assert [e.digit for e in desk.events if isinstance(e, Digit)] == ["5"]


@pytest.mark.parametrize(("rang", "cause"), [(True, "ring_timeout"), (False, "no_response")])
def test_giving_up_tells_whether_it_rang(rang, cause):
    """Nobody picked up, or nothing there."""

    async def run():
        desk = Desk()
        await desk.dial("a", ring=0.05)
        if rang:
            desk.signal(1, Event.CALL_RINGING)
        await asyncio.sleep(0.1)
        assert desk.ends() == [("a", Cause(cause), None)]

    asyncio.run(run())


@scenario
async def test_hanging_up_everything_waits_for_no_dead_phone(desk):
    """Calls that never showed a sign hold the exit up for the grace only."""
    await desk.answer("a")
    await desk.dial("b")
    began = time.monotonic()
    await asyncio.wait_for(desk.board.hang_up_all(0.1), 1)
    assert time.monotonic() - began < 0.5
    assert {leg for leg, _, _ in desk.ends()} == {"a", "b"}
    assert ("hang up", 1) in desk.stack.log


@scenario
async def test_a_hang_up_that_fails_is_tried_again_before_the_leg_has_ended(desk):
    await desk.answer("a")
    desk.stack.stuck_times = 2
    desk.board.do(HangUp("a"))
    await settle()
    assert desk.ends() == [], "the call is still up"
    await asyncio.sleep(0.3)
    assert desk.stack.log[1:] == [("hang up", 1)] * 3
    assert desk.ends() == [("a", Cause.HUNG_UP, None)]


@scenario
async def test_a_stack_that_ends_no_calls_is_given_up(desk):
    await desk.answer("a")
    desk.stack.stuck_times = 99
    desk.board.do(HangUp("a"))
    await asyncio.sleep(0.5)
    assert desk.stack.log[-1] == ("give up",)


@scenario
async def test_a_call_that_nobody_has_is_hung_up_when_it_shows(desk):
    """An INVITE of which we were told that it had not left may have left all the same."""
    desk.signal(42, Event.CALL_RINGING)
    await settle()
    assert desk.stack.log == [("hang up", 42)]


@scenario
async def test_a_call_that_shows_while_another_is_dialled_in_vain_is_hung_up_too(desk):
    desk.stack.gate.clear()
    desk.stack.refuses = True
    await desk.dial("a")
    desk.signal(42, Event.CALL_ESTABLISHED)
    await settle()
    assert ("hang up", 42) not in desk.stack.log, "it could be the one that is being dialled"
    desk.stack.gate.set()
    await settle()
    assert ("hang up", 42) in desk.stack.log


def test_a_child_whose_parent_stands_still_ends():
    async def run():
        await asyncio.wait_for(child._serve(Inbox(asyncio.StreamReader()), None, 0.05), 2)

    asyncio.run(run())


def test_a_held_phone_may_be_silent_for_longer_but_not_for_ever():
    """Hold stretches the media time-out, talk ends that, and what arrives begins it anew."""

    async def run():
        desk = Desk(media_timeout=0.05)
        for leg, said in (("held", Said.ON_HOLD), ("back", Said.TALKING), ("plain", None)):
            await desk.answer(leg)
            if said:
                desk.signal(desk.stack.calls, Said.ON_HOLD)
                desk.signal(desk.stack.calls, said)
        began = asyncio.get_running_loop().time()
        ended = {}
        while len(ended) < 3:
            await asyncio.sleep(0.005)
            for leg, cause, _ in desk.ends():
                assert cause is Cause.MEDIA_LOST
                ended.setdefault(leg, asyncio.get_running_loop().time() - began)
        assert ended["back"] < 0.5 < 20 * 0.05 <= ended["held"] + 0.02
        assert ended["plain"] < 0.5

    asyncio.run(run())
