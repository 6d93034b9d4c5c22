"""Decks that start later: used from their moment to the microsecond, and not before."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoiio.server.billing.charge import Price
from hoiio.server.billing.tariff import Row
from hoiio.server.storage.data import DATABASE, SECRET, prepare_folder
from hoiio.server.storage.errors import Conflict, Unknown
from hoiio.server.storage.sealing import load_sealer
from hoiio.server.storage.sqlite import SqliteStorage
from integration.storage.store import START, ask

HOUR = 3_600_000_000
NUMBER = "+6511111111"


class Decks:
    """A storage whose clock a test sets; a deck is told by its rate."""

    def __init__(self, folder):
        self.now = START
        prepare_folder(folder)
        sealer = load_sealer(folder / SECRET, create=True)
        self.storage = SqliteStorage.open(folder / DATABASE, sealer, lambda: self.now)

    async def add(self, rate, starts_at=None, currency="SGD"):
        return await self.storage.import_tariff(currency, [Row("65", Price(rate))], starts_at)

    async def rate(self, at=None, currency="SGD"):
        self.now = self.now if at is None else at
        price = await self.storage.price(currency, NUMBER)
        return None if price is None else price.rate


@asynccontextmanager
async def opened(folder):
    decks = Decks(folder)
    try:
        yield decks
    finally:
        await decks.storage.close()


def on(folder, test):
    async def run():
        async with opened(folder) as decks:
            await test(decks)

    asyncio.run(run())


def test_a_deck_is_used_from_its_start_on(tmp_path):
    """To the microsecond, and nobody writes at that moment; other currencies go on as they were."""

    async def test(decks):
        await decks.add(1)
        await decks.add(5, currency="USD")
        found = await decks.add(2, START + HOUR)
        assert (found.added, found.removed, found.changed) == (0, 0, 1)
        assert await decks.rate(START + HOUR - 1) == 1
        assert await decks.rate(START + HOUR) == 2
        assert await decks.rate(currency="USD") == 5
        assert await decks.rate(START + HOUR - 1) == 1, "also for a clock that is set back"

    on(tmp_path, test)


def test_a_first_deck_that_starts_later_prices_nothing_until_then(tmp_path):
    """No price is better than one that was not meant yet; it is a tariff all the same."""

    async def test(decks):
        await decks.add(2, START + HOUR)
        assert await decks.rate() is None
        assert await decks.storage.has_tariff()
        assert await decks.rate(START + HOUR) == 2

    on(tmp_path, test)


def test_an_import_for_now_leaves_those_to_come(tmp_path):
    """They take its place in their turn."""

    async def test(decks):
        await decks.add(1)
        await decks.add(3, START + 2 * HOUR)
        await decks.add(2, START + HOUR)
        await decks.add(4)
        assert [await decks.rate(START + hours * HOUR) for hours in range(3)] == [4, 2, 3]

    on(tmp_path, test)


def test_replaced_decks_are_dropped_by_the_next_import(tmp_path):
    """Of those that are left the oldest is used, however far the clock is set back."""

    async def test(decks):
        for hours, rate in enumerate((1, 2, 3)):
            await decks.add(rate, START + hours * HOUR if hours else None)
        decks.now = START + HOUR
        await decks.add(4, START + 3 * HOUR)
        assert ask(tmp_path, "SELECT rate FROM deck_rates ORDER BY rate") == [(2,), (3,), (4,)]
        assert await decks.rate(START - HOUR) == 2
        decks.now = START + 5 * HOUR
        await decks.add(5)
        assert ask(tmp_path, "SELECT rate FROM deck_rates") == [(5,)]
        assert ask(tmp_path, "SELECT count(*) FROM decks") == [(1,)]

    on(tmp_path, test)


def test_two_decks_of_one_start_are_a_conflict(tmp_path):
    """The one that was there stays; another currency has a start of its own."""

    async def test(decks):
        await decks.add(1)
        await decks.add(2, START + HOUR)
        with pytest.raises(Conflict):
            await decks.add(3, START + HOUR)
        await decks.add(4, START + HOUR, currency="USD")
        assert await decks.rate(START + HOUR) == 2

    on(tmp_path, test)


def test_a_start_that_came_while_the_deck_was_stored_is_told(tmp_path):
    """It would replace what others may have imported since."""

    async def test(decks):
        await decks.add(1)
        with pytest.raises(Conflict):
            await decks.add(2, START)
        assert await decks.rate() == 1

    on(tmp_path, test)


def test_a_deck_to_come_can_be_taken_back(tmp_path):
    """One in use cannot; nor one that does not exist."""

    async def test(decks):
        await decks.add(1)
        await decks.add(2, START + HOUR)
        await decks.add(3, START + 2 * HOUR)
        await decks.storage.remove_tariff("SGD", START + HOUR)
        assert await decks.rate(START + HOUR) == 1
        for at in (START + HOUR, 0, START):
            with pytest.raises(Unknown):
                await decks.storage.remove_tariff("SGD", at)
        assert await decks.rate(START + 2 * HOUR) == 3
        with pytest.raises(Unknown):
            await decks.storage.remove_tariff("SGD", START + 2 * HOUR)
        assert ask(tmp_path, "SELECT count(*) FROM deck_rates") == [(2,)]

    on(tmp_path, test)


def test_the_list_tells_what_is_used_and_what_will_be(tmp_path):
    """What was replaced is not told; the start of one imported for now is its import."""

    async def test(decks):
        await decks.add(1)
        await decks.add(2, START + HOUR)
        await decks.add(3, START + 2 * HOUR, currency="USD")

        async def told():
            found = await decks.storage.decks()
            return [(d.currency, d.rows, (d.starts_at - START) // HOUR, d.in_use) for d in found]

        assert await told() == [("SGD", 1, 0, True), ("SGD", 1, 1, False), ("USD", 1, 2, False)]
        decks.now = START + HOUR
        assert await told() == [("SGD", 1, 1, True), ("USD", 1, 2, False)]
        await decks.add(4, START + 9 * HOUR)
        assert await told() == [("SGD", 1, 1, True), ("SGD", 1, 9, False), ("USD", 1, 2, False)]

    on(tmp_path, test)


imports = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), min_size=1, max_size=7)


@settings(max_examples=25, deadline=None)
@given(imports=imports)
def test_the_latest_started_deck_is_used(tmp_path_factory, imports):
    """Any order of imports, for now (0) or later, while the clock goes on: against a plain list."""

    async def test(decks):
        planned, now = {}, START
        for rate, (passed, ahead) in enumerate(imports, 1):
            now += passed * HOUR
            decks.now = now
            if ahead == 0:
                planned = {at: r for at, r in planned.items() if at > now} | {now: rate}
                await decks.add(rate)
            elif now + ahead * HOUR not in planned:
                planned[now + ahead * HOUR] = rate
                await decks.add(rate, now + ahead * HOUR)
            for at in range(now, now + 8 * HOUR, HOUR):
                started = [when for when in planned if when <= at]
                assert await decks.rate(at) == (planned[max(started)] if started else None)

    on(tmp_path_factory.mktemp("decks") / "data", test)
