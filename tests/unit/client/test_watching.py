"""Following a call: each change once, until it ends, by a stream or by asking. No I/O."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio import ConnectionFailed, InvalidResponse, TimedOut, WaitTimedOut
from hoiio.answer import Answer, parse
from hoiio.exchange import PATIENCE, Pollers, Sleep
from hoiio.transport import HttpRequest, Opened
from hoiio.watching import (
    OUTAGES,
    POLL,
    STREAM_AGAIN,
    Call,
    Close,
    Events,
    Open,
    Read,
    Tell,
    wait,
    watch,
)
from support.fuzz import cases
from support.steps import Clock, response

UP = {"status": "success_ok", "txn_ref": "TX-1", "call_status_dest1": "ongoing"}
TALKING = {**UP, "answered_date": "2012-01-31 12:06:15"}
ENDED = {**UP, "call_status_dest1": "answered", "duration": "1"}
REQUEST = HttpRequest("POST", "http://a.example/", {}, b"", 1, 1)


def text(change):
    return json.dumps(change)


class World:
    """Looks and streams in turn; an exception in either is raised or handed back."""

    def __init__(self, looks, streams=(), *, timeout=None):
        self.clock, self.pollers = Clock(), Pollers()
        self.looks, self.streams = list(looks), list(streams)
        self.slept, self.opened, self.asked = [], 0, []
        self.pieces = None
        call = Call("TX-1", self.ask, self.stream, lambda data: parse(Answer, data))
        self.watching = watch(call, timeout, self.pollers, clock=self.clock, chance=lambda: 0.5)

    def ask(self, seconds):
        self.asked.append(seconds)
        return self

    def steps(self):
        outcome = yield REQUEST
        if isinstance(outcome, Exception):
            raise outcome
        return parse(Answer, outcome)

    def stream(self, seconds):
        return REQUEST if self.streams and seconds > 0 else None

    def perform(self, step):
        match step:
            case Close():
                self.pieces = None
            case Sleep():
                # No stream is open meanwhile.
                assert self.pieces is None
                assert step.seconds > 0
                self.clock.now += step.seconds
                self.slept.append(step.seconds)
            case HttpRequest():
                look = self.looks.pop(0)
                return look if not isinstance(look, dict) else response(text(look))
            case Open():
                assert self.pieces is None
                self.opened += 1
                self.pieces = self.streams.pop(0)
                if not isinstance(self.pieces, list):
                    how, self.pieces = self.pieces, []
                    return how
                self.pieces = list(self.pieces)
                return Opened("text/event-stream; charset=utf-8")
            case Read():
                return self.pieces.pop(0) if self.pieces else b""
        return None

    def told(self):
        told, outcome = [], None
        while True:
            try:
                step = self.watching.send(outcome)
            except StopIteration:
                return told
            outcome = None
            if isinstance(step, Tell):
                told.append(step.answer.json)
            else:
                outcome = self.perform(step)

    def waited(self, until):
        steps, outcome = wait(self.watching, until), None
        while True:
            try:
                outcome = self.perform(steps.send(outcome))
            except StopIteration as done:
                return done.value


def event(change):
    return b"data: " + text(change).encode() + b"\n\n"


@given(st.lists(st.sampled_from([UP, TALKING, {**UP, "tag": "t"}]), max_size=8))
def test_each_change_is_told_once(looks):
    """The first look is one; what is as before is not."""
    world = World([*looks, ENDED])
    told = world.told()
    expected = [look for n, look in enumerate(looks) if n == 0 or look != looks[n - 1]]
    assert told == [*expected, ENDED]
    assert world.slept == [POLL] * len(looks)
    assert world.pollers.count == 0


@cases(150)
@given(
    st.lists(st.sampled_from([UP, TALKING, {**UP, "tag": "t"}]), max_size=6),
    st.lists(
        st.sampled_from(
            [
                None,
                ConnectionFailed("no", maybe_sent=False),
                [],
                [event(TALKING)],
                [event(TALKING), event(ENDED)],
                [event(UP), b"data: {", ConnectionFailed("broke", maybe_sent=True)],
                [b"data: nonsense\n\n", event(ENDED)],
                [b": comment\n\n", b"retry: 5\n\n"],
                Opened("text/html"),
            ]
        ),
        max_size=4,
    ),
)
def test_streams_that_break_are_followed_by_asking(looks, streams):
    """No error of a stream reaches the caller; the end is told once and nothing after it."""
    world = World([*looks, ENDED, ENDED], streams)
    told = world.told()
    assert told[-1] == ENDED
    assert ENDED not in told[:-1]
    assert all(one != other for one, other in itertools.pairwise(told))
    assert world.pollers.count == 0


def test_a_stream_that_brings_nothing_is_not_opened_again_at_once():
    """One that brought news is; one that was refused is tried later."""
    world = World([UP, UP, UP, ENDED], [[], [event(TALKING)]])
    world.told()
    assert world.opened == 1
    world = World([UP, TALKING, ENDED], [[event(TALKING)], [event(ENDED)]])
    assert world.told() == [UP, TALKING, ENDED]
    assert (world.opened, len(world.asked)) == (2, 2)
    looks = int(STREAM_AGAIN / POLL) + 1
    world = World([UP] * looks, [Opened("text/html"), [event(ENDED)]])
    assert world.told() == [UP, ENDED]
    assert (world.opened, sum(world.slept), world.looks) == (2, STREAM_AGAIN, [])


def test_a_call_that_is_over_is_one_look():
    """No stream is opened for it."""
    world = World([ENDED], [[event(ENDED)]])
    assert world.told() == [ENDED]
    assert (world.opened, world.slept) == (0, [])


def test_a_refusal_is_told_and_is_the_end():
    """Unless it is for the rate, which is waited for: as the service says, else with patience."""
    refused = {"status": "error_invalid_txn_ref"}
    assert World([UP, refused]).told() == [UP, refused]
    limited = '{"status": "error_rate_limit_exceeded"}'
    world = World([UP, response(limited, Retry_After="9"), response(limited), ENDED])
    assert world.told() == [UP, ENDED]
    assert world.slept == [POLL, 9, PATIENCE]


def test_who_follows_many_calls_asks_less_often_for_each():
    """So that all together stay below what a service allows."""
    world = World([UP, ENDED])
    world.pollers.count = 9
    world.told()
    assert world.slept == [POLL * 10]
    assert world.pollers.count == 9


def test_who_listens_does_not_ask():
    """A stream takes nothing of what a service allows; after it one look is due soon."""
    world = World([UP, TALKING, ENDED], [[event(TALKING)], [event(ENDED)]])
    world.pollers.count = 99
    counts, perform = [], world.perform

    def performing(step):
        counts.append((type(step), world.pollers.count))
        return perform(step)

    world.perform = performing
    assert world.told() == [UP, TALKING, ENDED]
    assert {count for kind, count in counts if kind is Read} == {99}
    assert world.slept == [POLL]
    assert world.pollers.count == 99


def test_the_time_to_wait_ends():
    """With a last look at its end; and says how the call was."""
    world = World([UP] * 9, timeout=5)
    with pytest.raises(WaitTimedOut, match="TX-1 is still up") as raised:
        world.told()
    assert raised.value.last.json == UP
    assert isinstance(raised.value, TimeoutError)
    assert world.slept == [2, 2, 1]
    assert world.asked == [5, 3, 1, 1]
    assert world.pollers.count == 0


def test_a_look_that_hangs_at_the_end_is_a_time_out_of_waiting():
    """As the first it is the request's, in the middle no news."""

    class Hanging(World):
        def perform(self, step):
            if isinstance(step, HttpRequest) and isinstance(self.looks[0], TimedOut):
                self.clock.now += self.asked[-1]
            return super().perform(step)

    late = TimedOut("late", maybe_sent=True)
    with pytest.raises(WaitTimedOut):
        Hanging([UP, late], timeout=3).told()
    with pytest.raises(TimedOut):
        Hanging([late], timeout=3).told()
    assert World([UP, late, ENDED], timeout=30).told() == [UP, ENDED]


