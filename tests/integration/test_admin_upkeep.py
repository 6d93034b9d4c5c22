"""``hoiio admin backup`` and ``purge``, beside a service that runs."""

import asyncio

import pytest

from integration.storage.store import RATE, in_a_shop
from support.admin import Admin


@pytest.fixture
def admin(tmp_path):
    return Admin(tmp_path)


async def one_call(shop):
    record = await shop.admit()
    await shop.settle(record.ref, debit=2 * RATE, duration=1)
    return record.ref


def test_a_backup_is_made_once(admin):
    """Its file and size are told; what is there already stays."""
    in_a_shop(one_call, admin.data)
    told = admin("backup", "copy.db")
    copy = admin.folder / "copy.db"
    assert told == {"file": "copy.db", "bytes": copy.stat().st_size}
    before = copy.read_bytes()
    assert admin.refused("backup", "copy.db") == "hoiio: copy.db is there already\n"
    assert copy.read_bytes() == before


def test_a_purge_beside_a_service(admin):
    """What the service reads then is masked; the books are right."""

    async def test(shop):
        ref = await one_call(shop)
        told = await asyncio.to_thread(admin, "purge", "--before", "2023-11-16")
        assert told == {"calls": 1, "notifications": 0, "idempotency_keys": 0}
        record = await shop.storage.record(shop.app.id, ref)
        assert (record.dest1, record.dest2) == ("+65***111", "+65***222")

    in_a_shop(test, admin.data)
    assert admin("audit")["ok"] is True


def test_dates_are_of_gmt8(admin):
    """The call is of 2023-11-15 06:13:20 there, of the day before in UTC."""
    in_a_shop(one_call, admin.data)
    assert admin("purge", "--before", "2023-11-15")["calls"] == 0
    assert admin("purge", "--before", "2023-11-15 06:13:20")["calls"] == 0
    assert admin("purge", "--before", "2023-11-15 06:13:21")["calls"] == 1


@pytest.mark.parametrize("before", ["2999-01-01", "yesterday", "2023-02-30", "", "20231115"])
def test_a_date_that_is_none_or_in_the_future_purges_nothing(admin, before):
    """A slip of the finger must not mask all there is."""
    in_a_shop(one_call, admin.data)
    assert "--before must" in admin.refused("purge", "--before", before)
    assert admin("purge", "--before", "2023-11-16")["calls"] == 1


def test_a_purge_needs_a_date(admin):
    """There is no default."""
    admin("account", "create", "ann")
    assert "--before" in admin.refused("purge")
