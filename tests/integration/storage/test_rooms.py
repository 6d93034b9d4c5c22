"""Rooms in storage: places are taken and given back by transactions, whoever races for them."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoiio.server.storage.protocol import Refusal
from integration.storage.store import RATE, a_shop, ask, audit, change, in_a_shop, settling

NUMBERS = [f"+651111{number:04}" for number in range(20)]


def people(data):
    """How many each room holds, as another process reads it."""
    return dict(ask(data, "SELECT name, people FROM rooms"))


def more_calls(shop):
    """Lift the account's limit of concurrent calls, which is as high as a room is large."""
    change(shop.data, "UPDATE accounts SET concurrent_calls = 50")


def test_participants_are_durable_with_their_holds_in_their_order(tmp_path):
    """Each is a transaction of its own; their records carry the room and no second leg."""

    async def test(shop):
        records = await shop.join("MY-ROOM", *NUMBERS[:3])
        assert [record.dest1 for record in records] == NUMBERS[:3]
        assert len({record.ref for record in records}) == 3
        assert [record.ordinal for record in records] == [1, 2, 3]
        for record in records:
            assert (record.room, record.dest2, record.status2) == ("MY-ROOM", "", "")
            assert record.state == f"{record.ref} MY-ROOM".encode()
            assert await shop.storage.record(shop.app.id, record.ref) == record
        assert (await shop.account()).balance == 1_000_000 - 3 * RATE
        assert people(tmp_path) == {"MY-ROOM": 3}

    in_a_shop(test, tmp_path)
    audit(tmp_path)


def test_a_room_without_a_name_gets_one_that_is_not_in_use(tmp_path):
    """``R<digits>``, past the names that the application took for rooms of its own."""

    async def test(shop):
        more_calls(shop)
        (first,) = await shop.join("", NUMBERS[0])
        assert first.room.startswith("R")
        taken = [f"R{int(first.room[1:]) + step}" for step in (1, 2)]
        for name, number in zip(taken, NUMBERS[1:], strict=False):
            await shop.join(name, number)
        (other,) = await shop.join("", NUMBERS[5])
        assert other.room == f"R{int(first.room[1:]) + 3}"
        assert people(tmp_path) == dict.fromkeys([first.room, *taken, other.room], 1)

    in_a_shop(test, tmp_path)


def test_the_ninth_is_refused_and_so_is_everybody_asked_in_with_them(tmp_path):
    """All of a request or nothing of it; a room is full with those who are only being called."""

    async def test(shop):
        more_calls(shop)
        await shop.join("r", *NUMBERS[:7])
        assert await shop.join("r", *NUMBERS[7:9]) is Refusal.ROOM_FULL
        assert len(await shop.storage.live_calls()) == 7
        assert len(await shop.join("r", NUMBERS[7])) == 1
        assert await shop.join("r", NUMBERS[8]) is Refusal.ROOM_FULL
        assert await shop.join("", *NUMBERS[:9]) is Refusal.ROOM_FULL
        assert people(tmp_path) == {"r": 8}
        assert (await shop.account()).balance == 1_000_000 - 8 * RATE

    in_a_shop(test, tmp_path)
    audit(tmp_path)


