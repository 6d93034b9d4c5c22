"""What else storage keeps: credentials, decks, notifications, the heartbeat, across restarts."""

import asyncio
import re
import sqlite3
from contextlib import closing

import pytest

from hoiio.server.billing.charge import Price
from hoiio.server.billing.tariff import Row
from hoiio.server.storage import credentials, sqlite, tariffs
from hoiio.server.storage.data import DATABASE, open_data
from hoiio.server.storage.errors import Conflict, StorageError, Unknown
from hoiio.server.storage.migrate import migrations
from hoiio.server.storage.queries import SQL
from integration.storage.store import START, ask, change, in_a_shop
from support.own import own


def test_every_query_is_understood_by_the_database(tmp_path):
    """Each is prepared against the schema, so a slip shows before its first use."""
    open_and_close(tmp_path)
    whole = {name: text for name, text in SQL.items() if not name.endswith(("_columns", "_part"))}
    assert len(whole) > 25
    db = sqlite3.connect(tmp_path / DATABASE)
    for text in whole.values():
        values = dict.fromkeys(re.findall(r":(\w+)", text))
        db.execute(f"EXPLAIN {text}", values)
    db.close()


@pytest.mark.parametrize("query", ["ordinal_from", "page_of_calls", "ordinal_of", "live_calls"])
def test_no_list_is_read_by_scanning_or_sorting(tmp_path, query):
    """Each runs along an index, whatever the number of records."""
    open_and_close(tmp_path)
    values = dict.fromkeys(["application", "date", "low", "high", "id"], 1)
    db = sqlite3.connect(tmp_path / DATABASE)
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {SQL[query]}", values)]
    db.close()
    assert all("INDEX" in step or "PRIMARY KEY" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


def open_and_close(data):
    asyncio.run(open_data(data).close())


def test_every_commit_is_flushed_to_disk(tmp_path):
    """A write-ahead log, with a flush a commit."""

    async def test(shop):
        def ask_pragmas(db):
            names = ("journal_mode", "synchronous", "foreign_keys")
            return [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

        assert await shop.storage._write(ask_pragmas) == ["wal", 2, 1]

    in_a_shop(test, tmp_path)


def test_tokens_are_sealed_in_the_file(tmp_path):
    """The application has its token back; no byte of it lies in the folder."""

    async def test(shop):
        app = await shop.storage.create_app(shop.app.account.id, "old", "a-secret-token")
        assert app.access_token == "a-secret-token"
        assert (await shop.storage.application("old")) == app
        assert "a-secret-token" not in repr(app)
        for file in tmp_path.iterdir():
            assert b"a-secret-token" not in file.read_bytes()

    in_a_shop(test, tmp_path)


def test_new_credentials_are_random_and_check_themselves():
    """No two alike; a slip of the finger breaks the checksum."""
    tokens = {credentials.new_access_token() for _ in range(100)}
    assert len(tokens) == 100
    for token in tokens:
        body = token.removeprefix("hoiio_")
        assert credentials.checksum(body[:32]) == body[32:]
        assert credentials.checksum(body[1:32] + body[0]) != body[32:] or len(set(body[:32])) == 1
        assert credentials.acceptable(token)
    assert credentials.acceptable(credentials.new_app_id())


def test_unknown_and_taken_names_are_told(tmp_path):
    """Typed, with nothing changed."""

    async def test(shop):
        assert await shop.storage.application("nope") is None
        with pytest.raises(Unknown):
            await shop.storage.account("nope")
        with pytest.raises(Unknown):
            await shop.storage.account("AA-99")
        with pytest.raises(Conflict):
            await shop.storage.create_account("ann")
        with pytest.raises(Conflict):
            await shop.storage.create_app(shop.app.account.id, shop.app.app_id, "x")
        assert [account.name for account in await shop.storage.accounts()] == ["ann"]
        assert await shop.storage.account("AA-1") == await shop.storage.account("ann")

    in_a_shop(test, tmp_path)


def test_further_numbers_and_revocation_are_read(tmp_path):
    """Both are columns that the operator's tools will write."""

    async def test(shop):
        change(tmp_path, "INSERT INTO numbers VALUES (1, '+6522222222'), (1, '+6511111111')")
        change(tmp_path, "UPDATE applications SET revoked = 1")
        app = await shop.storage.application(shop.app.app_id)
        assert app.account.numbers == ("+6511111111", "+6522222222")
        assert app.revoked

    in_a_shop(test, tmp_path)


def test_a_new_deck_replaces_the_old_one_at_once(tmp_path):
    """Rates that other processes import are seen by the next question, the old rows go."""

    async def test(shop):
        storage = shop.storage
        assert not await storage.has_tariff()
        assert await storage.price("SGD", "+6511111111") is None
        await storage.import_tariff("SGD", [Row(str(n), Price(n)) for n in range(1, 5000)])
        assert await storage.price("SGD", "+6511111111") == Price(651)
        other = open_data(tmp_path)
        await other.import_tariff("SGD", [Row("6", Price(7)), Row("65", Price(9))])
        await other.close()
        assert await storage.price("SGD", "+6511111111") == Price(9)
        assert await storage.price("SGD", "+4411111111") is None
        assert await storage.price("USD", "+6511111111") is None
        assert await storage.has_tariff()
        assert ask(tmp_path, "SELECT count(*) FROM deck_rates") == [(2,)]
        assert ask(tmp_path, "SELECT count(*) FROM decks") == [(1,)]

    in_a_shop(test, tmp_path)


def test_a_deck_is_stored_part_by_part_with_room_for_others_between(tmp_path, monkeypatch):
    """Another process writes at once between any two parts of what is staged, and of the old."""
    monkeypatch.setattr(tariffs, "CHUNK", 2)
    writes = []

    async def write(_pause):
        with closing(sqlite3.connect(tmp_path / DATABASE, timeout=0)) as other, other:
            other.execute("UPDATE accounts SET name = name")
            writes.append(ask(tmp_path, "SELECT count(*) FROM deck_rates")[0][0])

    async def test(shop):
        rows = [Row(str(n), Price(n)) for n in range(1, 7)]
        await shop.storage.import_tariff("SGD", rows)
        own(monkeypatch, sqlite, "asyncio", sleep=write)
        found = await shop.storage.import_tariff("SGD", rows[2:])
        assert (found.added, found.removed, found.changed) == (0, 2, 0)

    in_a_shop(test, tmp_path)
    assert writes == [8, 10, 8, 6, 4]


def test_an_import_is_refused_that_another_one_overtook(tmp_path):
    """What it told that it changes would not be true; the deck in use stays."""

    async def test(shop):
        storage = shop.storage
        first = await storage._write(lambda db: tariffs.begin_deck(db, "SGD", START))
        seen = await storage._read(lambda db: tariffs.compare(db, "SGD", first, START))
        await storage.import_tariff("SGD", [Row("65", Price(9))])
        second = await storage._write(lambda db: tariffs.begin_deck(db, "SGD", START))
        for deck in (first, second):
            with pytest.raises(Conflict):
                await storage._write(
                    lambda db, deck=deck: tariffs.use_deck(db, "SGD", deck, seen.previous, START)
                )
        assert await storage.price("SGD", "+6511111111") == Price(9)

    in_a_shop(test, tmp_path)


def test_a_deck_that_cannot_be_stored_changes_nothing(tmp_path):
    """The old one stays in use to the last row."""

    async def test(shop):
        await shop.storage.import_tariff("SGD", [Row("65", Price(9))])
        with pytest.raises(Conflict):
            await shop.storage.import_tariff("SGD", [Row("65", Price(1)), Row("65", Price(2))])
        assert await shop.storage.price("SGD", "+6511111111") == Price(9)

    in_a_shop(test, tmp_path)


def test_the_last_heartbeat_counts_also_where_the_clock_was_set_back(tmp_path):
    """And is there after a restart."""

    async def test(shop):
        assert await shop.storage.last_beat() is None
        for at in (START, START - 5, START + 5, START):
            await shop.storage.beat(at)

    in_a_shop(test, tmp_path)

    async def again():
        storage = open_data(tmp_path)
        assert await storage.last_beat() == START
        await storage.close()

    asyncio.run(again())


def test_a_closed_storage_says_so(tmp_path):
    """It does not hang."""

    async def test(shop):
        await shop.storage.close()
        with pytest.raises(StorageError, match="closed"):
            await shop.admit()

    in_a_shop(test, tmp_path)


def test_a_database_of_a_newer_schema_is_refused_untouched(tmp_path):
    """With both numbers told."""
    open_and_close(tmp_path)
    newer = len(migrations()) + 1
    change(tmp_path, "INSERT INTO schema_version VALUES (?)", newer)
    with pytest.raises(StorageError, match=f"newer version of hoiio .schema {newer}"):
        open_data(tmp_path)


def test_a_rollback_that_fails_leaves_a_writer_that_recovers(tmp_path):
    """Jobs fail until it succeeds; nothing of them is kept, nobody waits for ever."""

    async def test(shop):
        refused = ["COMMIT", "ROLLBACK"]

        def authorize(action, what, *_):
            if action == sqlite3.SQLITE_TRANSACTION and what in refused:
                refused.remove(what)
                return sqlite3.SQLITE_DENY
            return sqlite3.SQLITE_OK

        async with asyncio.timeout(10):
            with pytest.raises(StorageError, match="not authorized"):
                await shop.storage._write(lambda db: db.set_authorizer(authorize))
            with pytest.raises(StorageError, match="within a transaction"):
                await shop.admit()
            assert (await shop.admit()).live
        assert refused == []
        assert ask(tmp_path, "SELECT count(*) FROM calls") == [(1,)]

    in_a_shop(test, tmp_path)


def test_a_full_disk_fails_the_write_and_nothing_else(tmp_path):
    """Every job of the lost transaction hears of it; reads go on, and so do writes later."""

    async def test(shop):
        def pages(limit):
            return lambda db: db.execute(f"PRAGMA max_page_count = {limit}").fetchone()

        (used,) = await shop.storage._read(lambda db: db.execute("PRAGMA page_count").fetchone())
        await shop.storage._write(pages(used))
        outcomes = await asyncio.gather(
            *(shop.admit(state=lambda ref, date: bytes(100_000)) for _ in range(3)),
            return_exceptions=True,
        )
        assert all(isinstance(outcome, Exception) for outcome in outcomes)
        assert (await shop.account()).balance == 1_000_000
        await shop.storage._write(pages(10**6))
        assert (await shop.admit()).live

    in_a_shop(test, tmp_path)