def test_no_word_in_all_the_time():
    """The rate limit outlasts it."""
    limited = response('{"status": "error_rate_limit_exceeded"}', Retry_After="60")
    with pytest.raises(WaitTimedOut, match="no word of TX-1"):
        World([limited, limited], timeout=3).told()


@pytest.mark.parametrize(
    ("until", "looks", "answer"),
    [
        ("answered", [UP, TALKING, ENDED], TALKING),
        ("ended", [UP, TALKING, ENDED], ENDED),
        ("answered", [UP, {**UP, "call_status_dest1": "busy"}], None),
        ("answered", [UP, {"status": "error_invalid_txn_ref"}], None),
    ],
)
def test_waiting_ends_where_it_was_to(until, looks, answer):
    """Or where there is nothing more to wait for; the place among the pollers is given back."""
    world = World(looks)
    assert world.waited(until).json == (answer or looks[-1])
    assert world.pollers.count == 0


def test_who_stops_watching_gives_its_place_back():
    """Whatever it was doing."""
    world = World([UP, UP])
    assert isinstance(next(world.watching), HttpRequest)
    assert world.pollers.count == 1
    world.watching.close()
    assert world.pollers.count == 0


def test_an_error_of_a_look_is_raised():
    """At once of a call that nothing is known of, else after many; the place is given back."""
    for error in (ConnectionFailed("no", maybe_sent=False), InvalidResponse("no", "")):
        for looks in ([error], [UP, *[error] * (OUTAGES + 1)]):
            world = World(list(looks))
            with pytest.raises(type(error)):
                world.told()
            assert world.pollers.count == 0
            assert world.looks == []


