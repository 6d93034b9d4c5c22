"""Prepaid calls, from the controller down to the ledger: cut at the boundary, billed for what
was paid, and an engine that is always told when to end."""

import asyncio

import pytest

from hoiio.server.billing.charge import Price
from hoiio.server.engines.protocol import Answered, Cause, Dial, Ended, HangUp, SetDeadline
from hoiio.server.storage.protocol import Refusal
from hoiio.wire import MICROS
from integration.storage.store import audit
from support.scripted import START, TWO, a_service, an_application, order, sent, until

RATE = 36_000


def a_call(tmp_path, test, credit=1_000_000, **changes):
    """Run ``test`` on a service with one bridged call, answered at ``START``."""

    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage, credit=credit)
            call = Call(storage, engine, controller, app)
            await call.connect(**changes)
            await test(call)
        audit(tmp_path / "data")

    asyncio.run(run())


class Call:
    """A bridged call: what its engine was told, and what its record and its account say."""

    def __init__(self, storage, engine, controller, app):
        self.storage, self.engine, self.controller, self.app = storage, engine, controller, app
        self.ref = ""

    async def connect(self, **changes):
        self.ref = (await self.controller.place_call(self.app, order(**changes))).ref
        one, two = f"{self.ref}-1", f"{self.ref}-2"
        self.engine.report(Answered(one, self.engine.time))
        await self.engine.settles()
        self.engine.report(Answered(two, self.engine.time))
        await self.engine.settles()

    def deadline(self):
        """When the engine ends both legs, after the last that it was told."""
        told = {command.leg: command.at for command in sent(self.engine, SetDeadline)}
        one, two = told[f"{self.ref}-1"], told[f"{self.ref}-2"]
        assert one == two
        return (one - START) / MICROS

    async def ends(self, at, cause=Cause.REMOTE):
        for leg in (f"{self.ref}-1", f"{self.ref}-2"):
            self.engine.report(Ended(leg, START + round(at * MICROS), cause))
        await until(lambda: not self.engine.reserved)
        return await self.storage.record(self.app.id, self.ref)

    async def balance(self):
        return (await self.storage.application(self.app.app_id)).account.balance

    async def entries(self):
        entries = self.storage.ledger(self.app.account.id)
        return [(e.kind, e.minute, e.points + e.bonus) async for e in entries if e.ref == self.ref]


def test_each_minute_is_held_before_and_captured_after_it_is_spoken(tmp_path):
    """The ledger of a call of two minutes and a bit."""

    async def test(call):
        assert await call.entries() == [("hold", 1, -RATE)]
        await call.engine.passes(49.9)
        assert await call.balance() == 1_000_000 - RATE
        await call.engine.passes(0.1)
        assert await call.balance() == 1_000_000 - 2 * RATE
        assert call.deadline() == 135
        await call.engine.passes(10)
        assert (await call.entries())[2:] == [("release", 1, RATE), ("capture", 1, -RATE)]
        assert await call.balance() == 1_000_000 - 2 * RATE
        await call.engine.passes(65)
        record = await call.ends(125)
        assert (record.duration, record.debit) == (3, 3 * RATE)
        assert await call.balance() == 1_000_000 - 3 * RATE
        assert (await call.entries())[-2:] == [("release", 3, RATE), ("capture", 0, -RATE)]

    a_call(tmp_path, test)


@pytest.mark.parametrize(
    ("end", "cause", "minutes"),
    [
        (60.0, Cause.REMOTE, 1),
        (60.02, Cause.REMOTE, 2),
        (61.0, Cause.REMOTE, 2),
        (119.999, Cause.REMOTE, 2),
        (600.0, Cause.DEADLINE, 10),
        (600.02, Cause.DEADLINE, 10),
        (601.0, Cause.DEADLINE, 10),
    ],
)
def test_the_bill_at_each_boundary(tmp_path, end, cause, minutes):
    """A call of at most 600 s: what is over the limit is the engine's delay and not billed."""

    async def test(call):
        await call.engine.passes(min(end, 600))
        record = await call.ends(end, cause)
        assert (record.duration, record.debit) == (minutes, minutes * RATE)
        assert await call.balance() == 1_000_000 - minutes * RATE

    a_call(tmp_path, test, max_duration=600)


@pytest.mark.parametrize("minutes", [1, 2, 7])
@pytest.mark.parametrize("late", [0.0, 0.02, 1.0])
def test_credit_for_some_minutes_ends_the_call_after_exactly_those(tmp_path, minutes, late):
    """The engine has the deadline ten seconds before, final and without grace."""

    async def test(call):
        await call.engine.passes(60 * minutes - 10.1)
        assert call.deadline() == 60 * minutes + 15
        await call.engine.passes(0.1)
        assert call.deadline() == 60 * minutes
        assert await call.balance() == 0
        await call.engine.passes(10)
        assert sent(call.engine, HangUp) == []
        record = await call.ends(60 * minutes + late, Cause.DEADLINE)
        assert (record.duration, record.debit) == (minutes, minutes * RATE)
        assert await call.balance() == 0

    a_call(tmp_path, test, credit=minutes * RATE)


def test_a_cent_too_little_is_not_a_minute(tmp_path):
    """What is left after the last whole minute stays with the account."""

    async def test(call):
        await call.engine.passes(60)
        assert call.deadline() == 60
        await call.ends(60.02, Cause.DEADLINE)
        assert await call.balance() == RATE - 1

    a_call(tmp_path, test, credit=2 * RATE - 1)


