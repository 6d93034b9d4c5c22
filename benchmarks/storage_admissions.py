"""How many calls a second are admitted and settled durably, beside bare ``sqlite3``."""

import asyncio
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kit.size import sized

from integration.storage.store import a_shop, change, settling

SECONDS = sized(5, 0.2)
CALLERS = 256


async def through_storage(folder):
    """Calls a second, each two transactions, by many callers at once."""
    done = 0
    async with a_shop(folder, credit=10**14) as shop:
        change(folder, "UPDATE accounts SET concurrent_calls = 100000")
        until = time.perf_counter() + SECONDS

        async def caller():
            nonlocal done
            while time.perf_counter() < until:
                record = await shop.admit()
                await shop.storage.advance(record.ref, settling(debit=1))
                done += 1

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return done / SECONDS


def bare(folder, rows_a_commit):
    """Rows a second of the same size, inserted and committed with nothing else done."""
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.executescript(
        """PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, body TEXT NOT NULL);"""
    )
    done, until = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        db.execute("BEGIN IMMEDIATE")
        for _ in range(rows_a_commit):
            db.execute("INSERT INTO calls (body) VALUES (?)", ("x" * 200,))
        db.execute("COMMIT")
        done += rows_a_commit
    db.close()
    return done / SECONDS


with tempfile.TemporaryDirectory(dir=".") as name:
    where = Path(name)
    print(
        f"{'calls a second, admitted and settled':44}{asyncio.run(through_storage(where)):10,.0f}"
    )
    print(f"{'bare sqlite3, one row a commit':44}{bare(where, 1):10,.0f}")
    print(f"{'bare sqlite3, 256 rows a commit':44}{bare(where, 256):10,.0f}")