def test_a_service_that_is_away_for_a_while_is_asked_again():
    """As when it is started anew: the call goes on, or has ended, and is heard of."""
    gone = ConnectionFailed("no", maybe_sent=False)
    failed = {"status": "error_internal_server_error"}
    html = InvalidResponse("not JSON", "<html>", 502)
    assert World([UP, *[gone, failed, html] * 10, ENDED]).told() == [UP, ENDED]
    assert World([UP, *[failed] * (OUTAGES + 1)]).told() == [UP, failed]


NOTHING = {"status": "success_ok"}
OTHER = {**ENDED, "txn_ref": "TX-2"}


@pytest.mark.parametrize("until", ["answered", "ended"])
@pytest.mark.parametrize(
    ("look", "why"),
    [
        (NOTHING, "does not tell how TX-1 is: it has no call_status_dest1"),
        ({**NOTHING, "txn_ref": "TX-1", "call_status_dest1": ""}, "does not tell how TX-1 is"),
        ({**NOTHING, "answered_date": "2012-01-31 12:06:15"}, "does not tell how TX-1 is"),
        (OTHER, "it tells of another call than TX-1"),
        ({**TALKING, "txn_ref": "TX-2"}, "it tells of another call than TX-1"),
    ],
)
def test_a_success_that_tells_nothing_of_the_call_is_no_end_of_it(until, look, why):
    """Nor is one of another call; both are what a look that failed is."""
    world = World([look])
    with pytest.raises(InvalidResponse, match=f"HTTP 200, .*{why}"):
        world.waited(until)
    assert world.pollers.count == 0
    assert World([UP, look, TALKING, look, ENDED]).told() == [UP, TALKING, ENDED]
    assert World([UP, UP, ENDED], [[event(look), event(TALKING)]]).told() == [UP, ENDED]


@pytest.mark.parametrize(
    "end",
    [
        {"status": "success_ok", "call_status_dest1": "busy"},
        {"status": "success_ok", "txn_ref": "", "call_status_dest1": "busy"},
        {"status": "success_ok", "txn_ref": "TX-1", "call_status_dest2": "failed"},
        {"status": "success_ok", "txn_ref": "TX-1", "duration": "0"},
    ],
)
def test_what_an_older_service_leaves_out_may_be_missing(end):
    """Its ref, a phone's status, or all that a call which is up does not have."""
    assert World([UP, end]).told() == [UP, end]


ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@cases(300)
@given(
    st.lists(
        st.tuples(
            st.lists(st.text("ab{}: é", max_size=6), min_size=1, max_size=3),
            st.sampled_from([b"", b": comment", b"event: x", b"id: 1", b"retry: 9", b"nonsense"]),
            ENDS,
        ),
        max_size=5,
    ),
    st.data(),
)
def test_events_are_read_in_whatever_pieces_they_come(events, data):
    """With any of the three line ends, among lines that are of no interest."""
    stream = b"".join(
        b"".join(b"data: " + line.encode() + end for line in lines)
        + (other + end if other else b"")
        + end
        for lines, other, end in events
    )
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12).map(sorted))
    places = [0, *cuts, len(stream)]
    reader, found = Events(), []
    for start, end in itertools.pairwise(places):
        found += reader.feed(stream[start:end])
    assert found == ["\n".join(lines) for lines, _, _ in events]


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_read_without_an_error(pieces):
    """And the same in one piece."""
    one, many = Events(), Events()
    assert one.feed(b"".join(pieces)) == [e for piece in pieces for e in many.feed(piece)]
