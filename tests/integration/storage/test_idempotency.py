"""Idempotency keys in storage: taken with the calls, freed with them, dropped when old."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from hoiio.server.storage.idempotency import KEPT
from hoiio.server.storage.protocol import IdempotencyKey, Placed, Refusal
from integration.storage.store import START, ask, audit, change, in_a_shop
from integration.storage.test_processes import finished, python


def key(name="k", asks=b"this", endpoint="voice/call"):
    return IdempotencyKey(endpoint, name, asks)


def test_a_key_is_answered_from_its_row(tmp_path):
    """Refs in their order, and the room; nothing more is written."""

    async def test(shop):
        records = await shop.join("", "+6511111111", "+6522222222", key=key())
        placed = Placed(tuple(record.ref for record in records), records[0].room)
        assert await shop.join("", "+6511111111", "+6522222222", key=key()) == placed
        assert await shop.storage.placed(shop.app.id, key()) == placed
        assert await shop.storage.placed(shop.app.id, key("other")) is None
        assert await shop.storage.placed(shop.app.id, key(asks=b"that")) is Refusal.KEY_REUSED
        assert await shop.join("", "+6533333333", key=key(asks=b"that")) is Refusal.KEY_REUSED

    in_a_shop(test, tmp_path)
    assert ask(tmp_path, "SELECT count(*) FROM calls") == [(2,)]
    audit(tmp_path)


def test_a_key_goes_before_every_other_refusal(tmp_path):
    """What was placed is told although it could not be placed now."""

    async def test(shop):
        first = await shop.admit(key=key())
        await shop.admit(hold=(await shop.account()).balance)
        for hindrance in ({"hold": 10**9}, {"ceiling_reached": True}):
            again = await shop.storage.admit(shop.admission(key=key(), **hindrance))
            assert again == Placed((first.ref,), "")

    in_a_shop(test, tmp_path)


def test_a_refusal_frees_the_key(tmp_path):
    """Even one that came after the key and half the calls were written."""

    async def test(shop):
        third_is_too_much = {"hold": 400_000, "key": key(asks=b"dear")}
        refused = await shop.join("r", "+6511111111", "+6522222222", "+6533333333",
                                  **third_is_too_much)  # fmt: skip
        assert refused is Refusal.CREDIT
        assert await shop.storage.placed(shop.app.id, key(asks=b"dear")) is None
        assert (await shop.admit(key=key(asks=b"cheap"))).live

    in_a_shop(test, tmp_path)
    audit(tmp_path)


def test_a_key_is_kept_for_a_day_and_then_dropped_by_later_ones(tmp_path):
    """Each new key drops two old ones, so there are never many more than a day's."""

    async def test(shop):
        change(tmp_path, "UPDATE accounts SET concurrent_calls = 100")
        for number in range(6):
            await shop.admit(hold=1, key=key(f"old-{number}"), now=START + number)
        await shop.admit(hold=1, key=key("new-1"), now=START + KEPT)
        assert len(names(tmp_path)) == 7, "not a microsecond too early"
        await shop.admit(hold=1, key=key("new-2"), now=START + KEPT + 1)
        assert "old-0" not in names(tmp_path)
        assert len(names(tmp_path)) == 7
        for number in (3, 4, 5):
            await shop.admit(hold=1, key=key(f"new-{number}"), now=START + 2 * KEPT)
        assert names(tmp_path) == {f"new-{number}" for number in range(1, 6)}
        assert (await shop.admit(hold=1, key=key("old-0", b"else"))).live

    in_a_shop(test, tmp_path)


def names(data):
    return {name for (name,) in ask(data, "SELECT name FROM idempotency_keys")}


RACE = """
import asyncio
from pathlib import Path
from hoiio.server.storage.data import open_data
from hoiio.server.storage.protocol import IdempotencyKey, Placed
from integration.storage.store import Shop

async def run():
    storage = open_data(Path(sys.argv[1]))
    shop = Shop(None, storage, await storage.application(sys.argv[2]))
    for number in range(20):
        key = IdempotencyKey("voice/call", f"k{number}", b"this")
        asking = [storage.admit(shop.admission(hold=1, key=key)) for _ in range(5)]
        for outcome in await asyncio.gather(*asking):
            print(*(outcome.refs if isinstance(outcome, Placed) else [outcome[0].ref]))
    await storage.close()

asyncio.run(run())
"""


def test_services_that_race_for_a_key_place_one_call(tmp_path):
    """Two processes on one database, five requests at once in each, twenty keys."""

    async def test(shop):
        change(tmp_path, "UPDATE accounts SET concurrent_calls = 100")
        racing = [python(RACE, tmp_path, shop.app.app_id) for _ in range(2)]
        told = [(await asyncio.to_thread(finished, each)).split() for each in racing]
        assert told[0] == told[1]
        assert len(told[0]) == 100
        assert len(set(told[0])) == 20

    in_a_shop(test, tmp_path)
    assert ask(tmp_path, "SELECT count(*) FROM calls") == [(20,)]
    audit(tmp_path)


REQUESTS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([b"this", b"that"]), st.booleans()),
    min_size=1,
    max_size=30,
)


@settings(max_examples=30, deadline=None)
@given(REQUESTS)
def test_any_requests_at_once_place_one_call_a_key(requests):
    """The first that can be paid for decides what its key stands for; all others agree or lose."""

    async def test(shop):
        change(shop.data, "UPDATE accounts SET concurrent_calls = 100")
        asking = [
            shop.storage.admit(shop.admission(key=key(name, asks), hold=1 if affordable else 10**9))
            for name, asks, affordable in requests
        ]
        meaning, told = {}, {}
        for (name, asks, affordable), outcome in zip(
            requests, await asyncio.gather(*asking), strict=True
        ):
            if name not in meaning:
                if not affordable:
                    assert outcome is Refusal.CREDIT
                    continue
                [record] = outcome
                meaning[name], told[name] = asks, Placed((record.ref,), "")
            elif asks == meaning[name]:
                assert outcome == told[name]
            else:
                assert outcome is Refusal.KEY_REUSED
        assert ask(shop.data, "SELECT count(*) FROM calls") == [(len(meaning),)]

    with TemporaryDirectory() as data:
        in_a_shop(test, Path(data))
        audit(data)
