"""Who has to leave when there are too many connections."""

from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.api.crowd import Crowd

KINDS = st.sampled_from(["join", "served", "waits", "leave"])
STEPS = st.lists(st.tuples(KINDS, st.integers(0, 9)))


@given(st.integers(1, 6), STEPS)
def test_whoever_is_owed_an_answer_stays_and_the_rest_is_bounded(limit, steps):
    """Against the simplest model: a list of those who wait and a set of those who are served."""
    crowd, waiting, served = Crowd(limit), [], set()
    for what, who in steps:
        if what == "join":
            if who in waiting or who in served:
                continue
            waiting.append(who)
            leaving = crowd.join(who)
            assert leaving == (waiting[0] if len(waiting) + len(served) > limit else None)
            if leaving is not None:
                waiting.remove(leaving)
                crowd.leave(leaving)
        elif what == "served":
            crowd.served(who)
            if who in waiting:
                waiting.remove(who)
                served.add(who)
        elif what == "waits":
            crowd.waits(who)
            if who in served:
                served.discard(who)
                waiting.append(who)
        else:
            crowd.leave(who)
            served.discard(who)
            if who in waiting:
                waiting.remove(who)
        assert len(crowd) == len(waiting) + len(served) <= limit


def test_the_newcomer_leaves_when_everybody_else_is_being_served():
    crowd = Crowd(1)
    assert crowd.join("a") is None
    crowd.served("a")
    assert crowd.join("b") == "b"


def test_who_has_just_been_answered_is_the_last_to_go():
    crowd = Crowd(2)
    crowd.join("a")
    crowd.join("b")
    crowd.served("a")
    crowd.waits("a")
    assert crowd.join("c") == "b"
