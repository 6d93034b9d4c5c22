"""A minute of queries: as many as the limit from its first on, whatever anybody else does."""

from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.api.limits import WINDOW, Queries, exceeded

LIMIT = 3
WHO = st.sampled_from([(1, "voice/get_rate"), (1, "voice/hangup"), (2, "voice/get_rate")])
STEPS = st.lists(st.tuples(WHO, st.floats(0, 90), st.integers(1, LIMIT + 2)), max_size=60)


@given(STEPS)
def test_each_application_and_api_has_a_minute_of_its_own(steps):
    """It begins with its first request; what is refused neither counts nor prolongs it."""
    now, model = 0.0, {}
    queries = Queries(lambda: now)
    for who, pause, limit in steps:
        now += pause
        began, count = model.get(who, (now, 0))
        if now - began >= WINDOW:
            began, count = now, 0
        wait = queries.take(*who, limit)
        if count < limit:
            assert wait == 0
            model[who] = (began, count + 1)
        else:
            assert wait == WINDOW - (now - began)
            assert 0 < wait <= WINDOW


def test_memory_is_that_of_the_minutes_that_are_open():
    """Of those who asked in the last minute, once each, however much they ask."""
    now = 0.0
    queries = Queries(lambda: now)
    for application in range(100):
        for _ in range(50):
            queries.take(application, "voice/get_rate", LIMIT)
    assert len(queries) == 100
    now = WINDOW - 0.001
    queries.take(100, "voice/get_rate", LIMIT)
    assert len(queries) == 101
    now = WINDOW
    queries.take(101, "voice/get_rate", LIMIT)
    assert len(queries) == 2


@given(st.floats(0, 120))
def test_who_waits_as_told_is_not_refused_again_for_coming_early(seconds):
    """Whole seconds, at least one, and less than a second too many."""
    told = exceeded(seconds).retry_after
    assert told >= 1
    assert told >= seconds
    assert told < seconds + 1 or told == 1
