"""The participant's machine: what joining a room does, over any order of events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.billing.prepaid import Minutes
from hoiio.server.calls import callback, inputs, machines, participant
from hoiio.server.calls.result import Result
from hoiio.server.engines.protocol import Answered, Bridge, Cause, Dial, Ended, HangUp, SetDeadline
from hoiio.wire import MICROS
from support.model_phones import Phones

REF, ROOM = "AA-C-7", "3/MY-ROOM"
LEG = f"{REF}-1"
DIAL = Dial(LEG, "+6511111111", None, 60.0, 600.0, room=ROOM)


def joining(max_seconds=600):
    return participant.new(
        REF,
        1000,
        number="+6511111111",
        sees=None,
        room=ROOM,
        ring_seconds=60.0,
        max_seconds=max_seconds,
        minutes=Minutes(paid=10),
    )


def after(*events, call=None):
    call = call or joining()
    for event in events:
        call = participant.step(call, event)
    return call


def test_who_is_asked_in_is_rung_at_once():
    """With a deadline for the answer and one for the talk, held by the engine from the start."""
    assert participant.due(joining()) == (DIAL,)


def test_who_answers_is_put_into_the_room():
    """Heard and hearing, with a tone as long as nobody else is there; digits are not relayed."""
    call = after(Answered(LEG, 2000))
    assert machines.became_due(joining(), call) == (
        Bridge(LEG, ROOM, alone_tone=True),
        SetDeadline(LEG, 2000 + 600 * MICROS),
    )


def test_muting_changes_how_it_is_in_the_room():
    """Each change is commanded once; saying it again commands nothing."""
    there = after(Answered(LEG, 2000))
    muted = participant.step(there, inputs.MuteRequested(muted=True))
    assert machines.became_due(there, muted) == (Bridge(LEG, ROOM, muted=True, alone_tone=True),)
    assert participant.step(muted, inputs.MuteRequested(muted=True)) == muted
    heard = participant.step(muted, inputs.MuteRequested(muted=False))
    assert machines.became_due(muted, heard) == (Bridge(LEG, ROOM, alone_tone=True),)


def test_who_is_muted_before_the_answer_comes_in_muted():
    """Nobody hears a word in between."""
    ringing = after(inputs.MuteRequested(muted=True))
    assert machines.became_due(joining(), ringing) == ()
    call = participant.step(ringing, Answered(LEG, 2000))
    bridge, _ = machines.became_due(ringing, call)
    assert bridge == Bridge(LEG, ROOM, muted=True, alone_tone=True)


def test_leaving_ends_the_transaction_with_the_time_in_the_room():
    """From its own answer to its own end; its deadline counts from its answer."""
    call = after(Answered(LEG, 2000), Ended(LEG, 9000, Cause.REMOTE))
    assert machines.result(call) == Result("answered", "", 2000, 9000, 2000 + 600 * MICROS)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (Ended(LEG, 3000, Cause.REMOTE, 486, True), "busy"),
        (Ended(LEG, 3000, Cause.RING_TIMEOUT, rang=True), "unanswered"),
        (Ended(LEG, 3000, Cause.HUNG_UP), "unanswered"),
        (Ended(LEG, 3000, Cause.NO_RESPONSE), "failed"),
        (Ended(LEG, 3000, Cause.REMOTE, 404), "failed"),
    ],
)
def test_outcomes_are_those_of_any_leg(end, status):
    """There is no second leg, so its status is empty."""
    assert machines.result(after(end)) == Result(status, "", None, 3000, None)


def test_an_answer_that_crosses_the_hangup_is_not_billed():
    """The phone's 200 came after our CANCEL."""
    call = after(inputs.HangUpRequested(), Answered(LEG, 3000))
    assert participant.due(call) == (HangUp(LEG),)
    call = participant.step(call, Ended(LEG, 3100, Cause.HUNG_UP))
    assert machines.result(call) == Result("unanswered", "", None, 3100, None)


def test_who_could_not_be_dialled_in_time_is_never_rung():
    """Nobody's phone rings minutes late."""
    call = after(inputs.Expired(20_000))
    assert participant.due(call) == ()
    assert machines.result(call) == Result("failed", "", None, 20_000, None)


def test_a_lost_participant_left_at_the_last_evidence_but_never_before_its_answer():
    """Evidence older than the answer is the answer."""
    there = after(Answered(LEG, 5000))
    assert machines.result(participant.step(there, inputs.ControlLost(8000))).ended_at == 8000
    assert machines.result(participant.step(there, inputs.ControlLost(3000))).ended_at == 5000


def test_nothing_comes_of_one_who_is_still_there():
    """Asking too early is a mistake of the caller's."""
    with pytest.raises(ValueError, match="not over"):
        machines.result(after(Answered(LEG, 2000)))


# --- any order of events ---------------------------------------------------------------------

