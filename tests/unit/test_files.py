"""Who may use how many open files: nobody ever the last one that another needs."""

from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.files import DELIVERIES, LOOK_UPS, OWN, Shares, needed, shares


@given(st.integers(OWN + 8, 10_000), st.integers(1, 5_000))
def test_all_of_them_at_once_fit_into_what_there_is(files, wished):
    found = shares(files, wished)
    assert OWN + found.connections + 2 * (found.deliveries + found.look_ups) <= files
    assert 1 <= found.connections <= wished
    assert 1 <= found.deliveries <= DELIVERIES
    assert 1 <= found.look_ups <= LOOK_UPS


@given(st.integers(0, 5_000), st.integers(1, 5_000))
def test_with_enough_files_nothing_is_cut_short(more, wished):
    assert shares(needed(wished) + more, wished) == Shares(wished, DELIVERIES, LOOK_UPS)


@given(st.integers(0, OWN + 8))
def test_with_hardly_any_there_is_one_of_each(files):
    found = shares(files, 2_000)
    assert min(found.connections, found.deliveries, found.look_ups) == 1


def test_the_usual_1024_serve_hundreds_of_both():
    assert shares(1024, 2_000) == Shares(connections=480, deliveries=192, look_ups=48)
