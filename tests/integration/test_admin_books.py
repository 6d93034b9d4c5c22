"""``hoiio admin ledger`` and ``audit``, beside a service that runs."""

import asyncio
import contextlib
import csv
import io
import json
import tracemalloc

import pytest

from hoiio import wire
from hoiio.cli.admin_books import ledger
from integration.storage.store import RATE, START, a_shop, change, in_a_shop
from support.admin import Admin, run

COLUMNS = ["ref", "minute", "kind", "points", "bonus", "balance", "at"]


@pytest.fixture
def admin(tmp_path):
    return Admin(tmp_path)


async def one_call(shop):
    record = await shop.admit()
    await shop.settle(record.ref, debit=2 * RATE, duration=1)
    return record.ref


def shown(admin, *words):
    return run(*words, "--data", str(admin.data), folder=admin.folder)


def test_the_ledger_as_json(admin):
    """One object, amounts as decimal strings, instants in UTC."""
    ref = in_a_shop(one_call, admin.data)
    told = admin("ledger", "ann")
    assert admin("ledger", "AA-1", "--json") == told
    assert (told["id"], told["currency"], told["balance"]) == ("AA-1", "SGD", "0.964")
    assert [list(entry) for entry in told["entries"]] == [COLUMNS] * 4
    assert told["entries"][1] == {
        "ref": ref,
        "minute": 1,
        "kind": "hold",
        "points": "-0.036",
        "bonus": "0.000",
        "balance": "0.964",
        "at": "2023-11-14T22:13:20.000000Z",
    }
    assert (told["entries"][0]["ref"], told["entries"][0]["minute"]) == (None, None)
    assert (told["entries"][3]["ref"], told["entries"][3]["minute"]) == (ref, 0)


def test_the_ledger_as_csv_and_table(admin):
    """The same columns, what has no value is empty."""
    ref = in_a_shop(one_call, admin.data)
    rows = list(csv.reader(io.StringIO(shown(admin, "ledger", "ann", "--csv").stdout)))
    assert rows[0] == COLUMNS
    assert rows[1][:6] == ["", "", "top-up", "1.000", "0.000", "1.000"]
    assert rows[4][:6] == [ref, "0", "capture", "-0.036", "0.000", "0.964"]
    table = shown(admin, "ledger", "ann", "--pretty").stdout.splitlines()
    assert (table[0].split(), len(table)) == (COLUMNS, 6)


def test_an_account_without_entries_has_an_empty_ledger(admin):
    """In every form."""
    admin("account", "create", "poor")
    assert admin("ledger", "poor")["entries"] == []
    assert shown(admin, "ledger", "poor", "--csv").stdout == ",".join(COLUMNS) + "\n"
    assert shown(admin, "ledger", "poor", "--pretty").stdout.split()[:7] == COLUMNS


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_long_ledger_is_never_in_memory_as_a_whole(admin, form):
    """50,000 entries, which would be tens of megabytes, take a few; and each is printed once."""
    in_a_shop(one_call, admin.data)
    change(
        admin.data,
        """WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 50000)
        INSERT INTO ledger (account, kind, points, bonus, at)
        SELECT 1, 'top-up', n, 0, 0 FROM many""",
    )
    printed = admin.folder / "printed"
    with printed.open("w") as out, contextlib.redirect_stdout(out):
        tracemalloc.start()
        try:
            ledger("ann", data=str(admin.data), **{form: True})
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 4_000_000
    with printed.open() as file:
        if form == "csv":
            entries = list(csv.DictReader(file))
        else:
            told = json.load(file)
            entries = told["entries"]
            assert told["balance"] == entries[-1]["balance"]
    points = [wire.parse_money(entry["points"]) for entry in entries[4:]]
    assert points == list(range(1, 50_001))


def test_wrong_use_of_the_ledger_is_one_line(admin):
    """An unknown account, and two forms at once."""
    admin("account", "create", "ann")
    assert "no account 'nobody'" in admin.refused("ledger", "nobody")
    assert "exclude each other" in admin.refused("ledger", "ann", "--csv", "--pretty")


def test_an_audit_of_good_books(admin):
    """A summary, exit code 0, also while a service writes."""

    async def test(shop):
        ref = await one_call(shop)
        live = await shop.admit(now=START + 1)
        told = await asyncio.to_thread(admin, "audit")
        assert told == {
            "ok": True,
            "accounts": 1,
            "calls": 2,
            "live_calls": 1,
            "entries": 5,
            "problems": [],
        }
        return ref, live

    in_a_shop(test, admin.data)
    head, _, figures = shown(admin, "audit", "--pretty").stdout.splitlines()
    assert head.split() == ["ok", "accounts", "calls", "live_calls", "entries"]
    assert figures.split() == ["True", "1", "2", "1", "5"]


def test_an_audit_of_bad_books(admin):
    """The list, and exit code 1."""
    in_a_shop(one_call, admin.data)
    change(admin.data, "UPDATE accounts SET points = points + 20000")
    done = shown(admin, "audit")
    assert (done.returncode, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert told["problems"] == [
        {"check": "points", "subject": "AA-1", "found": "0.984", "expected": "0.964"}
    ]
    table = shown(admin, "audit", "--pretty")
    assert table.returncode == 1
    assert table.stdout.splitlines()[2].split() == ["points", "AA-1", "0.984", "0.964"]


def test_an_audit_sees_one_moment(admin):
    """Calls are admitted and settled all the while, and no half of one is ever seen."""

    async def test():
        async with a_shop(admin.data, credit=10**9) as shop, a_shop(admin.data, name="eye") as eye:
            writing = True

            async def write():
                while writing:
                    await one_call(shop)

            writer = asyncio.create_task(write())
            found = []
            while len(found) < 30 or len({audit.entries for audit in found}) < 3:
                found.append(await eye.storage.audit())
            writing = False
            await writer
            return found

    found = asyncio.run(test())
    assert all(audit.problems == [] for audit in found)
