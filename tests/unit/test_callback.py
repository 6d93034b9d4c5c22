"""The call-back machine: what a call does, and what it never does, over any order of events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.billing.prepaid import Minutes
from hoiio.server.calls import callback as cb
from hoiio.server.calls import inputs, machines
from hoiio.server.engines.protocol import (
    Answered,
    Bridge,
    Cause,
    Dial,
    Ended,
    HangUp,
    SetDeadline,
)
from hoiio.wire import MICROS
from support.model_phones import Phones

REF = "AA-C-7"
ONE, TWO = f"{REF}-1", f"{REF}-2"


def a_call(max_seconds=600):
    return cb.new(
        REF,
        1000,
        numbers=("+6511111111", "+6522222222"),
        sees=("+6522222222", None),
        ring_seconds=(30.0, 60.0),
        max_seconds=max_seconds,
        minutes=Minutes(paid=10),
    )


def after(*events, call=None):
    call = call or a_call()
    for event in events:
        call = cb.step(call, event)
    return call


def test_only_dest1_is_dialled_at_first_with_a_deadline_that_covers_dest2s_ringing():
    first = Dial(ONE, "+6511111111", "+6522222222", 30.0, 70.0, room=REF)
    assert cb.due(a_call()) == (first,)


def test_dest1s_answer_dials_dest2_whose_progress_dest1_hears():
    call = after(Answered(ONE, 2000))
    assert machines.became_due(a_call(), call) == (
        Dial(TWO, "+6522222222", None, 60.0, 600.0, ONE, "AA-C-7"),
    )


def test_dest2s_answer_bridges_both_and_sets_one_deadline_for_both():
    ringing = after(Answered(ONE, 2000))
    call = cb.step(ringing, Answered(TWO, 5000))
    deadline = 5000 + 600 * MICROS
    assert machines.became_due(ringing, call) == (
        Bridge(ONE, REF, digits=True),
        Bridge(TWO, REF, digits=True),
        SetDeadline(ONE, deadline),
        SetDeadline(TWO, deadline),
    )


@pytest.mark.parametrize(("gone", "left"), [(ONE, TWO), (TWO, ONE)])
def test_one_phone_hanging_up_hangs_the_other_up(gone, left):
    up = after(Answered(ONE, 2000), Answered(TWO, 5000))
    call = cb.step(up, Ended(gone, 9000, Cause.REMOTE))
    assert machines.became_due(up, call) == (HangUp(left),)
    assert not call.over
    call = cb.step(call, Ended(left, 9100, Cause.HUNG_UP))
    assert cb.result(call) == cb.Result("answered", "answered", 5000, 9000, 5000 + 600 * MICROS)


@pytest.mark.parametrize(("early", "late"), [(ONE, TWO), (TWO, ONE)])
def test_of_two_reports_of_an_end_the_first_counts(early, late):
    call = after(
        Answered(ONE, 2000),
        Answered(TWO, 5000),
        Ended(early, 9000, Cause.REMOTE),
        Ended(early, 6000, Cause.ENGINE_LOST),
        Ended(late, 9100, Cause.HUNG_UP),
    )
    assert cb.result(call).ended_at == 9000


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (Ended(ONE, 3000, Cause.REMOTE, 486, True), "busy"),
        (Ended(ONE, 3000, Cause.REMOTE, 600), "busy"),
        (Ended(ONE, 3000, Cause.REMOTE, 603), "busy"),
        (Ended(ONE, 3000, Cause.RING_TIMEOUT, rang=True), "unanswered"),
        (Ended(ONE, 3000, Cause.REMOTE, 480), "unanswered"),
        (Ended(ONE, 3000, Cause.REMOTE, 487), "unanswered"),
        (Ended(ONE, 3000, Cause.REMOTE, 408, True), "unanswered"),
        (Ended(ONE, 3000, Cause.REMOTE, 408, False), "failed"),
        (Ended(ONE, 3000, Cause.HUNG_UP), "unanswered"),
        (Ended(ONE, 3000, Cause.REMOTE, 404), "failed"),
        (Ended(ONE, 3000, Cause.REMOTE, 302), "failed"),
        (Ended(ONE, 3000, Cause.REMOTE, 503, True), "failed"),
        (Ended(ONE, 3000, Cause.NO_RESPONSE), "failed"),
        (Ended(ONE, 3000, Cause.ENGINE_LOST), "failed"),
        (Ended(ONE, 3000, Cause.NOT_DIALLED), "failed"),
    ],
)
def test_the_table_of_outcomes_and_a_second_leg_never_dialled(end, status):
    call = after(end)
    assert cb.result(call) == cb.Result(status, "unanswered", None, 3000, None)


def test_a_hangup_before_the_answer_cancels_and_an_answer_that_crosses_it_is_not_billed():
    ringing = after(Answered(ONE, 2000), inputs.HangUpRequested())
    assert cb.due(ringing) == (HangUp(ONE), HangUp(TWO))
    call = after(
        Answered(TWO, 3000),
        Ended(TWO, 3100, Cause.HUNG_UP),
        Ended(ONE, 3100, Cause.HUNG_UP),
        call=ringing,
    )
    assert cb.result(call) == cb.Result("answered", "unanswered", None, 3100, None, 1100)


def test_dest1_giving_up_while_dest2_rings_ends_the_call_unbilled():
    call = after(
        Answered(ONE, 2000), Ended(ONE, 4000, Cause.REMOTE), Ended(TWO, 4100, Cause.HUNG_UP)
    )
    assert cb.result(call) == cb.Result("answered", "unanswered", None, 4100, None, 2000)


def test_a_call_not_dialled_in_time_fails_and_dials_nobody():
    call = after(inputs.Expired(20_000))
    assert cb.due(call) == ()
    assert cb.result(call) == cb.Result("failed", "unanswered", None, 20_000, None)


def test_a_lost_call_ends_at_the_last_evidence_but_never_before_its_answer():
    up = after(Answered(ONE, 2000), Answered(TWO, 5000))
    assert cb.result(cb.step(up, inputs.ControlLost(8000))).ended_at == 8000
    assert cb.result(cb.step(up, inputs.ControlLost(3000))).ended_at == 5000


@given(st.integers(0, 2), st.booleans())
def test_a_state_survives_storage(answers, hung_up):
    call = after(*[Answered(ONE, 2000), Answered(TWO, 5000)][:answers])
    call = cb.step(call, inputs.HangUpRequested()) if hung_up else call
    assert machines.decode(machines.encode(call)) == call


# --- any order of events ---------------------------------------------------------------------

legs = st.sampled_from([ONE, TWO, "AA-C-8-1"])
instants = st.integers(1000, 10**9)
events = st.one_of(
    st.builds(Answered, legs, instants),
    st.builds(
        Ended,
        legs,
        instants,
        st.sampled_from(Cause),
        st.none() | st.sampled_from([404, 408, 480, 486, 603]),
        st.booleans(),
    ),
    st.just(inputs.HangUpRequested()),
    st.builds(inputs.Expired, instants),
    st.builds(inputs.ControlLost, instants),
)


@given(st.lists(events, max_size=12))
def test_no_order_of_events_breaks_the_rules(history):
    call = a_call()
    sent = list(cb.due(call))
    for event in history:
        before, call = call, cb.step(call, event)
        assert cb.step(call, event) == call, "a repeated event changes nothing"
        assert not before.over or call == before, "what is over stays as it was"
        sent += machines.became_due(before, call)
        if any(isinstance(c, Dial) and c.leg == TWO for c in machines.became_due(before, call)):
            assert isinstance(event, Answered)
            assert event.leg == ONE
    dials = [c.leg for c in sent if isinstance(c, Dial)]
    assert len(dials) == len(set(dials)), "no leg is dialled twice"
    if call.over:
        assert cb.due(call) == ()
        outcome = cb.result(call)
        assert "ongoing" not in (outcome.status1, outcome.status2)
        if outcome.answered_at is not None:
            assert outcome.status1 == outcome.status2 == "answered"
            assert outcome.ended_at >= outcome.answered_at
            assert outcome.unconnected == 0
        assert outcome.unconnected >= 0
    elif call.ending:
        assert cb.due(call) == tuple(HangUp(leg) for leg in dials if _end(call, leg) is None)


def _end(call, leg):
    return (call.first if leg == ONE else call.second).end


actions = st.tuples(
    st.sampled_from([ONE, TWO]),
    st.sampled_from(["answer", "refuse", "deliver", "deliver", "hangup", "repeat"]),
    st.integers(0, 5),
)


@given(st.lists(actions, max_size=30), st.integers(1, 50))
def test_every_call_ends_is_settled_once_and_leaves_no_leg_up(script, max_seconds):
    call, phones, now = a_call(max_seconds), Phones(), 2000
    phones.carry_out(cb.due(call), now)
    seen, settlements = [], 0

    def deliver(event):
        nonlocal call, settlements
        before, call = call, cb.step(call, event)
        settlements += call.over and not before.over
        phones.carry_out(machines.became_due(before, call), now)

    for leg, what, pick in script:
        now += MICROS
        if what == "deliver" and pick == 0:
            # all that is pending at once, in some order, as after standing still
            before, call = call, cb.fold(call, phones.pending)
            seen += phones.pending
            phones.pending.clear()
            settlements += call.over and not before.over
            phones.carry_out(machines.became_due(before, call), now)
        elif what == "deliver" and phones.pending:
            # any pending event may come next: they overtake one another
            event = phones.pending.pop(pick % len(phones.pending))
            seen.append(event)
            deliver(event)
        elif what == "repeat" and seen:
            deliver(seen[pick % len(seen)])
        elif what == "hangup":
            deliver(inputs.HangUpRequested())
        else:
            phones.act(leg, what, now)

    deadline = call.deadline
    phones.give_up(now + 10**9, deliver)

    assert call.over
    assert settlements == 1
    assert all(state == "ended" for state in phones.up.values())
    outcome = cb.result(call)
    assert outcome.billed_until == call.deadline
    assert deadline is None or outcome.billed_until == deadline


def test_an_engine_that_was_lost_before_the_call_ends_it_at_its_admission():
    """It may have been heard of last before that; nothing ends before it began."""
    call = cb.step(a_call(), Ended(ONE, 5, Cause.ENGINE_LOST))
    assert cb.result(call).ended_at == call.admitted_at == 1000
