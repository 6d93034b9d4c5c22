"""Several processes on one data folder: they take turns, and one that is killed breaks nothing."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from hoiio.server.storage.data import DATABASE, ServiceLock, open_data, prepare_folder
from hoiio.server.storage.errors import StorageError
from hoiio.server.storage.migrate import migrations
from integration.storage.store import ask, audit, in_a_shop, settling

TESTS = Path(__file__).parents[2]


def python(code, *arguments):
    """A process of its own that runs ``code`` with the tests' helpers importable."""
    head = f"import sys; sys.path.insert(0, {str(TESTS)!r})\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


TOP_UPS = """
import asyncio
from pathlib import Path
from hoiio.server.storage.data import open_data

async def run():
    storage = open_data(Path(sys.argv[1]))
    print("open", flush=True)
    for _ in range(50):
        await storage.add_credit(1, 3)
    await storage.close()

asyncio.run(run())
"""


def test_other_processes_write_while_calls_come(tmp_path):
    """Nothing is lost, nothing fails for being busy."""

    async def test(shop):
        others = [python(TOP_UPS, tmp_path) for _ in range(2)]
        for _ in range(100):
            record = await shop.admit(hold=1000)
            await shop.storage.advance(record.ref, settling(debit=1))
        for other in others:
            await asyncio.to_thread(finished, other)
        assert (await shop.account()).balance == 1_000_000 - 100 + 2 * 50 * 3

    in_a_shop(test, tmp_path)
    audit(tmp_path, bills=False)


OPEN = """
import asyncio
from pathlib import Path
from hoiio.server.storage.data import open_data
asyncio.run(open_data(Path(sys.argv[1])).close())
"""


def test_several_processes_may_make_the_folder_at_once(tmp_path):
    """One schema, one secret, and all of them succeed."""
    processes = [python(OPEN, tmp_path / "data") for _ in range(4)]
    for process in processes:
        finished(process)
    versions = ask(tmp_path / "data", "SELECT version FROM schema_version ORDER BY version")
    assert versions == [(number,) for number in range(1, len(migrations()) + 1)]
    assert not list((tmp_path / "data").glob("secret.*"))


CALLS = """
import asyncio
from pathlib import Path
from integration.storage.store import a_shop, settling

async def one(shop):
    while True:
        record = await shop.admit(hold=1000)
        print(record.ref, flush=True)
        await shop.storage.advance(record.ref, settling(debit=1500, body=b"x"))

async def run():
    async with a_shop(Path(sys.argv[1])) as shop:
        await asyncio.gather(*(one(shop) for _ in range(6)))

asyncio.run(run())
"""


@pytest.mark.parametrize("calls", [1, 37, 150])
def test_kill_9_in_the_middle_of_writes_loses_nothing_that_was_told(tmp_path, calls):
    """Every ref that was printed is there, the file is sound, and the books add up."""
    process = python(CALLS, tmp_path)
    told = [process.stdout.readline().strip() for _ in range(calls)]
    process.kill()
    told += [line for line in process.communicate(timeout=60)[0].split("\n") if line[12:]]
    assert ask(tmp_path, "PRAGMA integrity_check") == [("ok",)]
    stored = {ref for (ref,) in ask(tmp_path, "SELECT ref FROM calls")}
    assert set(told) <= stored
    audit(tmp_path, bills=False)
    ordinals = [o for (o,) in ask(tmp_path, "SELECT ordinal FROM calls ORDER BY id")]
    assert ordinals == list(range(1, len(ordinals) + 1))

    async def recover():
        storage = open_data(tmp_path)
        for record in await storage.live_calls():
            await storage.advance(record.ref, settling())
        assert await storage.live_calls() == []
        await storage.close()

    asyncio.run(recover())
    audit(tmp_path, bills=False)


SERVICE = """
import time
from pathlib import Path
from hoiio.server.storage.data import ServiceLock
with ServiceLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_service_a_folder_until_it_dies(tmp_path):
    """A second is refused while the first lives, admin commands are not, kill -9 frees it."""
    prepare_folder(tmp_path)
    first = python(SERVICE, tmp_path)
    try:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match="another service"):
            ServiceLock(tmp_path).acquire()
        finished(python(OPEN, tmp_path))
    finally:
        first.kill()
        first.communicate(timeout=60)
    with ServiceLock(tmp_path):
        pass


def test_nobody_else_writes_while_a_call_is_stepped(tmp_path):
    """What a step reads is still so when its change is written."""

    async def test(shop):
        record = await shop.admit()

        def meddled(live):
            with (
                closing(sqlite3.connect(tmp_path / DATABASE, timeout=0)) as other,
                pytest.raises(sqlite3.OperationalError, match="locked"),
            ):
                other.execute("UPDATE accounts SET points = 0")
            return settling(debit=1)(live)

        assert await shop.storage.advance(record.ref, meddled) == record.ref

    in_a_shop(test, tmp_path)


def test_a_read_sees_every_write_that_was_told_before_it(tmp_path):
    """Also when it waited behind a read that began earlier."""

    async def test(shop):
        began, go_on = threading.Event(), threading.Event()

        def slow(db):
            db.execute("SELECT count(*) FROM calls").fetchone()
            began.set()
            go_on.wait(30)

        first = asyncio.ensure_future(shop.storage._read(slow))
        await asyncio.to_thread(began.wait, 30)
        record = await shop.admit()
        second = asyncio.ensure_future(shop.storage.record(shop.app.id, record.ref))
        await asyncio.sleep(0)
        go_on.set()
        await first
        assert await second == record

    in_a_shop(test, tmp_path)
