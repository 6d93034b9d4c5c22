"""Ceilings on what an account spends: nothing passes them, whoever asks at once."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hoiio.server.billing.guards import Ceilings
from hoiio.server.storage.protocol import (
    NOTHING,
    Change,
    NextMinute,
    Refusal,
    Settlement,
    Unconnected,
)
from integration.storage.store import RATE, START, a_shop, audit, in_a_shop

HOUR, DAY = 3_600_000_000, 86_400_000_000
HOLD = 2 * RATE
ALONE = Unconnected(1, 1)
"""What a call-back reserves in these tests: a second, at the least price."""


async def used(shop, at=START):
    shop.storage._clock = lambda: at
    found = await shop.storage.guard_usage(shop.app.account.id)
    return found.spent_this_hour, found.spent_today


async def give(shop, **own):
    await shop.storage.change_guards(shop.app.account.id, lambda had: replace(had, **own))


async def settle(shop, ref, debit=0, at=START, unconnected=NOTHING):
    settlement = Settlement(1, debit, at, None, unconnected)
    await shop.storage.advance(
        ref, lambda record: Change(b"over", "answered", "answered", settlement, record.ref)
    )


async def minute(shop, ref, number, amount=HOLD, *, again=False):
    def step(record):
        refused = Change(record.state, "ongoing", "ongoing", None, "refused")
        wanted = NextMinute(number, amount, START, refused, again)
        return Change(record.state, "ongoing", "ongoing", None, "held", None, wanted)

    return await shop.storage.advance(ref, step)


@pytest.mark.parametrize(
    ("ceiling", "refusal"),
    [("spend_per_hour", Refusal.SPEND_PER_HOUR), ("spend_per_day", Refusal.SPEND_PER_DAY)],
)
def test_calls_at_once_share_a_ceiling(tmp_path, ceiling, refusal):
    """Held money counts: of eight calls two fit, through two processes' connections."""

    async def test(shop):
        await shop.storage.use_ceilings(Ceilings(**{ceiling: 2 * HOLD + HOLD // 2}))
        async with a_shop(tmp_path, name="other") as other:
            other.app = shop.app
            found = await asyncio.gather(*(each.admit() for each in (shop, other) * 4))
        assert sorted(isinstance(each, Refusal) for each in found) == [False] * 2 + [True] * 6
        assert {each for each in found if isinstance(each, Refusal)} == {refusal}
        assert await used(shop) == (2 * HOLD, 2 * HOLD)

    in_a_shop(test, tmp_path)
    audit(tmp_path, bills=False)


def test_a_conference_is_admitted_whole_or_not_at_all(tmp_path):
    """What its first participants took is given back with them."""

    async def test(shop):
        await give(shop, spend_per_hour=2 * RATE)
        numbers = ["+6511111111", "+6522222222", "+6533333333"]
        assert await shop.join("den", *numbers) is Refusal.SPEND_PER_HOUR
        assert await used(shop) == (0, 0)
        assert len(await shop.join("den", *numbers[:2])) == 2

    in_a_shop(test, tmp_path)


def test_what_a_call_did_not_spend_can_be_spent_again(tmp_path):
    """A call that nobody answered costs nothing; a longer one counts whole."""

    async def test(shop):
        await give(shop, spend_per_hour=HOLD)
        first = await shop.admit()
        assert await shop.admit() is Refusal.SPEND_PER_HOUR
        await settle(shop, first.ref)
        assert await used(shop) == (0, 0)
        second = await shop.admit()
        await settle(shop, second.ref, debit=3 * HOLD)
        assert await used(shop) == (3 * HOLD, 3 * HOLD)
        assert await shop.admit() is Refusal.SPEND_PER_HOUR
        assert not isinstance(await shop.admit(hold=0), Refusal), "what is free may always go on"

    in_a_shop(test, tmp_path)


def test_each_hour_and_each_day_begins_anew(tmp_path):
    """An hour of the clock, a day of GMT+8; the day goes on over its hours."""
    midnight = (START // DAY + 1) * DAY - 8 * HOUR

    async def test(shop):
        await give(shop, spend_per_hour=HOLD, spend_per_day=2 * HOLD)
        before = midnight - 3 * HOUR
        for hour in range(2):
            assert not isinstance(await shop.admit(now=before + hour * HOUR), Refusal)
            refusal = await shop.admit(now=before + (hour + 1) * HOUR - 1)
            assert refusal in (Refusal.SPEND_PER_HOUR, Refusal.SPEND_PER_DAY)
        assert await shop.admit(now=midnight - 1) is Refusal.SPEND_PER_DAY
        assert not isinstance(await shop.admit(now=midnight), Refusal)

    in_a_shop(test, tmp_path)


def test_a_request_written_late_forgets_nothing(tmp_path):
    """One of the hour before counts to the new one; a clock far ahead does not block for ever."""
    edge = (START // HOUR + 1) * HOUR

    async def test(shop):
        await give(shop, spend_per_hour=2 * HOLD)
        await shop.admit(now=edge)
        await shop.admit(now=edge - 1)
        assert await shop.admit(now=edge + 1) is Refusal.SPEND_PER_HOUR
        assert not isinstance(await shop.admit(now=edge - 50 * HOUR), Refusal)

    in_a_shop(test, tmp_path)


def test_an_end_that_is_found_out_late_forgets_nothing(tmp_path):
    """After a crash a call's end may lie hours back; this hour's spending stays counted."""

    async def test(shop):
        await give(shop, spend_per_hour=3 * HOLD, unconnected_seconds_per_hour=100)
        lost, silent = await shop.admit(now=START), await shop.admit(now=START)
        await shop.admit(now=START + 5 * HOUR)
        await settle(shop, lost.ref, debit=3 * HOLD, at=START)
        assert await shop.admit(now=START + 5 * HOUR) is Refusal.SPEND_PER_HOUR
        await give(shop, spend_per_hour=0)
        call = await shop.admit(now=START + 5 * HOUR)
        at = START + 5 * HOUR
        await settle(shop, call.ref, at=at, unconnected=Unconnected(99, 0))
        await settle(shop, silent.ref, at=START, unconnected=Unconnected(1, 0))
        assert await shop.admit(now=at, reserves=ALONE) is Refusal.UNCONNECTED_SECONDS

    in_a_shop(test, tmp_path)


def test_a_call_that_goes_on_is_stopped_at_the_ceiling_too(tmp_path):
    """A further minute counts when it is held; one that credit refuses counts nothing."""

    async def test(shop):
        await give(shop, spend_per_hour=3 * HOLD, unconnected_seconds_per_hour=1)
        call, silent = await shop.admit(), await shop.admit()
        await settle(shop, silent.ref, unconnected=Unconnected(5, 0))
        assert await minute(shop, call.ref, 2) == "held", "it is no new call-back"
        assert await minute(shop, call.ref, 3, HOLD + 1) == "refused"
        assert await used(shop) == (2 * HOLD, 2 * HOLD)
        await give(shop, spend_per_hour=0)
        assert await minute(shop, call.ref, 3, 10**9) == "refused"
        assert await used(shop) == (2 * HOLD, 2 * HOLD)
        assert await minute(shop, call.ref, 3) == "held"
        await settle(shop, call.ref, debit=2 * HOLD)
        assert await used(shop) == (2 * HOLD, 2 * HOLD)

    in_a_shop(test, tmp_path)
    audit(tmp_path, bills=False)


@pytest.mark.parametrize("guard", ["spend_per_hour", "spend_per_day"])
def test_a_minute_that_a_guard_refuses_is_told_once(tmp_path, guard):
    """With the guard and the call; not one that lacks credit, which no guard is in the way of."""

    async def test(shop):
        call, other = await shop.admit(), await shop.admit()
        with capture_logs() as log:
            assert await minute(shop, call.ref, 2, 10**9) == "refused"
            assert log == [], "what refuses it is the credit"
            await give(shop, **{guard: 2 * HOLD})
            assert await minute(shop, call.ref, 2) == "refused"
            assert await minute(shop, call.ref, 2, again=True) == "refused"
            assert await minute(shop, other.ref, 2) == "refused"
        told = {"event": "guard refused a minute", "log_level": "warning", "guard": guard}
        assert log == [told | {"ref": ref} for ref in (call.ref, other.ref)]

    in_a_shop(test, tmp_path)


def test_money_of_a_past_window_is_not_given_back_to_the_next(tmp_path):
    """A hold of the hour before, released now, makes no room in this hour."""

    async def test(shop):
        old = await shop.admit(now=START)
        await shop.admit(now=START + HOUR)
        await settle(shop, old.ref, at=START + HOUR)
        assert (await used(shop, START + HOUR))[0] == HOLD

    in_a_shop(test, tmp_path)


def test_calls_that_never_connect_are_counted(tmp_path):
    """Their seconds and what dest1 would have cost; conferences go on."""

    async def test(shop):
        await shop.storage.use_ceilings(
            Ceilings(unconnected_seconds_per_hour=100, unconnected_cost_per_hour=500)
        )
        for seconds, cost, refusal in ((99, 0, None), (1, 0, Refusal.UNCONNECTED_SECONDS)):
            await give(shop, unconnected_seconds_per_hour=None)
            call = await shop.admit()
            await settle(shop, call.ref, unconnected=Unconnected(seconds, cost))
            found = await shop.admit(reserves=ALONE)
            assert (found if isinstance(found, Refusal) else None) is refusal
        assert await shop.admit(hold=0, reserves=ALONE) is Refusal.UNCONNECTED_SECONDS
        assert not isinstance(await shop.join("den", "+6511111111"), Refusal)
        await give(shop, unconnected_seconds_per_hour=0)
        call = await shop.admit()
        await settle(shop, call.ref, unconnected=Unconnected(1, 500))
        assert await shop.admit(reserves=ALONE) is Refusal.UNCONNECTED_COST
        found = await shop.admit(now=START + HOUR, reserves=ALONE)
        assert not isinstance(found, Refusal)

    in_a_shop(test, tmp_path)


def test_calls_at_once_cannot_run_up_more_than_a_ceiling_unconnected(tmp_path):
    """Each reserves the most that it may; what it did not run up is free when it has ended."""

    async def test(shop):
        await give(shop, unconnected_seconds_per_hour=100, unconnected_cost_per_hour=50)
        long, dear = Unconnected(40, 0), Unconnected(0, 20)
        for reserves, refusal in (
            (long, Refusal.UNCONNECTED_SECONDS),
            (dear, Refusal.UNCONNECTED_COST),
        ):
            found = await asyncio.gather(*(shop.admit(reserves=reserves) for _ in range(4)))
            calls = [each for each in found if not isinstance(each, Refusal)]
            assert len(calls) == 2
            assert {each for each in found if isinstance(each, Refusal)} == {refusal}
            await settle(shop, calls[0].ref)
            again = await shop.admit(reserves=reserves)
            assert not isinstance(again, Refusal)
            assert await shop.admit(reserves=reserves) is refusal
            await settle(shop, calls[1].ref, unconnected=reserves)
            await settle(shop, again.ref, at=START + HOUR)
            assert await shop.admit(reserves=reserves) is not refusal

    in_a_shop(test, tmp_path)
    audit(tmp_path, bills=False)


def test_a_reservation_of_a_past_hour_makes_no_room_in_this_one(tmp_path):
    """Only what the hour itself has counted is given back."""

    async def test(shop):
        await give(shop, unconnected_seconds_per_hour=50)
        old = await shop.admit(now=START, reserves=Unconnected(40, 0))
        at = START + HOUR
        await shop.admit(now=at, reserves=Unconnected(40, 0))
        await settle(shop, old.ref, at=at)
        refused = await shop.admit(now=at, reserves=Unconnected(40, 0))
        assert refused is Refusal.UNCONNECTED_SECONDS

    in_a_shop(test, tmp_path)


def test_without_a_ceiling_nothing_is_refused(tmp_path):
    """0 is none, also an account's own beside the service's."""

    async def test(shop):
        assert not isinstance(await shop.admit(), Refusal)
        await shop.storage.use_ceilings(Ceilings(1, 1, 1, 1))
        assert await shop.admit() is Refusal.SPEND_PER_HOUR
        await give(shop, spend_per_hour=0, spend_per_day=0)
        assert not isinstance(await shop.admit(), Refusal)

    in_a_shop(test, tmp_path)


steps = st.lists(
    st.tuples(st.sampled_from(["admit", "settle"]), st.integers(0, 60), st.integers(0, 100)),
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@given(steps=steps)
def test_an_hour_never_takes_more_than_its_ceiling(tmp_path_factory, steps):
    """Any order of calls and ends, each debit at most what was held, over several hours."""
    ceiling = 3 * HOLD

    async def test(shop):
        await give(shop, spend_per_hour=ceiling)
        now, live, spent = START, [], {}
        for what, minutes, share in steps:
            now += minutes * 60_000_000
            hour_now = now // HOUR
            if what == "admit" and len(live) < 8:
                fits = spent.get(hour_now, 0) + HOLD <= ceiling
                found = await shop.admit(now=now)
                assert fits or found is Refusal.SPEND_PER_HOUR
                if fits:
                    live.append((found.ref, hour_now))
                    spent[hour_now] = spent.get(hour_now, 0) + HOLD
            elif live:
                ref, hour = live.pop(0)
                debit = HOLD * share // 100
                await settle(shop, ref, debit=debit, at=now)
                if hour == max(spent):
                    spent[hour] -= HOLD - debit
            assert max(spent.values(), default=0) <= ceiling
            expected = spent.get(now // HOUR, 0)
            assert (await used(shop, now))[0] == expected

    in_a_shop(test, tmp_path_factory.mktemp("guards"), credit=10**12)