def test_refusals_come_in_order_and_leave_nothing(tmp_path):
    """The room's size, concurrent calls, the ceiling, then credit."""

    async def test(shop):
        await shop.join("r", *NUMBERS[:5])
        poor = {"ceiling_reached": True, "hold": 10**9}
        assert await shop.join("r", *NUMBERS[5:9], **poor) is Refusal.ROOM_FULL
        assert await shop.join("x", *NUMBERS[5:9], **poor) is Refusal.CONCURRENT_CALLS
        assert await shop.join("x", *NUMBERS[5:8], **poor) is Refusal.CEILING
        assert await shop.join("x", NUMBERS[5], hold=10**9) is Refusal.CREDIT
        third = await shop.join("x", *NUMBERS[5:8], hold=(1_000_000 - 5 * RATE) // 2)
        assert third is Refusal.CREDIT, "for the third of them"
        assert people(tmp_path) == {"r": 5}
        assert (await shop.account()).balance == 1_000_000 - 5 * RATE
        assert len(await shop.storage.live_calls()) == 5

    in_a_shop(test, tmp_path)
    audit(tmp_path)


def test_names_are_case_sensitive_and_an_applications_own(tmp_path):
    """Another application's room of the same name is another room."""

    async def test(shop):
        more_calls(shop)
        other = await shop.storage.create_app(shop.app.account.id)
        await shop.join("room", *NUMBERS[:8])
        assert len(await shop.join("ROOM", NUMBERS[8])) == 1
        assert len(await shop.join("room", NUMBERS[9], application=other.id)) == 1
        held = ask(tmp_path, "SELECT application, name, people FROM rooms ORDER BY people, name")
        assert held == [(shop.app.id, "ROOM", 1), (other.id, "room", 1), (shop.app.id, "room", 8)]

    in_a_shop(test, tmp_path)


def test_a_room_is_free_again_when_nobody_is_in_it(tmp_path):
    """Each settlement gives one place back, once; the last one leaves no row behind."""

    async def test(shop):
        records = await shop.join("r", *NUMBERS[:2])
        for _ in range(2):
            await shop.storage.advance(records[0].ref, settling())
        assert people(tmp_path) == {"r": 1}
        await shop.storage.advance(records[1].ref, settling())
        assert people(tmp_path) == {}
        assert len(await shop.join("r", *NUMBERS[:8])) == 8

    in_a_shop(test, tmp_path)
    audit(tmp_path)


def test_of_those_who_race_for_the_last_places_as_many_win_as_there_are(tmp_path):
    """Two storages on one file, as two processes would: exactly eight get in, always."""

    async def test(shop):
        more_calls(shop)
        async with a_shop(tmp_path, name="other") as second:
            second.app = shop.app
            outcomes = await asyncio.gather(
                *(each.join("r", number) for number in NUMBERS for each in (shop, second))
            )
        assert outcomes.count(Refusal.ROOM_FULL) == 32
        assert people(tmp_path) == {"r": 8}

    in_a_shop(test, tmp_path)
    audit(tmp_path)


def test_joining_and_leaving_at_once_never_breaks_the_count(tmp_path):
    """While others leave, a place may be free or not; the room always counts who is in it."""

    async def test(shop):
        more_calls(shop)
        inside = list(await shop.join("r", *NUMBERS[:8]))
        for round_ in range(10):
            leaving, inside = inside[:4], inside[4:]
            outcomes = await asyncio.gather(
                *(shop.storage.advance(record.ref, settling()) for record in leaving),
                *(shop.join("r", NUMBERS[(round_ + step) % 20]) for step in range(6)),
            )
            inside += [r for o in outcomes[4:] if o is not Refusal.ROOM_FULL for r in o]
            assert people(tmp_path) == {"r": len(inside)}
            assert 4 <= len(inside) <= 8

    in_a_shop(test, tmp_path)
    audit(tmp_path)


steps = st.lists(
    st.tuples(st.sampled_from(["a", "b", ""]), st.integers(0, 9), st.integers(0, 30)), max_size=15
)


@settings(max_examples=40, deadline=None)
@given(steps=steps)
def test_rooms_agree_with_a_model_after_any_history(tmp_path_factory, steps):
    """Asked in by up to nine, or (none at all) somebody leaves."""
    data = Path(tmp_path_factory.mktemp("rooms"))

    async def test(shop):
        more_calls(shop)
        inside = []
        for room, count, pick in steps:
            if count == 0:
                if inside:
                    record = inside.pop(pick % len(inside))
                    await shop.storage.advance(record.ref, settling())
                continue
            held = sum(record.room == room for record in inside) if room else 0
            outcome = await shop.join(room, *NUMBERS[:count])
            if held + count > 8:
                assert outcome is Refusal.ROOM_FULL
            elif len(inside) + count > 50:
                assert outcome is Refusal.CONCURRENT_CALLS
            else:
                inside += outcome
        rooms = {record.room for record in inside}
        assert people(data) == {
            room: sum(record.room == room for record in inside) for room in rooms
        }

    in_a_shop(test, data, credit=10**12)
    audit(data)


@pytest.mark.parametrize("written", [9, -1])
def test_the_schema_itself_knows_how_many_fit(tmp_path, written):
    """Whatever a statement says, no room can hold more than eight or fewer than nobody."""

    async def test(shop):
        await shop.join("r", NUMBERS[0])

    in_a_shop(test, tmp_path)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        change(tmp_path, "UPDATE rooms SET people = ?", written)
