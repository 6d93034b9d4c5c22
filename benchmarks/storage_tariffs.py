"""How long a deck of 200,000 prefixes takes to import, and a look-up in it, beside raw floors."""

import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kit.size import sized

from hoiio.server.billing.tariff import Tariff, parse_tariff
from hoiio.server.storage import tariffs
from integration.storage.store import a_shop

PREFIXES = sized(200_000, 2_000)
LOOKUPS = sized(200_000, 2_000)


def some_prefixes(chance):
    """Of real shape: 1 to 9 digits, most of them long."""
    prefixes = {str(digit) for digit in range(1, 10)}
    while len(prefixes) < PREFIXES:
        prefixes.add(str(chance.randrange(10 ** chance.choice((1, 2, 4, 6, 7, 8)), 10**9))[:9])
    return sorted(prefixes)


def a_deck(prefixes, dearer=0):
    """The lines of a file with a few hundred prices; each tenth of them so much dearer."""
    yield "prefix,rate,initial,increment,fee\n"
    for place, prefix in enumerate(prefixes):
        rate = 1000 + place % 400 + (dearer if place % 10 == 0 else 0)
        yield f"{prefix},0.{rate:06d},{(60, 30, 1)[place % 3]},{(60, 6, 1)[place % 3]},0\n"


def timed(what, work):
    start = time.perf_counter()
    result = work()
    print(f"  {what:52}{time.perf_counter() - start:8.2f} s")
    return result


async def writes_of_another(storage, enough):
    """Write as a service does, once at least, until there is enough; how long each took, in ms."""
    waits = []
    while not (waits and enough.is_set()):
        start = time.perf_counter()
        await storage.beat(1)
        waits.append((time.perf_counter() - start) * 1000)
    return sorted(waits)


async def imports(folder, decks):
    """Each deck in the place of the one before, while another connection writes."""
    async with a_shop(folder) as shop, a_shop(folder, name="caller") as caller:
        for what, rows in decks.items():
            imported = asyncio.Event()
            writer = asyncio.create_task(writes_of_another(caller.storage, imported))
            start = time.perf_counter()
            found = await shop.storage.import_tariff("SGD", rows)
            took = time.perf_counter() - start
            imported.set()
            waits = await writer
            print(f"  {what:52}{took:8.2f} s")
            print(
                f"    added {found.added:,}, removed {found.removed:,}, changed {found.changed:,}"
            )
            late = waits[int(len(waits) * 0.99)]
            print(
                f"    {len(waits):,} writes of another connection meanwhile: 99 % within ", end=""
            )
            print(f"{late:.0f} ms, the longest {waits[-1]:.0f} ms")


def bare(folder, rows):
    """The same rows put into a table in one transaction by sqlite3 alone."""
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.executescript(
        """PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        CREATE TABLE rates (deck INTEGER, prefix TEXT, rate BIGINT, PRIMARY KEY (deck, prefix));"""
    )
    db.execute("BEGIN")
    db.executemany("INSERT INTO rates VALUES (1, ?, ?)", ((r.prefix, r.price.rate) for r in rows))
    db.execute("COMMIT")
    db.close()


def look_ups(chance, rows):
    tariff = Tariff({row.prefix: row.price for row in rows})
    prices = {row.prefix: row.price for row in rows}
    numbers = [f"+{chance.randrange(10**10, 10**12)}" for _ in range(LOOKUPS)]
    bare_keys = [chance.choice(rows).prefix for _ in range(LOOKUPS)]

    def each(ask, asked):
        start = time.perf_counter()
        for value in asked:
            ask(value)
        return (time.perf_counter() - start) / LOOKUPS * 1e6

    print(f"  {'longest prefix':52}{each(tariff.price, numbers):8.2f} us")
    print(f"  {'bare dict, the prefix known':52}{each(prices.get, bare_keys):8.2f} us")


def main(folder):
    chance = random.Random(7)
    prefixes = some_prefixes(chance)
    print(f"{PREFIXES:,} prefixes, chunks of {tariffs.CHUNK:,}")
    first = list(a_deck(prefixes))
    rows = timed("read and checked", lambda: parse_tariff(first))
    dearer = parse_tariff(a_deck(prefixes, dearer=1))
    asyncio.run(imports(folder, {"stored": rows, "stored, replacing another": dearer}))
    timed("bare sqlite3, one transaction", lambda: bare(folder, rows))
    print("a look-up")
    look_ups(chance, rows)


with tempfile.TemporaryDirectory(dir=".") as name:
    main(Path(name))
