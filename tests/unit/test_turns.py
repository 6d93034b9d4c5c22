"""Turns at admission: bounded for each account, in order, and never lost."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.calls.turns import Turns


def run(test):
    return asyncio.run(asyncio.wait_for(test, 5))


def test_an_account_has_no_more_under_way_than_it_may_have_calls():
    """Another's go on meanwhile."""

    async def test():
        turns, inside, most = Turns(), {1: 0, 2: 0}, {1: 0, 2: 0}
        free = asyncio.Event()

        async def place(account):
            async with turns.turn(account, 1, 8):
                inside[account] += 1
                most[account] = max(most[account], inside[account])
                await free.wait()
                inside[account] -= 1

        placing = [asyncio.create_task(place(1)) for _ in range(30)]
        placing.append(asyncio.create_task(place(2)))
        await asyncio.sleep(0)
        assert inside == {1: 8, 2: 1}
        free.set()
        await asyncio.gather(*placing)
        assert most == {1: 8, 2: 1}

    run(test())


def test_one_that_is_more_than_may_be_goes_alone():
    """A conference of eight for an account that may have four is refused by its admission."""

    async def test():
        turns = Turns()
        async with turns.turn(1, 8, 4):
            other = asyncio.create_task(turns.turn(1, 1, 4).__aenter__())
            await asyncio.sleep(0)
            assert not other.done()
        await other

    run(test())


steps = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 8), st.booleans(), st.integers(0, 3)), max_size=40
)


@given(steps=steps)
def test_every_turn_comes_or_was_given_up(steps):
    """Also when some are cancelled while they wait, or just as their turn has come."""

    async def test():
        turns, under_way, done = Turns(), {}, []

        async def place(account, count):
            async with turns.turn(account, count, 8):
                under_way[account] = under_way.get(account, 0) + count
                assert under_way[account] <= 8
                try:
                    await asyncio.sleep(0)
                finally:
                    under_way[account] -= count
            done.append(account)

        placing = []
        for account, count, give_up, pause in steps:
            task = asyncio.create_task(place(account, count))
            placing.append(task)
            for _ in range(pause):
                await asyncio.sleep(0)
            if give_up:
                task.cancel()
        ended = await asyncio.gather(*placing, return_exceptions=True)
        assert len(done) == sum(end is None for end in ended)
        assert [end for end in ended if end is not None and not is_cancelled(end)] == []
        assert (dict(turns._under_way), dict(turns._waiting)) == ({}, {}), "nothing is kept"

    run(test())


def is_cancelled(end):
    return isinstance(end, asyncio.CancelledError)
