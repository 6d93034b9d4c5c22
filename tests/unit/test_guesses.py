"""How often one may guess: few tokens are ever looked at, and others pay little for it."""

from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.api.guesses import FAMILIAR, WINDOW, Guesses

LIMIT = 8
OWN = LIMIT // 4


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["192.0.2.1", "192.0.2.2"]),
        st.sampled_from("abcdef"),
        st.integers(0, 30),
        st.floats(0, 20),
    ),
    max_size=150,
)


def look(guesses, address, app, token, right):
    """As ``identify`` does; whether the token was looked at."""
    if guesses.closed(address, app):
        return False
    if token == right:
        guesses.succeeded(address, app)
    else:
        guesses.wrong(address, app, token)
    return True


@given(STEPS, st.integers(0, 30))
def test_no_more_different_wrong_tokens_are_looked_at_in_a_minute_than_the_limits(steps, right):
    """For one application from one address; and for all that never succeeded there, together."""
    clock = Clock()
    guesses = Guesses(LIMIT, clock)
    looked = []
    succeeded = set()
    for address, app, token, pause in steps:
        clock.now += pause
        if look(guesses, address, app, str(token), str(right)):
            looked.append((clock.now, address, app, token))
            if token == right:
                succeeded.add((address, app))
    wrong = [each for each in looked if each[3] != right]
    for begun, address, app, _ in wrong:
        minute = [e for e in wrong if begun <= e[0] < begun + WINDOW and e[1] == address]
        one = {e[3] for e in minute if e[2] == app}
        strange = {e[2:] for e in minute if (address, e[2]) not in succeeded}
        assert len(one) <= 2 * OWN, "a minute may lie across two windows"
        assert len(strange) <= 2 * LIMIT


@given(STEPS)
def test_who_succeeded_within_the_hour_is_kept_out_by_guesses_at_its_own_application_only(steps):
    """Whatever is guessed at others behind its address."""
    clock = Clock()
    guesses = Guesses(LIMIT, clock)
    guesses.succeeded("192.0.2.1", "good")
    for address, app, token, pause in steps:
        look(guesses, address, app, str(token), "none")
        assert guesses.closed("192.0.2.1", "good") == 0
        clock.now = min(clock.now + pause, FAMILIAR - 1)


@given(STEPS, st.integers(1, 5))
def test_memory_is_bounded_and_everything_is_over_in_a_minute(steps, remembered):
    """However many addresses and applications there are."""
    clock = Clock()
    guesses = Guesses(LIMIT, clock, remembered)
    for address, app, token, pause in steps:
        clock.now += pause
        guesses.missed(f"{address}{token}")
        look(guesses, f"{address}{token}", app, str(token), "3")
        for kept in (
            guesses._misses,
            guesses._of_address,
            guesses._of_application,
            guesses._familiar,
        ):
            assert len(kept) <= remembered
        assert 0 <= guesses.closed(address, app) <= WINDOW
    clock.now += WINDOW
    for address, app, _, _ in steps:
        assert guesses.closed(address, app) == 0


def test_a_token_that_is_wrong_again_and_again_counts_once():
    """A client left behind by a rotation does not keep out the others of its application."""
    guesses = Guesses(LIMIT, Clock())
    for _ in range(100):
        guesses.wrong("192.0.2.1", "app", "old")
    assert guesses.closed("192.0.2.1", "app") == 0


def test_one_application_alone_does_not_close_an_address():
    """Its own customer could, who knows its id: to nobody else."""
    guesses = Guesses(LIMIT, Clock())
    for n in range(100):
        look(guesses, "192.0.2.1", "app", str(n), "none")
    assert guesses.closed("192.0.2.1", "app") == WINDOW
    assert guesses.closed("192.0.2.1", "other") == 0
    assert guesses.closed("192.0.2.2", "app") == 0


def test_misses_are_told_up_to_the_limit_and_by_subscriber():
    """The address whose minute began first may be forgotten; IPv6 counts by /64."""
    guesses = Guesses(1, lambda: 0.0, remembered=2)
    for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
        assert guesses.missed(address) == 0
    for known in ("192.0.2.2", "2001:db8::ffff"):
        assert guesses.missed(known) == WINDOW
    assert guesses.missed("192.0.2.1") == 0, "forgotten"
