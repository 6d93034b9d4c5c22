"""The arithmetic of money: exact at its edges, and ordered everywhere between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio import wire
from hoiio.server.billing import charge

SECOND = wire.MICROS
instants = st.integers(0, 2**52)
rates = st.integers(0, 10**12)


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
    assert charge.started_minutes(answer, answer + talked, cut) == minutes


@given(answer=instants, talked=instants, limit=st.none() | instants)
def test_billed_minutes_cover_the_talk_and_exceed_it_by_less_than_one(answer, talked, limit):
    """Rounding up never bills a minute that did not start, nor leaves one out."""
    cut = None if limit is None else answer + limit
    minutes = charge.started_minutes(answer, answer + talked, cut)
    billed = talked if limit is None else min(talked, limit)
    assert minutes >= 1
    assert minutes * charge.MINUTE >= billed
    assert minutes == 1 or (minutes - 1) * charge.MINUTE < billed


def test_the_guides_own_figures():
    """84.70 at 0.036 a minute is 2352 minutes; 2 minutes at 0.018 cost 0.036."""
    assert charge.talktime(84_700_000, 36_000) == 2352
    assert charge.debit(2, 18_000) == 36_000


@given(balance=st.integers(0, 10**15), rate=rates.filter(bool))
def test_talktime_is_what_the_balance_pays_for_and_no_more(balance, rate):
    """The minutes told are affordable, and one more is not, unless the most is reached."""
    minutes = charge.talktime(balance, rate)
    assert charge.debit(minutes, rate) <= balance
    assert minutes == wire.TALKTIME_MAX or charge.debit(minutes + 1, rate) > balance


def test_talktime_has_a_most():
    """Five digits, also where the balance pays for more (api rule 20)."""
    assert charge.talktime(99_999 * 36_000, 36_000) == 99_999
    assert charge.talktime(100_000 * 36_000, 36_000) == 99_999


@given(balance=st.integers(-(10**15), 10**15))
def test_a_free_destination_can_be_talked_to_for_the_most(balance):
    """Whatever the balance (api rule 20)."""
    assert charge.talktime(balance, 0) == wire.TALKTIME_MAX


@given(debt=st.integers(1, 10**15), rate=rates.filter(bool))
def test_a_debt_pays_for_nothing(debt, rate):
    """Below zero there is no talktime, never a negative one."""
    assert charge.talktime(-debt, rate) == 0


@given(rate=rates)
def test_the_hold_is_the_first_minute(rate):
    """What admission holds is exactly what the shortest answered call costs."""
    assert charge.first_hold(rate) == charge.debit(charge.started_minutes(0, 0, None), rate)
