"""The sandbox engine keeps what all engines promise, and its numbers do as they say."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio import sandbox
from hoiio.server.api import params
from hoiio.server.engines.protocol import (
    Answered,
    Bridge,
    Cause,
    Dial,
    Ended,
    EngineUnavailable,
    HangUp,
    Ringing,
    SetDeadline,
)
from hoiio.server.engines.sandbox import RealTime, SandboxEngine
from hoiio.server.sandbox.clock import MovableClock
from hoiio.wire import MICROS

START = 1_700_000_000 * MICROS


class Table:
    """An engine and its clock on a loop that runs only as far as the test says."""

    def __init__(self, **options):
        self.clock = MovableClock(START)
        self.engine = SandboxEngine(self.clock, **options)
        self.events = []
        self.loop = asyncio.new_event_loop()
        self.do(self.engine.start, self.events.append, wait=True)

    def do(self, function, *args, wait=False):
        async def inside():
            return await function(*args) if wait else function(*args)

        return self.loop.run_until_complete(inside())

    def send(self, *commands):
        self.do(self.engine.send, *commands)

    def dial(self, leg, number=sandbox.ANSWERS, ring=30, talk=100.0):
        self.send(Dial(leg, number, None, ring, talk))

    def passes(self, seconds=0.0):
        def move():
            until = self.clock.now() + round(seconds * MICROS)
            while (at := self.clock.next_at()) is not None and at <= until:
                self.clock.move(max(at, self.clock.now()))
                self.clock.run_due()
            self.clock.move(until)

        self.do(move)

    def stop(self):
        self.do(self.engine.stop, wait=True)

    def of(self, leg):
        return [event for event in self.events if event.leg == leg]


@pytest.fixture
def table():
    table = Table()
    yield table
    table.loop.close()


def after(seconds):
    return START + round(seconds * MICROS)


# --- numbers ------------------------------------------------------------------------------------

NAMED = (
    sandbox.ANSWERS, sandbox.BUSY, sandbox.UNANSWERED, sandbox.RINGS, sandbox.FAILED,
    sandbox.NO_CREDIT, sandbox.drops_after(0), sandbox.drops_after(999),
)  # fmt: skip


@pytest.mark.parametrize("number", NAMED)
def test_every_named_number_passes_the_checks_of_the_service(number):
    assert params.number(number, "refused") == number


def test_no_two_names_mean_one_number():
    assert len(set(NAMED)) == len(NAMED)


@pytest.mark.parametrize("seconds", [-1, 1000])
def test_a_number_cannot_hang_up_at_other_seconds(seconds):
    with pytest.raises(ValueError, match="0 to 999"):
        sandbox.drops_after(seconds)


@pytest.mark.parametrize("seconds", ["3", 3.5, None, True])
def test_a_number_hangs_up_at_whole_seconds(seconds):
    with pytest.raises(TypeError, match="whole seconds, such as 30, not"):
        sandbox.drops_after(seconds)


@pytest.mark.parametrize(
    ("number", "code"),
    [(sandbox.BUSY, 486), (sandbox.UNANSWERED, 480), (sandbox.FAILED, 503), ("+6500000603", 603)],
)
def test_a_number_that_refuses_does_so_at_once_with_its_code(table, number, code):
    table.dial("a", number)
    table.passes()
    assert table.of("a") == [Ended("a", START, Cause.REMOTE, code)]


@pytest.mark.parametrize("number", [sandbox.ANSWERS, "+6511111111", "+14155550100"])
def test_any_other_number_answers_at_once_and_stays(table, number):
    table.dial("a", number)
    table.passes(99)
    assert table.of("a") == [Answered("a", START)]


def test_a_number_hangs_up_when_it_says(table):
    table.dial("a", sandbox.drops_after(42))
    table.passes(50)
    assert table.of("a") == [Answered("a", START), Ended("a", after(42), Cause.REMOTE)]


def test_a_number_that_rings_ends_at_its_ring_time_out(table):
    table.dial("a", sandbox.RINGS, ring=30)
    table.passes(31)
    assert table.of("a") == [
        Ringing("a", START),
        Ended("a", after(30), Cause.RING_TIMEOUT, rang=True),
    ]


# --- what every engine promises -----------------------------------------------------------------


def test_nothing_is_reported_before_send_has_returned(table):
    table.do(lambda: [table.engine.send(Dial("a", sandbox.BUSY, None, 1, 1)), *table.events])
    assert table.do(lambda: list(table.events)) == [Ended("a", START, Cause.REMOTE, 486)]


def test_a_leg_is_dialled_at_most_once_in_its_life(table):
    for _ in range(2):
        table.dial("a", sandbox.BUSY)
        table.passes(1)
    assert len(table.events) == 1


def test_a_leg_that_talks_is_cut_at_its_deadline(table):
    table.dial("a", talk=60)
    table.passes(100)
    assert table.of("a")[-1] == Ended("a", after(60), Cause.DEADLINE)


def test_a_later_deadline_replaces_the_first(table):
    table.dial("a", talk=60)
    table.passes(10)
    table.send(SetDeadline("a", after(90)))
    table.passes(100)
    assert table.of("a")[-1] == Ended("a", after(90), Cause.DEADLINE)


def test_a_deadline_of_the_past_is_now(table):
    table.dial("a")
    table.passes(10)
    table.send(SetDeadline("a", after(5)))
    table.passes()
    assert table.of("a")[-1] == Ended("a", after(10), Cause.DEADLINE)


def test_a_deadline_changes_nothing_for_a_leg_that_rings(table):
    table.dial("a", sandbox.RINGS, ring=30)
    table.passes()
    table.send(SetDeadline("a", after(5)))
    table.passes(40)
    assert table.of("a")[-1] == Ended("a", after(30), Cause.RING_TIMEOUT, rang=True)


def test_a_hang_up_before_the_answer_leaves_no_answer(table):
    table.do(lambda: [table.engine.send(Dial("a", sandbox.ANSWERS, None, 1, 1), HangUp("a"))])
    table.passes(10)
    assert table.of("a") == [Ended("a", START, Cause.HUNG_UP)]


def test_a_hang_up_while_it_rings_tells_that_it_rang(table):
    table.dial("a", sandbox.RINGS)
    table.passes(1)
    table.send(HangUp("a"))
    table.passes(100)
    assert table.of("a")[1:] == [Ended("a", after(1), Cause.HUNG_UP, rang=True)]


def test_a_hang_up_after_the_answer_ends_it_once(table):
    table.dial("a", sandbox.drops_after(5))
    table.passes(2)
    table.send(HangUp("a"), HangUp("a"))
    table.passes(200)
    assert table.of("a")[1:] == [Ended("a", after(2), Cause.HUNG_UP)]


@pytest.mark.parametrize("command", [Bridge("x", "r"), SetDeadline("x", START), HangUp("x")])
def test_unknown_and_ended_legs_are_ignored(table, command):
    table.send(command)
    table.dial("x", sandbox.BUSY)
    table.passes(1)
    table.send(command)
    table.passes(1)
    assert table.events == [Ended("x", START, Cause.REMOTE, 486)]


def test_only_an_answered_leg_is_bridged_and_muted(table):
    table.dial("a", sandbox.RINGS)
    table.passes()
    table.send(Bridge("a", "room", muted=True))
    (phone,) = table.engine.phones(sandbox.RINGS)
    assert (phone.room, phone.muted) == (None, False)
    table.do(table.engine.pick_up, sandbox.RINGS)
    table.send(Bridge("a", "room", muted=True))
    assert (phone.room, phone.muted) == ("room", True)


def test_places_are_given_until_there_are_no_more():
    table = Table(max_legs=3)
    assert table.engine.reserve("one", 2)
    assert not table.engine.reserve("two", 2)
    assert table.engine.reserve("one", 3)
    table.engine.release("one")
    table.engine.release("one")
    assert table.engine.reserve("two", 3)
    table.loop.close()


def test_a_stop_reports_the_end_of_every_leg(table):
    table.dial("a")
    table.dial("b", sandbox.RINGS)
    table.dial("c")
    table.passes(5)

    async def hang_up_and_stop():
        table.engine.send(HangUp("c"))
        await table.engine.stop()

    table.do(hang_up_and_stop, wait=True)
    ends = [event for event in table.events if isinstance(event, Ended)]
    assert {end.leg: end.cause for end in ends} == dict.fromkeys("abc", Cause.HUNG_UP)


def test_it_takes_no_commands_unless_it_runs(table):
    table.stop()
    with pytest.raises(EngineUnavailable):
        table.send(Dial("a", sandbox.ANSWERS, None, 1, 1))
    assert not table.engine.reserve("one", 1)


def test_a_listener_that_fails_stops_nothing(table):
    async def start():
        await table.engine.start(lambda event: 1 / 0)

    table.loop.run_until_complete(start())
    table.dial("a", sandbox.BUSY)
    table.passes()
    assert table.engine.phones(sandbox.BUSY) == []


# --- from the phones' side ----------------------------------------------------------------------


def test_a_phone_that_rings_can_be_picked_up_and_put_down(table):
    table.dial("a", sandbox.RINGS, ring=30, talk=100)
    table.passes(3)
    assert table.do(table.engine.pick_up, sandbox.RINGS) == 1
    table.passes(40)
    assert table.do(table.engine.put_down, sandbox.RINGS) == 1
    assert table.do(table.engine.put_down, sandbox.RINGS) == 0
    assert table.of("a")[1:] == [
        Answered("a", after(3)),
        Ended("a", after(43), Cause.REMOTE, rang=True),
    ]


def test_a_phone_that_is_put_down_while_it_rings_is_busy(table):
    table.dial("a", sandbox.RINGS)
    table.passes(3)
    table.do(table.engine.put_down, sandbox.RINGS)
    assert table.of("a")[-1] == Ended("a", after(3), Cause.REMOTE, 486, rang=True)


# --- over any history ---------------------------------------------------------------------------

LEGS = st.sampled_from("abcd")
STEPS = st.one_of(
    st.tuples(st.just("dial"), LEGS, st.sampled_from([*NAMED, "+6511111111"])),
    st.tuples(st.just("hang up"), LEGS, st.none()),
    st.tuples(st.just("deadline"), LEGS, st.integers(0, 300)),
    st.tuples(st.just("pick up"), st.sampled_from(NAMED), st.none()),
    st.tuples(st.just("put down"), st.sampled_from(NAMED), st.none()),
    st.tuples(st.just("passes"), st.just(""), st.integers(0, 120)),
)


@given(st.lists(STEPS, max_size=30))
def test_every_leg_ends_once_in_order_and_within_its_deadlines(steps):
    table = Table()
    dialled = {}
    for what, who, value in steps:
        match what:
            case "dial":
                dialled.setdefault(who, table.clock.now())
                table.dial(who, value, ring=30, talk=60)
            case "hang up":
                table.send(HangUp(who))
            case "deadline":
                table.send(SetDeadline(who, after(value)))
            case "pick up":
                table.do(table.engine.pick_up, who)
            case "put down":
                table.do(table.engine.put_down, who)
            case "passes":
                table.passes(value)
    table.passes(10_000)
    table.loop.close()
    ends = Counter(event.leg for event in table.events if isinstance(event, Ended))
    assert ends == dict.fromkeys(dialled, 1)
    for leg, begun in dialled.items():
        told = table.of(leg)
        assert isinstance(told[-1], Ended)
        assert [event.at for event in told] == sorted(event.at for event in told)
        assert sum(isinstance(event, Answered) for event in told) <= 1
        if not any(isinstance(event, Answered) for event in told):
            assert told[-1].at <= begun + 30 * MICROS


def test_in_real_time_it_is_the_same():
    async def live():
        engine, events, over = SandboxEngine(RealTime()), [], asyncio.Event()

        def sink(event):
            events.append(event)
            if isinstance(event, Ended):
                over.set()

        await engine.start(sink)
        engine.send(Dial("a", sandbox.drops_after(0), None, 1, 1))
        await asyncio.wait_for(over.wait(), 10)
        await engine.stop()
        return events

    answered, ended = asyncio.run(live())
    assert isinstance(answered, Answered)
    assert (ended.cause, ended.code) == (Cause.REMOTE, None)
    assert ended.at >= answered.at
