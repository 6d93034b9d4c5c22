"""When a notification is attempted again: the schedule, what a receiver may ask, and the end."""

from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.notifications.post import Attempt
from hoiio.server.notifications.schedule import ATTEMPTS, DELAYS, after
from hoiio.server.storage.protocol import NotificationState
from hoiio.wire import MICROS

PENDING, DELIVERED, FAILED = NotificationState
NOW = 1_700_000_000 * MICROS
DAY = 86_400

numbers = st.integers(1, ATTEMPTS)
jitters = st.floats(0, 1)
waits = st.none() | st.floats(-1e6, 1e12)
failures = st.none() | st.integers(100, 599).filter(lambda s: not 200 <= s < 300 and s != 410)


def test_the_schedule_is_the_documented_one():
    """Ten attempts, each so long after the one before: 75 and a half hours in all."""
    hours = [delay / 3600 for delay in DELAYS]
    assert hours == [5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]
    assert ATTEMPTS == 10
    due = [after(n, Attempt(500), NOW, 0.0).due_at - NOW for n in range(1, ATTEMPTS)]
    assert due == [delay * MICROS for delay in DELAYS]


@given(numbers, st.integers(200, 299), waits, jitters)
def test_any_2xx_is_success(number, status, wait, jitter):
    """Whatever else the answer says."""
    assert after(number, Attempt(status, "", wait), NOW, jitter) == (after(1, Attempt(200), 0, 0))
    assert after(number, Attempt(status), NOW, jitter).state is DELIVERED


@given(numbers, waits, jitters)
def test_gone_is_final(number, wait, jitter):
    """410 stops at once, also at the first attempt."""
    assert after(number, Attempt(410, "", wait), NOW, jitter).state is FAILED


@given(numbers, failures, waits, jitters)
def test_anything_else_is_attempted_again_until_the_last(number, status, wait, jitter):
    """A redirect and no answer at all included."""
    follows = after(number, Attempt(status, "x", wait), NOW, jitter)
    assert follows.state is (FAILED if number == ATTEMPTS else PENDING)
    assert (follows.due_at > NOW) is (follows.state is PENDING)


@given(st.integers(1, ATTEMPTS - 1), failures, waits, jitters)
def test_never_earlier_than_the_schedule_or_the_receiver_says_and_never_much_later(
    number, status, wait, jitter
):
    """What a receiver asks counts up to a day; jitter adds a tenth at most."""
    least = max(DELAYS[number - 1], min(wait or 0, DAY))
    delay = after(number, Attempt(status, "", wait), NOW, jitter).due_at - NOW
    assert least * MICROS - 1 <= delay <= least * 1.1 * MICROS + 1


@given(st.integers(1, ATTEMPTS - 1), jitters, jitters)
def test_those_that_failed_together_come_apart(number, one, two):
    """More jitter, later."""
    early, late = sorted((one, two))
    due = [after(number, Attempt(503), NOW, jitter).due_at for jitter in (early, late)]
    assert due[0] <= due[1]
    assert after(number, Attempt(503), NOW, 1.0).due_at > after(number, Attempt(503), NOW, 0).due_at
