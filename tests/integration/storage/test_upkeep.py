"""Backups that can be served from, and numbers that are gone while the books stay."""

import asyncio
import sqlite3
import stat
import time
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pytest

from hoiio.server.storage import upkeep
from hoiio.server.storage.data import DATABASE, SECRET, open_data
from hoiio.server.storage.errors import Conflict, StorageError
from hoiio.server.storage.protocol import IdempotencyKey, NotificationState
from integration.storage.store import (
    RATE,
    START,
    a_shop,
    ask,
    audit,
    due,
    in_a_shop,
    noted,
    settling,
)
from support.own import own

DAY = 86_400_000_000
OLD = {"dest1": "+6587654321", "dest2": "+12125550199"}


def state(ref, room):
    return f'{{"ref":"{ref}","number":"{OLD["dest1"]}","sees":"{OLD["dest2"]}"}}'.encode()


async def ended(shop, now=START, **changes):
    record = await shop.admit(now=now, **{"tag": "for +6587654321", "state": state} | OLD | changes)
    body = b"dest1=%2B6587654321&dest2=%2B12125550199&tag=id_1"
    over = settling(debit=RATE, duration=1, body=body)
    await shop.storage.advance(record.ref, lambda now: replace(over(now), state=now.state))
    return record.ref


# --- backup -----------------------------------------------------------------------------------


def test_a_backup_is_the_database_of_one_moment(tmp_path):
    """While calls are admitted and settled; with the secret it serves again."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    copy.mkdir(mode=0o700)

    async def test():
        async with a_shop(data, credit=10**9) as shop:
            ref = await ended(shop)
            writing = True

            async def write():
                while writing:
                    await ended(shop)

            writer = asyncio.create_task(write())
            size = await shop.storage.backup(copy / DATABASE)
            writing = False
            await writer
            return ref, size

    ref, size = asyncio.run(test())
    assert (copy / DATABASE).stat().st_size == size
    assert stat.S_IMODE((copy / DATABASE).stat().st_mode) == 0o600
    assert [file.name for file in copy.iterdir()] == [DATABASE]
    audit(copy, bills=False)
    assert ask(copy, "PRAGMA integrity_check") == [("ok",)]
    (copy / SECRET).write_bytes((data / SECRET).read_bytes())
    (copy / SECRET).chmod(0o600)

    async def serve():
        storage = open_data(copy, create=False)
        try:
            return await storage.record(1, ref)
        finally:
            await storage.close()

    assert asyncio.run(serve()).dest1 == OLD["dest1"]


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_a_backup_never_replaces_anything(tmp_path, kind):
    """Nor writes through a link."""
    target = tmp_path / "there"
    if kind == "file":
        target.write_text("precious")
    elif kind == "folder":
        target.mkdir()
    else:
        target.symlink_to(tmp_path / "elsewhere")

    async def test(shop):
        with pytest.raises(Conflict, match="there already"):
            await shop.storage.backup(target)

    in_a_shop(test, tmp_path / "data")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "there"]
    assert kind != "file" or target.read_text() == "precious"


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    """The last step is the one that decides."""
    target = tmp_path / "copy"
    own(monkeypatch, upkeep, "os", path=SimpleNamespace(lexists=lambda path: False))
    target.write_text("precious")

    async def test(shop):
        with pytest.raises(Conflict):
            await shop.storage.backup(target)

    in_a_shop(test, tmp_path / "data")
    assert target.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "data"]


def test_a_backup_that_cannot_be_written_leaves_nothing(tmp_path):
    """One line that says why."""

    async def test(shop):
        with pytest.raises(StorageError, match=r"cannot write .*No such file or directory"):
            await shop.storage.backup(tmp_path / "absent" / "copy")

    in_a_shop(test, tmp_path / "data")


# --- purge ------------------------------------------------------------------------------------


def bytes_on_disk(data):
    return b"".join(file.read_bytes() for file in data.glob(f"{DATABASE}*"))


def test_numbers_of_old_calls_are_masked_everywhere(tmp_path):
    """In the record, the state, the tag, the notification, and in the file's free space."""

    async def test(shop):
        ref = await ended(shop, notify_url="http://127.0.0.1/?to=%2B6587654321")
        (delivery,) = await due(shop.storage)
        await noted(shop.storage, delivery, NotificationState.DELIVERED, status=200)
        purged = await shop.storage.purge(START + 1)
        assert (purged.calls, purged.notifications) == (1, 1)
        record = await shop.storage.record(shop.app.id, ref)
        assert (record.dest1, record.dest2) == ("+65***321", "+12***199")
        assert (record.tag, record.notify_url) == (
            "for +65***321",
            "http://127.0.0.1/?to=%2B65***321",
        )
        assert record.state == f'{{"ref":"{ref}","number":"+65***321","sees":"+12***199"}}'.encode()
        assert (record.debit, record.duration) == (RATE, 1)
        again = await shop.storage.purge(START + 1)
        assert (again.calls, again.notifications) == (0, 0)
        for number in OLD.values():
            assert number[1:].encode() not in bytes_on_disk(tmp_path)

    in_a_shop(test, tmp_path)
    assert ask(tmp_path, "SELECT url, body FROM notifications") == [
        (
            "http://127.0.0.1/?to=%2B65***321",
            b"dest1=%2B65***321&dest2=%2B12***199&tag=id_1",
        )
    ]
    audit(tmp_path, bills=False)


WRITTEN = (
    "65{}87654321",
    "+65{}87654321",
    "%2B65{}87654321",
)
GROUPED = ("", " ", "-", "%20", "+", ") ")