instants = st.integers(1000, 10**9)
events = st.one_of(
    st.builds(Answered, st.sampled_from([LEG, "AA-C-8-1", f"{REF}-2"]), instants),
    st.builds(
        Ended,
        st.sampled_from([LEG, "AA-C-8-1", f"{REF}-2"]),
        instants,
        st.sampled_from(Cause),
        st.none() | st.sampled_from([404, 408, 480, 486, 603]),
        st.booleans(),
    ),
    st.builds(inputs.MuteRequested, st.booleans()),
    st.just(inputs.HangUpRequested()),
    st.builds(inputs.Expired, instants),
    st.builds(inputs.ControlLost, instants),
)


@given(st.lists(events, max_size=12))
def test_a_state_survives_storage(history):
    """And both kinds are told apart when they are read."""
    call = after(*history)
    assert machines.decode(machines.encode(call)) == call
    assert not isinstance(machines.decode(machines.encode(call)), callback.CallBack)


@given(st.lists(events, max_size=12))
def test_no_order_of_events_breaks_the_rules(history):
    """Dialled once, bridged only after its answer, left alone after its end."""
    call = joining()
    sent = list(participant.due(call))
    for event in history:
        before, call = call, participant.step(call, event)
        assert participant.step(call, event) == call, "a repeated event changes nothing"
        assert not before.over or call == before, "what is over stays as it was"
        became = machines.became_due(before, call)
        assert not before.hung_up or became == (), "nothing follows a hangup"
        assert call.leg.answered_at is not None or not any(isinstance(c, Bridge) for c in became)
        sent += became
    assert [c for c in sent if isinstance(c, Dial)] == [DIAL]
    assert all(c.room == ROOM for c in sent if isinstance(c, Bridge))
    if call.over:
        assert participant.due(call) == ()
        outcome = machines.result(call)
        assert (outcome.status2, outcome.status1 == "answered") == (
            "",
            outcome.answered_at is not None,
        )
        assert outcome.answered_at is None or outcome.ended_at >= outcome.answered_at
    elif call.hung_up:
        assert participant.due(call) == (HangUp(LEG),)


# --- a room of several, whose events cross ----------------------------------------------------

PEOPLE = [f"AA-C-{number}" for number in (7, 8, 9)]
actions = st.tuples(
    st.sampled_from(PEOPLE),
    st.sampled_from(["join", "answer", "refuse", "deliver", "deliver", "hangup", "mute", "repeat"]),
    st.integers(0, 5),
)


class Room:
    """People who join and leave one room: each a machine, all phones behind one engine."""

    def __init__(self):
        self.phones, self.calls, self.settled, self.now, self.seen = Phones(), {}, [], 2000, []

    def join(self, ref):
        call = self.calls[ref] = participant.new(
            ref,
            self.now,
            number="+6511111111",
            sees=None,
            room=ROOM,
            ring_seconds=60.0,
            max_seconds=600,
        )
        self.phones.carry_out(participant.due(call), self.now)

    def take(self, ref, event):
        before = self.calls[ref]
        call = self.calls[ref] = machines.fold(before, [event])
        if call.over and not before.over:
            self.settled.append(ref)
        self.phones.carry_out(machines.became_due(before, call), self.now)

    def deliver(self, event):
        self.seen.append(event)
        for ref in self.calls:
            self.take(ref, event)


@given(st.lists(actions, max_size=40))
def test_everybody_leaves_once_whatever_races(script):
    """Joins, hangups, answers and ends that cross: one settlement each, and nobody stays up."""
    room = Room()
    for ref, what, pick in script:
        room.now += MICROS
        if ref not in room.calls:
            if what == "join":
                room.join(ref)
        elif what == "hangup":
            room.take(ref, inputs.HangUpRequested())
        elif what == "mute":
            room.take(ref, inputs.MuteRequested(muted=bool(pick % 2)))
        elif what == "deliver" and room.phones.pending:
            room.deliver(room.phones.pending.pop(pick % len(room.phones.pending)))
        elif what == "repeat" and room.seen:
            room.deliver(room.seen[pick % len(room.seen)])
        else:
            room.phones.act(f"{ref}-1", what, room.now)
    room.phones.give_up(room.now + 10**9, room.deliver)
    assert sorted(room.settled) == sorted(room.calls)
    assert all(state == "ended" for state in room.phones.up.values())
    for call in room.calls.values():
        outcome = machines.result(call)
        answered = [e.at for e in room.seen if isinstance(e, Answered) and e.leg == call.leg.id]
        assert outcome.answered_at is None or outcome.answered_at in answered


def test_an_engine_that_was_lost_before_the_call_ends_it_at_its_admission():
    """It may have been heard of last before that; nothing ends before it began."""
    call = after(Ended(LEG, 5, Cause.ENGINE_LOST))
    assert machines.result(call).ended_at == call.admitted_at == 1000
