"""Prepaid minutes: paid before spoken, never beyond what is paid, whatever the prices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.billing import charge, prepaid
from hoiio.server.billing.charge import MINUTE, Price
from hoiio.server.billing.prepaid import FIRST, GRACE, LOOK_AHEAD, Minutes
from hoiio.wire import MICROS

BY_THE_MINUTE = (Price(18_000), Price(2_000))

prices = st.lists(
    st.builds(
        Price,
        rate=st.integers(0, 3_000_000),
        initial=st.sampled_from([1, 6, 30, 60, 90, 600]),
        increment=st.sampled_from([1, 6, 7, 30, 60, 90]),
        fee=st.integers(0, 50_000),
    ),
    min_size=1,
    max_size=2,
)


def test_the_next_minute_is_held_ten_seconds_before_its_boundary():
    """Neither earlier nor, while the call is up, never."""
    just_before = MINUTE - LOOK_AHEAD - 1
    assert prepaid.hold_due(FIRST, BY_THE_MINUTE, 600, just_before) is None
    hold = prepaid.hold_due(FIRST, BY_THE_MINUTE, 600, just_before + 1)
    assert (hold.minute, hold.amount, hold.after.paid) == (2, 20_000, 2)


def test_a_call_that_waits_for_its_next_minute_has_fifteen_seconds_of_grace():
    """A refused one has none; and the call's own limit is never passed."""
    assert prepaid.up_for(FIRST, 600) == MINUTE + GRACE == 75 * MICROS
    assert prepaid.up_for(prepaid.refused(FIRST), 600) == MINUTE
    assert prepaid.up_for(FIRST, 70) == 70 * MICROS
    assert prepaid.up_for(FIRST, 60) == MINUTE
    assert prepaid.up_for(FIRST, 7) == 7 * MICROS
    assert prepaid.up_for(Minutes(10), 600) == 600 * MICROS


def test_grace_is_not_billed():
    """Only what is paid is, unless the call went on."""
    assert prepaid.billed_for(FIRST, 600) == MINUTE
    assert prepaid.billed_for(Minutes(2), 600) == 2 * MINUTE
    assert prepaid.billed_for(Minutes(2), 90) == 90 * MICROS


@pytest.mark.parametrize("talked", [75 * MICROS, 76 * MICROS, 3600 * MICROS])
def test_a_call_that_the_engine_has_ended_is_not_paid_further(talked):
    """What was held after a long stop would bill a minute that nobody spoke."""
    assert prepaid.hold_due(FIRST, BY_THE_MINUTE, 600, talked) is None
    assert prepaid.hold_due(FIRST, BY_THE_MINUTE, 600, 75 * MICROS - 1) is not None


def test_a_refused_minute_is_tried_again_until_its_boundary():
    """A top-up may come in time; after the boundary there is nothing to ask for any more."""
    out = prepaid.refused(FIRST)
    assert prepaid.next_look(out, 600, 50 * MICROS) == 52 * MICROS
    hold = prepaid.hold_due(out, BY_THE_MINUTE, 600, 52 * MICROS)
    assert hold is not None
    assert hold.after == Minutes(paid=2, held=2)
    assert prepaid.next_look(out, 600, 58 * MICROS) == MINUTE, "to capture what was spoken"
    assert prepaid.hold_due(out, BY_THE_MINUTE, 600, MINUTE) is None


def test_a_call_that_costs_nothing_more_is_paid_to_its_end():
    """A free one, or one whose fee and first increment are all that it will ever cost."""
    assert prepaid.begun((Price(0),), 14_400).paid == 240
    assert prepaid.begun((Price(0, fee=7),), 61).paid == 2
    assert prepaid.begun((Price(600, initial=600, increment=60),), 14_400).paid == 10
    assert prepaid.begun(BY_THE_MINUTE, 14_400) == FIRST


@given(prices=prices, max_seconds=st.integers(1, 3600), credit=st.integers(0, 100_000_000))
def test_over_any_call_the_holds_cover_the_debit_and_each_look_brings_something(
    prices, max_seconds, credit
):
    """Walked from look to look until the engine ends it, with credit for some of its minutes."""
    minutes, talked = prepaid.begun(prices, max_seconds), 0
    holds = {1: charge.first_hold(prices)}
    looks = 0
    while (at := prepaid.next_look(minutes, max_seconds, talked)) is not None:
        assert at > talked or looks == 0
        talked, looks = at, looks + 1
        if talked >= prepaid.up_for(minutes, max_seconds):
            break
        minutes = prepaid.captured(minutes, talked)
        captured = sum(amount for minute, amount in holds.items() if minute <= minutes.captured)
        assert captured <= charge.debit(prices, talked), "what is captured is owed"
        hold = prepaid.hold_due(minutes, prices, max_seconds, talked)
        if hold is None:
            continue
        assert talked <= minutes.paid * MINUTE, "paid before it is spoken"
        if hold.amount > credit:
            minutes = prepaid.refused(minutes)
        else:
            credit -= hold.amount
            holds[hold.minute] = hold.amount
            minutes = hold.after
    assert looks <= 10 + 3 * minutes.paid + 5
    end = prepaid.up_for(minutes, max_seconds)
    for billed in (0, 1, end // 2, min(end, prepaid.billed_for(minutes, max_seconds))):
        if billed <= prepaid.billed_for(minutes, max_seconds):
            assert charge.debit(prices, billed) <= sum(holds.values())
    if not minutes.refused:
        assert end == max_seconds * MICROS, "a call with credit is never cut before its limit"