@pytest.mark.parametrize("gap", GROUPED)
@pytest.mark.parametrize("written", WRITTEN)
def test_a_number_is_masked_however_the_customer_wrote_it(tmp_path, written, gap):
    """In its tag, its room, its URL and what was copied from there: the file holds no digit run."""
    number = written.format(gap)
    url = f"http://x{OLD['dest1'][1:]}.example/{number}?to={number}&q=1{OLD['dest2'][1:]}1"
    body = f"dest1=%2B6587654321&dest2=%2B12125550199&tag={number}&to={number}&q=12125550199"

    async def test(shop):
        key = IdempotencyKey("voice/call", f"call-{number}-6587654321", b"f")
        record = await shop.admit(**OLD, state=state, tag=f"for {number}", notify_url=url, key=key)
        await shop.join("R6587654321", OLD["dest1"], now=START)
        over = settling(body=body.encode())
        for live in await shop.storage.live_calls():
            await shop.storage.advance(live.ref, lambda now: replace(over(now), state=now.state))
        for delivery in await due(shop.storage):
            await noted(shop.storage, delivery, NotificationState.FAILED, status=410)
        assert b"6587654321" in bytes_on_disk(tmp_path)
        purged = await shop.storage.purge(START + 1)
        assert (purged.calls, purged.notifications, purged.idempotency_keys) == (2, 2, 1)
        left = await shop.storage.record(shop.app.id, record.ref)
        assert left.tag == f"for {written.format('***').replace('87654321', '321')}"
        again = await shop.storage.purge(START + 1)
        assert (again.calls, again.notifications, again.idempotency_keys) == (0, 0, 0)

    in_a_shop(test, tmp_path)
    for shown in (number, *(number[1:] for number in OLD.values())):
        assert shown.encode() not in bytes_on_disk(tmp_path)
    audit(tmp_path)


def test_a_notification_that_ends_after_its_call_was_purged_is_masked_too(tmp_path):
    """By the numbers in its own body: those of the record are gone by then."""

    async def test(shop):
        await ended(shop, notify_url="http://x.example/?to=6587654321")
        (delivery,) = await due(shop.storage)
        assert (await shop.storage.purge(START + 1)).notifications == 0
        assert b"to=6587654321" in bytes_on_disk(tmp_path)
        await noted(shop.storage, delivery, NotificationState.DELIVERED, status=200)
        assert (await shop.storage.purge(START + 1)).notifications == 1
        assert b"6587654321" not in bytes_on_disk(tmp_path)

    in_a_shop(test, tmp_path)


def test_idempotency_keys_are_kept_for_their_day(tmp_path, monkeypatch):
    """Whatever the date says; and those of after it, however old."""
    monkeypatch.setattr(upkeep, "CHUNK", 1)
    now = time.time_ns() // 1_000

    async def test(shop):
        for name, at in (("new", now - DAY // 2), ("old", START), ("older", START - 1)):
            await shop.admit(key=IdempotencyKey("voice/call", name, b"f"), now=at)
        assert (await shop.storage.purge(START - 1)).idempotency_keys == 0
        assert (await shop.storage.purge(START)).idempotency_keys == 1
        assert (await shop.storage.purge(now)).idempotency_keys == 1
        assert ask(tmp_path, "SELECT name FROM idempotency_keys") == [("new",)]

    in_a_shop(test, tmp_path)


def test_what_is_newer_live_or_not_notified_yet_stays(tmp_path):
    """A date that is the limit's own is newer; a notification is masked once it is finished."""

    async def test(shop):
        live = await shop.admit(now=START, **OLD, state=state)
        newer = await ended(shop, now=START + DAY)
        for delivery in await due(shop.storage):
            await noted(shop.storage, delivery, NotificationState.PENDING, status=500)
        pending = ask(tmp_path, "SELECT body FROM notifications")
        purged = await shop.storage.purge(START + DAY)
        assert (purged.calls, purged.notifications) == (0, 0)
        for ref in (newer, live.ref):
            assert (await shop.storage.record(shop.app.id, ref)).dest1 == OLD["dest1"]
        purged = await shop.storage.purge(START + DAY + 1)
        assert (purged.calls, purged.notifications) == (1, 0)
        assert ask(tmp_path, "SELECT body FROM notifications") == pending
        assert (await shop.storage.live_calls())[0].dest1 == OLD["dest1"]

    in_a_shop(test, tmp_path)
    audit(tmp_path, bills=False)


def test_more_than_a_chunk_is_purged_and_history_goes_on(tmp_path, monkeypatch):
    """Each transaction masks a chunk; none is left out between two."""
    monkeypatch.setattr(upkeep, "CHUNK", 3)
    monkeypatch.setattr(upkeep, "PAUSE", 0)

    async def test(shop):
        for n in range(10):
            await ended(shop, now=START + n)
        assert (await shop.storage.purge(START + DAY)).calls == 10
        page = await shop.storage.history(shop.app.id, start=None, end=None, page=1, upto=None)
        assert page.total == 10
        assert {record.dest1 for record in page.records} == {"+65***321"}

    in_a_shop(test, tmp_path)
    audit(tmp_path, bills=False)


def test_no_lock_is_held_while_records_are_read(tmp_path, monkeypatch):
    """Another process writes between any two chunks."""
    monkeypatch.setattr(upkeep, "CHUNK", 1)
    writes = []

    def write(_pause):
        with closing(sqlite3.connect(tmp_path / DATABASE, timeout=0)) as other, other:
            other.execute("UPDATE accounts SET name = name")
            writes.append(1)

    own(monkeypatch, upkeep, "time", sleep=write)

    async def test(shop):
        for n in range(3):
            await ended(shop, now=START + n)
        await shop.storage.purge(START + DAY)

    in_a_shop(test, tmp_path)
    assert len(writes) == 3
