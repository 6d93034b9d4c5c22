"""History by ordinals, against the plainest possible filter of a list."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.storage.store import START, a_shop, in_a_shop, seed_calls

bound = st.none() | st.integers(-2, 42)


@settings(max_examples=40, deadline=None)
@given(
    gaps=st.lists(st.sampled_from([0, 0, 1, 3]), max_size=330),
    asks=st.lists(
        st.tuples(bound, bound, st.integers(1, 5), st.none() | st.integers(1, 340)), max_size=12
    ),
)
def test_any_page_is_what_a_plain_filter_gives(tmp_path_factory, gaps, asks):
    """Dates repeat, bounds cross, pages run past the end, lists are pinned."""
    dates = [sum(gaps[: index + 1]) for index in range(len(gaps))]

    async def test(shop):
        if dates:
            seed_calls(shop.data, shop.app.id, shop.app.account.id, dates)
        for start, end, page, upto in asks:
            known = upto is not None and upto <= len(dates)
            wanted = [
                ordinal
                for ordinal, date in enumerate(dates, 1)
                if (start is None or date >= start)
                and (end is None or date < end)
                and (not known or ordinal <= upto)
            ]
            ref = None if upto is None else f"AA-C-{upto}"
            found = await shop.storage.history(
                shop.app.id, start=start, end=end, page=page, upto=ref
            )
            wanted.reverse()
            assert found.total == len(wanted)
            assert [r.ordinal for r in found.records] == wanted[(page - 1) * 100 : page * 100]

    in_a_shop(test, tmp_path_factory.mktemp("history"))


def test_a_pinned_list_stands_while_calls_come(tmp_path):
    """Page 2 begins where page 1 ended, whatever came between (api rule 9)."""

    async def test(shop):
        seed_calls(shop.data, shop.app.id, shop.app.account.id, range(150))
        first = await shop.storage.history(shop.app.id, start=None, end=None, page=1, upto=None)
        newest = first.records[0].ref
        await shop.admit()
        second = await shop.storage.history(shop.app.id, start=None, end=None, page=2, upto=newest)
        assert second.total == 150
        assert [r.ordinal for r in second.records] == list(range(50, 0, -1))

    in_a_shop(test, tmp_path)


def test_another_applications_calls_count_for_nothing(tmp_path):
    """Neither in the list nor as the end of one."""

    async def test(shop):
        other = await shop.storage.create_app(shop.app.account.id)
        record = await shop.admit()
        foreign = await shop.admit(application=other.id)
        page = await shop.storage.history(
            shop.app.id, start=None, end=None, page=1, upto=foreign.ref
        )
        assert (page.total, list(page.records)) == (1, [record])
        assert foreign.ordinal == 1

    in_a_shop(test, tmp_path)


@pytest.mark.parametrize("page", [2, 10**30])
def test_a_page_past_the_end_is_empty(tmp_path, page):
    """With the total still told."""

    async def test(shop):
        await shop.admit(now=START)
        found = await shop.storage.history(shop.app.id, start=None, end=None, page=page, upto=None)
        assert (found.total, list(found.records)) == (1, [])

    in_a_shop(test, tmp_path)


def test_old_records_may_leave_from_the_bottom(tmp_path):
    """The total and the last page follow."""

    async def run():
        async with a_shop(Path(tmp_path)) as shop:
            seed_calls(shop.data, shop.app.id, shop.app.account.id, range(30), first=121)
            found = await shop.storage.history(shop.app.id, start=0, end=None, page=1, upto=None)
            assert (found.total, found.records[-1].ordinal) == (30, 121)

    asyncio.run(run())