@pytest.mark.parametrize(("at", "goes_on"), [(20, True), (55, True), (59.5, False)])
def test_a_top_up_in_mid_call_lets_it_go_on(tmp_path, at, goes_on):
    """Also after a minute was refused, as long as it can be asked for again in time."""

    async def test(call):
        await call.engine.passes(at)
        await call.storage.add_credit(call.app.account.id, 5 * RATE)
        await call.engine.passes(61 - at)
        assert call.deadline() == (135 if goes_on else 60)

    a_call(tmp_path, test, credit=RATE)


def test_ten_calls_share_credit_for_seven_minutes(tmp_path):
    """Seven are admitted with a minute each; each ends at its boundary, and the balance is zero."""

    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage, credit=7 * RATE)
            calls = [Call(storage, engine, controller, app) for _ in range(10)]
            placed = await asyncio.gather(
                *(controller.place_call(app, order()) for _ in calls), return_exceptions=True
            )
            admitted = [record.ref for record in placed if not isinstance(record, Refusal)]
            assert len(admitted) == 7
            assert [p for p in placed if isinstance(p, Refusal)] == [Refusal.CREDIT] * 3
            for half in ("1", "2"):
                engine.report(*(Answered(f"{ref}-{half}", engine.time) for ref in admitted))
                await engine.settles()
            await engine.passes(60)
            told = {c.leg: c.at for c in sent(engine, SetDeadline)}
            assert set(told.values()) == {START + 60 * MICROS}
            for ref in admitted:
                engine.report(
                    *(Ended(f"{ref}-{n}", START + 60_020_000, Cause.DEADLINE) for n in (1, 2))
                )
            await until(lambda: not engine.reserved)
            assert (await storage.application(app.app_id)).account.balance == 0
            bills = [(await storage.record(app.id, ref)).debit for ref in admitted]
            assert bills == [RATE] * 7

    asyncio.run(run())
    audit(tmp_path / "data")


def test_credit_that_another_call_gives_back_lets_one_go_on(tmp_path):
    """Two calls hold the last two minutes; one was never answered, so the other may use its."""

    async def test(call):
        ringing = await call.controller.place_call(call.app, order())
        await call.engine.passes(52)
        assert call.deadline() == 60
        call.engine.report(Ended(f"{ringing.ref}-1", call.engine.time, Cause.RING_TIMEOUT))
        await call.engine.passes(5)
        assert call.deadline() == 135

    a_call(tmp_path, test, credit=2 * RATE)


@pytest.mark.parametrize("jump", [14.9, 15.0, 30, 86_400])
def test_a_clock_that_jumps_bills_nothing_that_was_not_spoken(tmp_path, jump):
    """The service stood still from 50 s on; the engine ended the call 15 s after its minute."""

    async def test(call):
        await call.engine.passes(49)
        call.engine.time = START + round((60 + jump) * MICROS)
        call.engine.timers[0].work()
        await call.engine.settles()
        within_grace = jump < 15
        assert call.deadline() == (135 if within_grace else 75)
        record = await call.ends(74.99 if within_grace else 75, Cause.DEADLINE)
        minutes = 2 if within_grace else 1
        assert (record.duration, record.debit) == (minutes, minutes * RATE)

    a_call(tmp_path, test)


def test_an_end_that_comes_to_be_known_late_gives_back_what_was_captured(tmp_path):
    """At 1/1, two minutes were captured when word comes that the phone was lost after 30.5 s."""

    async def test(call):
        await call.engine.passes(120)
        record = await call.ends(30.5, Cause.ENGINE_LOST)
        assert (record.duration, record.debit) == (1, 31 * 600)
        assert await call.balance() == 1_000_000 - 31 * 600
        assert ("adjustment", 0, 2 * RATE - 31 * 600) in await call.entries()

    second = Price(18_000, 1, 1)
    a_call(tmp_path, test, price1=second, price2=second)


@pytest.mark.parametrize("seconds", [1, 59, 60, 61, 74, 75, 76, 130])
def test_the_engine_knows_a_calls_own_limit_from_its_dial_on(tmp_path, seconds):
    """A limit within the first minute's grace is final from the start; no later word is needed."""

    async def test(call):
        second = sent(call.engine, Dial)[1]
        assert second.number == TWO
        assert second.talk_seconds == min(seconds, 75)
        await call.engine.passes(min(seconds, 130))
        assert call.deadline() == seconds

    a_call(tmp_path, test, max_duration=seconds)


def test_a_free_call_writes_nothing_by_the_minute(tmp_path):
    """Its first hold pays it to the end: the engine knows its limit at once."""

    async def test(call):
        assert call.deadline() == 14_400
        await call.engine.passes(1_000)
        assert len(await call.entries()) <= 3

    a_call(tmp_path, test, credit=0, price1=Price(0), price2=Price(0))


def test_a_hung_up_call_holds_no_more_minutes(tmp_path):
    """Even if its phone does not say that it ended."""

    async def test(call):
        hanging = asyncio.create_task(call.controller.hang_up(call.ref))
        await asyncio.sleep(0)
        await call.engine.settles()
        await call.engine.passes(200)
        assert await call.balance() == 1_000_000 - RATE
        record = await call.ends(1)
        assert await hanging
        assert record.debit == RATE

    a_call(tmp_path, test)


def test_a_minute_is_not_held_for_a_call_that_ended_while_the_disk_was_slow(tmp_path):
    """What counts is when the step is written: the engine cut the call at 75 s."""

    async def test(call):
        await call.engine.passes(49)
        advance = call.storage.advance

        async def slowly(ref, step):
            call.engine.time = START + 80 * MICROS
            return await advance(ref, step)

        call.storage.advance = slowly
        await call.engine.passes(2)
        record = await call.ends(75, Cause.DEADLINE)
        assert (record.duration, record.debit) == (1, RATE)

    a_call(tmp_path, test)
