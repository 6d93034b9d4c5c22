"""Charge-and-record transactions a second through the storage's writer, beside bare ``sqlite3``.

    python benchmarks/storage_ledger.py

Each transaction is a top-up as the ledger writes it: an entry with its cause, and the balance
changed with it. Many callers at once share commits; each hears of its own only when it is durable.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kit.floors import bare_sqlite
from kit.rounds import rounds
from kit.size import sized

from hoiio.server.storage import accounts
from integration.storage.store import a_shop, audit

SECONDS = sized(2.0, 0.2)


def through_storage(folder, callers):
    return asyncio.run(_through_storage(folder / str(time.monotonic_ns()), callers))


async def _through_storage(data, callers):
    """Transactions a second by this many callers, and milliseconds of CPU for each."""
    async with a_shop(data) as shop:
        account, storage, done = shop.app.account.id, shop.storage, 0
        began, used = time.perf_counter(), time.process_time()

        def charge(db):
            accounts.top_up(db, account, 18_000, 1)

        async def caller():
            nonlocal done
            while time.perf_counter() < began + SECONDS:
                await storage._write(charge)
                done += 1

        await asyncio.gather(*(caller() for _ in range(callers)))
        lasted, used = time.perf_counter() - began, time.process_time() - used
    audit(data)
    return done / lasted, used / done * 1000


def main():
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        found = rounds(
            {
                "ledger, 256 callers": lambda: through_storage(folder, 256),
                "ledger, 1 caller": lambda: through_storage(folder, 1),
                "floor: sqlite3, 1 a commit": lambda: bare_sqlite(folder, SECONDS, 1),
                "floor: sqlite3, 256 a commit": lambda: bare_sqlite(folder, SECONDS, 256),
            }
        )
    mine = found["ledger, 256 callers"][0]
    print("transactions a second; medians of three (reach: 10,000)")
    print(f"{'':34}{'a second':>10}{'CPU ms':>8}{'first / this':>14}")
    for name, (rate, *used) in found.items():
        cost = f"{used[0]:8.3f}" if used else " " * 8
        print(f"{name:34}{rate:10,.0f}{cost}{mine / rate:14.2f}")


if __name__ == "__main__":
    main()
