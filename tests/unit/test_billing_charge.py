"""The arithmetic of money: exact at its edges, and ordered everywhere between them."""

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio import wire
from hoiio.server.billing import charge
from hoiio.server.billing.charge import NO_LEG, Price

SECOND = wire.MICROS
instants = st.integers(0, 2**52)
lengths = st.integers(0, 86_400 * SECOND)
rates = st.integers(0, 10**12)
seconds = st.sampled_from([1, 6, 30, 60]) | st.integers(1, 3600)
plain_legs = st.lists(st.builds(Price, rates), min_size=1, max_size=2)
prices = st.builds(Price, rates, seconds, seconds, rates)
legs = st.lists(prices, min_size=1, max_size=2)


@pytest.mark.parametrize(
    ("talked", "deadline", "minutes"),
    [
        (0, None, 1),
        (1, None, 1),
        (60 * SECOND, None, 1),
        (60 * SECOND + 1, None, 2),
        (601 * SECOND, 600 * SECOND, 10),
        (599 * SECOND, 600 * SECOND, 10),
        (540 * SECOND, 600 * SECOND, 9),
        (-5, None, 1),
    ],
)
def test_each_started_minute_counts_up_to_the_deadline(talked, deadline, minutes):
    """A call cut at 600 s is ten minutes, however late its end arrived."""
    answer = 1_700_000_000 * SECOND
    cut = None if deadline is None else answer + deadline
    billed = charge.billed_time(answer, answer + talked, cut)
    assert charge.started_minutes(billed) == minutes


@given(answer=instants, talked=instants, limit=st.none() | instants)
def test_billed_minutes_cover_the_talk_and_exceed_it_by_less_than_one(answer, talked, limit):
    """Rounding up never bills a minute that did not start, nor leaves one out."""
    cut = None if limit is None else answer + limit
    billed = charge.billed_time(answer, answer + talked, cut)
    minutes = charge.started_minutes(billed)
    assert billed == (talked if limit is None else min(talked, limit))
    assert minutes >= 1
    assert minutes * charge.MINUTE >= billed
    assert minutes == 1 or (minutes - 1) * charge.MINUTE < billed


@given(legs=plain_legs, billed=lengths)
def test_plain_debits_are_duration_times_rate(legs, billed):
    """With 60/60 and no fee, to the micro-unit (api rule 19)."""
    assert charge.debit(legs, billed) == charge.started_minutes(billed) * charge.rate(legs)


@given(legs=legs, billed=lengths)
def test_debits_are_the_exact_sum_rounded_half_up_once(legs, billed):
    """Against fractions: both legs' increments and fees, and one rounding (api rule 19)."""
    exact = Fraction(0)
    for leg in legs:
        beyond = max(Fraction(0), Fraction(billed, SECOND) - leg.initial)
        charged = leg.initial + ceil(beyond / leg.increment) * leg.increment
        exact += leg.fee + Fraction(leg.rate * charged, 60)
    assert charge.debit(legs, billed) == floor(exact + Fraction(1, 2))


@pytest.mark.parametrize(
    ("initial", "increment", "talked", "charged"),
    [
        (1, 1, 0, 1),
        (1, 1, 7, 7),
        (1, 1, 7.000001, 8),
        (6, 6, 6, 6),
        (6, 6, 6.000001, 12),
        (30, 6, 0, 30),
        (30, 6, 30, 30),
        (30, 6, 30.000001, 36),
        (30, 6, 61, 66),
        (60, 60, 60.000001, 120),
    ],
)
def test_the_increments_of_the_trade(initial, increment, talked, charged):
    """At a micro-unit a second, so that the debit counts the seconds."""
    price = Price(60, initial, increment)
    assert charge.debit([price], round(talked * SECOND)) == charged


def test_halves_round_up_and_only_the_sum_is_rounded():
    """Two legs of half a micro-unit make one, not two; one alone makes one."""
    half = Price(30, 1, 1)
    assert charge.debit([half], 0) == 1
    assert charge.debit([half, half], 0) == 1
    assert charge.debit([Price(29, 1, 1)], 0) == 0


@given(legs=legs, billed=lengths, more=lengths)
def test_longer_calls_never_cost_less(legs, billed, more):
    """Time only adds."""
    assert charge.debit(legs, billed + more) >= charge.debit(legs, billed)


@given(price=prices, billed=lengths)
def test_a_leg_that_is_not_there_costs_nothing(price, billed):
    """A participant has one leg."""
    assert charge.debit([price, NO_LEG], billed) == charge.debit([price], billed)


def test_the_guides_own_figures():
    """84.70 at 0.036 a minute is 2352 minutes; 2 minutes at 0.018 cost 0.036."""
    assert charge.talktime(84_700_000, [Price(18_000), Price(18_000)]) == 2352
    assert charge.debit([Price(18_000)], 2 * charge.MINUTE) == 36_000


@given(balance=st.integers(0, 10**15), legs=plain_legs.filter(charge.rate))
def test_talktime_is_what_the_balance_pays_for_and_no_more(balance, legs):
    """The minutes told are affordable, and one more is not, unless the most is reached."""
    minutes = charge.talktime(balance, legs)
    assert minutes * charge.rate(legs) <= balance
    assert minutes == wire.TALKTIME_MAX or (minutes + 1) * charge.rate(legs) > balance


@given(balance=st.integers(-(10**15), 10**15), rate=rates.filter(bool), fee=rates)
def test_fees_are_paid_first(balance, rate, fee):
    """What they leave is what the minutes are bought with; less than nothing buys none."""
    told = charge.talktime(balance, [Price(rate, fee=fee)])
    assert told == charge.talktime(max(0, balance - fee), [Price(rate)])


def test_talktime_has_a_most():
    """Five digits, also where the balance pays for more (api rule 20)."""
    assert charge.talktime(99_999 * 36_000, [Price(36_000)]) == 99_999
    assert charge.talktime(100_000 * 36_000, [Price(36_000)]) == 99_999


@given(balance=st.integers(-(10**15), 10**15))
def test_a_free_destination_can_be_talked_to_for_the_most(balance):
    """Whatever the balance (api rule 20)."""
    assert charge.talktime(balance, [Price(0), Price(0)]) == wire.TALKTIME_MAX


@given(balance=st.integers(-(10**15), 10**15), fee=rates.filter(bool))
def test_free_minutes_with_a_fee_need_the_fee(balance, fee):
    """Who can pay it talks for the most, who cannot does not at all."""
    told = charge.talktime(balance, [Price(0, fee=fee)])
    assert told == (wire.TALKTIME_MAX if balance >= fee else 0)


@given(debt=st.integers(1, 10**15), rate=rates.filter(bool))
def test_a_debt_pays_for_nothing(debt, rate):
    """Below zero there is no talktime, never a negative one."""
    assert charge.talktime(-debt, [Price(rate)]) == 0


@given(legs=legs, billed=st.integers(0, charge.MINUTE))
def test_the_hold_pays_for_any_call_within_its_first_minute(legs, billed):
    """Fees and increments included; a call of a whole minute costs just that."""
    hold = charge.first_hold(legs)
    assert charge.debit(legs, billed) <= hold == charge.debit(legs, charge.MINUTE)


@given(legs=plain_legs)
def test_the_plain_hold_is_what_the_shortest_answered_call_costs(legs):
    """A minute's rate."""
    assert charge.first_hold(legs) == charge.rate(legs) == charge.debit(legs, 0)
