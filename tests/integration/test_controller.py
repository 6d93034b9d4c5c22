"""The controller with a real database and an engine that does as the test says."""

import asyncio
import contextlib
import sqlite3
from urllib.parse import parse_qs

import pytest
from structlog.testing import capture_logs

from hoiio.server.billing.charge import Price
from hoiio.server.calls.controller import Controller
from hoiio.server.calls.orders import CallSettings
from hoiio.server.engines.protocol import (
    Answered,
    Bridge,
    Cause,
    Dial,
    Ended,
    HangUp,
    SetDeadline,
)
from hoiio.server.storage.errors import StorageError
from hoiio.server.storage.protocol import CallRecord, IdempotencyKey, Placed, Refusal
from hoiio.wire import MICROS
from integration.storage.store import due
from support.scripted import (
    ONE,
    START,
    TWO,
    ScriptedEngine,
    a_service,
    an_application,
    order,
    sent,
    until,
)


async def bridged(engine, controller, app, **changes):
    record = await controller.place_call(app, order(**changes))
    engine.report(Answered(f"{record.ref}-1", engine.time))
    await until(lambda: len(sent(engine, Dial)) == 2)
    engine.report(Answered(f"{record.ref}-2", engine.time))
    await until(lambda: sent(engine, SetDeadline))
    return record


def test_a_call_is_durable_before_its_first_invite(tmp_path):
    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            seen = []
            engine.send = lambda *commands: seen.append(  # what a crash right now would leave
                (commands, read_live(tmp_path / "data"))
            )
            record = await controller.place_call(app, order())
            assert seen[0][0] == (Dial(f"{record.ref}-1", ONE, TWO, 30.0, 70.0, room=record.ref),)
            assert seen[0][1] == [record.ref]
            engine.sent = []

    asyncio.run(run())


def test_each_committed_step_is_told_once_it_is_durable(tmp_path):
    """So whoever watches a call is woken, and never before there is something to read."""

    async def run():
        told = []
        async with a_service(tmp_path / "data") as (storage, engine, _):
            controller = Controller(
                storage,
                engine,
                CallSettings(),
                changed=lambda ref: told.append((ref, read_live(tmp_path / "data"))),
                later=engine.later,
            )
            engine.controller = controller
            app = await an_application(storage)
            record = await bridged(engine, controller, app)
            assert told == [(record.ref, [record.ref])] * 2  # an answer each
            engine.report(Ended(f"{record.ref}-2", engine.time, Cause.REMOTE))
            await until(lambda: sent(engine, HangUp))
            engine.report(Ended(f"{record.ref}-1", engine.time, Cause.HUNG_UP))
            await until(lambda: not engine.reserved)
            assert told[-1] == (record.ref, [])
            left = await controller.place_call(app, order())
            told.clear()
            later = Controller(storage, engine, CallSettings(), changed=told.append)
            await later.recover()
            assert told == [left.ref]

    asyncio.run(run())


def read_live(folder):
    """The live calls' refs as another process would find them."""
    with contextlib.closing(sqlite3.connect(folder / "hoiio.db")) as db:
        return [f"AA-C-{key}" for (key,) in db.execute("SELECT id FROM calls WHERE live = 1")]


def test_a_call_is_bridged_and_settled_with_its_bill_and_notification(tmp_path):
    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            record = await bridged(
                engine, controller, app, tag="t", notify_url="http://127.0.0.1:9/x?mine=1"
            )
            assert [c.leg for c in sent(engine, Bridge)] == [f"{record.ref}-1", f"{record.ref}-2"]
            assert (await storage.application(app.app_id)).account.balance == 1_000_000 - 36_000
            await engine.passes(61)
            engine.report(Ended(f"{record.ref}-2", engine.time, Cause.REMOTE))
            await until(lambda: sent(engine, HangUp))
            engine.report(Ended(f"{record.ref}-1", engine.time + 900, Cause.HUNG_UP))
            await until(lambda: not engine.reserved)
            after = await storage.record(app.id, record.ref)
            assert (after.status1, after.status2) == ("answered", "answered")
            assert (after.duration, after.debit, after.live) == (2, 72_000, False)
            assert (await storage.application(app.app_id)).account.balance == 1_000_000 - 72_000
            (delivery,) = await due(storage)
            body = {name: value[0] for name, value in parse_qs(delivery.body.decode()).items()}
            assert (body["duration"], body["debit"], body["mine"]) == ("2", "0.072", "1")
            assert await due(storage) == []

    asyncio.run(run())


def test_repeated_and_late_events_bill_once(tmp_path):
    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            record = await bridged(engine, controller, app)
            one, two = f"{record.ref}-1", f"{record.ref}-2"
            ends = [Ended(leg, engine.time + MICROS, Cause.REMOTE) for leg in (one, two)]
            engine.report(*ends, *ends, Answered(two, engine.time), *ends)
            await until(lambda: not engine.reserved)
            await asyncio.sleep(0.05)
            assert (await storage.application(app.app_id)).account.balance == 1_000_000 - 36_000
            assert (await storage.record(app.id, record.ref)).debit == 36_000

    asyncio.run(run())


def test_a_restart_settles_what_was_up_by_the_last_heartbeat_and_dials_nobody(tmp_path):
    async def first_life():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            talking = await bridged(engine, controller, app)
            await engine.passes(125)
            await storage.beat(engine.time)
            ringing = await controller.place_call(app, order())
            return app, talking.ref, ringing.ref

    async def second_life(app, talking, ringing):
        engine = ScriptedEngine()
        engine.time = START + 86_400 * MICROS
        async with a_service(tmp_path / "data", engine) as (storage, _, controller):
            await controller.recover()
            assert await storage.live_calls() == []
            was_talking = await storage.record(app.id, talking)
            assert (was_talking.status2, was_talking.duration) == ("answered", 3)
            was_ringing = await storage.record(app.id, ringing)
            assert (was_ringing.status1, was_ringing.status2) == ("failed", "unanswered")
            assert was_ringing.debit == 0
            assert engine.sent == []

    asyncio.run(second_life(*asyncio.run(first_life())))


def test_an_invite_that_would_leave_late_never_leaves(tmp_path):
    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            admit = storage.admit

            async def slowly(call):
                admitted = await admit(call)
                engine.time += 11 * MICROS  # the process was stopped right after the commit
                return admitted

            storage.admit = slowly
            record = await controller.place_call(app, order())
            await until(lambda: not engine.reserved)
            after = await storage.record(app.id, record.ref)
            assert (after.status1, after.status2, after.debit) == ("failed", "unanswered", 0)
            assert engine.sent == []
            assert (await storage.application(app.app_id)).account.balance == 1_000_000

    asyncio.run(run())


@pytest.mark.parametrize("dialled", [0, 1])
def test_a_leg_that_the_engine_cannot_dial_ends_the_call(tmp_path, dialled):
    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            engine.up = dialled > 0
            record = await controller.place_call(app, order())
            if dialled:
                engine.up = False
                engine.report(Answered(f"{record.ref}-1", engine.time))
                await until(lambda: engine.refused)
                engine.report(Ended(f"{record.ref}-1", engine.time, Cause.ENGINE_LOST))
            await until(lambda: not engine.reserved)
            after = await storage.record(app.id, record.ref)
            expected = ("answered", "failed") if dialled else ("failed", "unanswered")
            assert (after.status1, after.status2) == expected

    asyncio.run(run())


def test_refusals_leave_no_record_and_no_place_taken(tmp_path):
    async def run():
        engine = ScriptedEngine(ceiling=2)
        async with a_service(tmp_path / "data", engine) as (storage, _, controller):
            app = await an_application(storage, credit=72_000)
            assert await controller.place_call(app, order(price1=Price(72_000))) is Refusal.CREDIT
            assert engine.reserved == {}
            first = await controller.place_call(app, order())
            assert isinstance(first, CallRecord)
            assert await controller.place_call(app, order()) is Refusal.CEILING
            engine.ceiling = 50
            second = await controller.place_call(app, order())
            assert isinstance(second, CallRecord)
            assert await controller.place_call(app, order()) is Refusal.CREDIT
            history = await storage.history(app.id, start=None, end=None, page=1, upto=None)
            assert [record.ref for record in history.records] == [second.ref, first.ref]

    asyncio.run(run())


def test_an_account_whose_requests_wait_leaves_the_engine_to_others(tmp_path):
    """While the disk is slow, one without credit reserves no more places than it may have calls."""

    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            poor = await an_application(storage, credit=0)
            other = await storage.create_account("other", credit=1_000_000)
            rich = await storage.application((await storage.create_app(other.id)).app_id)
            slow, admit = asyncio.Event(), storage.admit

            async def waits(admission):
                await slow.wait()
                return await admit(admission)

            storage.admit = waits
            flood = [asyncio.create_task(controller.place_call(poor, order())) for _ in range(60)]
            await until(lambda: engine.reserved)
            await asyncio.sleep(0)
            assert sum(engine.reserved.values()) == 2 * poor.account.concurrent_calls
            call = asyncio.create_task(controller.place_call(rich, order()))
            await asyncio.sleep(0)
            slow.set()
            assert isinstance(await call, CallRecord)
            assert set(await asyncio.gather(*flood)) == {Refusal.CREDIT}

    asyncio.run(run())


def test_the_hold_of_the_first_minute_includes_the_fees(tmp_path):
    async def run():
        async with a_service(tmp_path / "data") as (storage, _engine, controller):
            app = await an_application(storage, credit=36_000 + 5_000)
            dear = order(price1=Price(18_000, fee=5_001))
            assert await controller.place_call(app, dear) is Refusal.CREDIT
            placed = await controller.place_call(app, order(price1=Price(18_000, fee=5_000)))
            assert placed.prices == (Price(18_000, fee=5_000), Price(18_000))
            assert (await storage.account("acme")).balance == 0

    asyncio.run(run())


def test_requests_with_one_key_ring_one_phone_and_take_one_place(tmp_path):
    """At once or later, also when the engine has no room for another call."""

    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            key = IdempotencyKey("voice/call", "k", b"this")
            asking = [controller.place_call(app, order(), key) for _ in range(100)]
            outcomes = await asyncio.gather(*asking)
            [record] = [each for each in outcomes if isinstance(each, CallRecord)]
            placed = Placed((record.ref,), "")
            assert [each for each in outcomes if each is not record] == [placed] * 99
            assert [dial.leg for dial in sent(engine, Dial)] == [f"{record.ref}-1"]
            assert sum(engine.reserved.values()) == 2
            engine.ceiling = 2
            assert await controller.place_call(app, order(), key) == placed
            assert sum(engine.reserved.values()) == 2

    asyncio.run(run())


def test_a_hangup_is_answered_once_the_call_is_settled(tmp_path):
    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            record = await bridged(engine, controller, app)
            hanging_up = asyncio.create_task(controller.hang_up(record.ref))
            await until(lambda: len(sent(engine, HangUp)) == 2)
            assert not hanging_up.done()
            for command in sent(engine, HangUp):
                engine.report(Ended(command.leg, engine.time, Cause.HUNG_UP))
            assert await hanging_up
            assert not (await storage.record(app.id, record.ref)).live
            assert await controller.hang_up(record.ref), "again: nothing changes"

    asyncio.run(run())


def test_a_step_that_cannot_be_stored_is_not_lost(tmp_path):
    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            record = await controller.place_call(app, order())
            advance, failures = storage.advance, iter([OSError("disk full")])

            async def failing_once(ref, step):
                for failure in failures:
                    raise failure
                return await advance(ref, step)

            storage.advance = failing_once
            engine.report(Ended(f"{record.ref}-1", engine.time, Cause.REMOTE, 486))
            await until(lambda: not engine.reserved)
            assert (await storage.record(app.id, record.ref)).status1 == "busy"

    asyncio.run(run())


def test_dest2_is_not_rung_for_a_dest1_that_answered_and_left_meanwhile(tmp_path):
    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            record = await controller.place_call(app, order())
            one = f"{record.ref}-1"
            engine.report(  # at once, as after the service stood still for a while
                Answered(one, engine.time), Ended(one, engine.time + MICROS, Cause.REMOTE)
            )
            await until(lambda: not engine.reserved)
            after = await storage.record(app.id, record.ref)
            assert (after.status1, after.status2) == ("answered", "unanswered")
            assert [command.leg for command in sent(engine, Dial)] == [one]

    asyncio.run(run())


def test_while_nothing_can_be_stored_calls_are_hung_up_all_the_same(tmp_path):
    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            record = await bridged(engine, controller, app)
            advance, broken = storage.advance, True

            async def failing(ref, step):
                if broken:
                    raise OSError("disk full")
                return await advance(ref, step)

            storage.advance = failing
            engine.report(Ended(f"{record.ref}-1", engine.time, Cause.REMOTE))
            await until(lambda: HangUp(f"{record.ref}-2") in engine.sent)
            broken = False
            engine.report(Ended(f"{record.ref}-2", engine.time, Cause.HUNG_UP))
            await until(lambda: not engine.reserved)
            assert (await storage.record(app.id, record.ref)).debit == 36_000

    asyncio.run(run())


def test_the_heart_goes_on_after_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr("hoiio.server.calls.controller.BEAT_EVERY", 0.01)

    async def run():
        async with a_service(tmp_path / "data") as (storage, _, controller):
            beat, failures = storage.beat, iter([OSError("locked")])

            async def failing_once(now):
                for failure in failures:
                    raise failure
                await beat(now)

            storage.beat = failing_once
            controller.start()
            async with asyncio.timeout(5):
                while await storage.last_beat() != START:
                    await asyncio.sleep(0.01)
            await controller.stop()

    asyncio.run(run())


def test_a_heartbeat_from_a_clock_that_was_ahead_is_no_evidence(tmp_path):
    async def first_life():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            await storage.beat(START + 86_400 * MICROS)
            return app, (await bridged(engine, controller, app)).ref

    async def second_life(app, ref):
        engine = ScriptedEngine()
        engine.time = START + 7_200 * MICROS
        async with a_service(tmp_path / "data", engine) as (storage, _, controller):
            await controller.recover()
            assert (await storage.record(app.id, ref)).duration == 1

    asyncio.run(second_life(*asyncio.run(first_life())))


def test_no_call_is_taken_over_while_nothing_can_be_written(tmp_path):
    async def first_life():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            await bridged(engine, controller, await an_application(storage))

    async def second_life():
        async with a_service(tmp_path / "data") as (storage, _, controller):

            async def locked(ref, step):
                raise StorageError("the database is locked")

            storage.advance = locked
            with pytest.raises(StorageError):
                await controller.recover()

    asyncio.run(first_life())
    asyncio.run(second_life())


def test_who_is_settled_late_after_a_crash_pays_until_the_crash(tmp_path, monkeypatch):
    monkeypatch.setattr("hoiio.server.calls.controller.BEAT_EVERY", 0.01)

    async def first_life():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            record = await bridged(engine, controller, app)
            await storage.beat(engine.time + 5 * MICROS)
            return app, record.ref

    async def second_life(app, ref):
        engine = ScriptedEngine()
        engine.time = START + 3_600 * MICROS
        async with a_service(tmp_path / "data", engine) as (storage, _, controller):
            advance, failures = storage.advance, iter([RuntimeError("unreadable")] * 3)

            async def failing_at_first(ref, step):
                for failure in failures:
                    raise failure
                return await advance(ref, step)

            storage.advance = failing_at_first
            await controller.recover()
            controller.start()
            async with asyncio.timeout(5):
                while (await storage.record(app.id, ref)).live:
                    await asyncio.sleep(0.01)
            after = await storage.record(app.id, ref)
            assert (after.duration, after.debit) == (1, 36_000)
            await controller.stop()

    asyncio.run(second_life(*asyncio.run(first_life())))


def test_a_record_that_was_settled_since_it_was_listed_is_told_of_no_more(tmp_path):
    """Only a call that the controller settled itself is one that nobody carried."""

    async def run():
        async with a_service(tmp_path / "data") as (storage, _, controller):
            app = await an_application(storage)
            for _ in range(2):
                await controller.place_call(app, order())
            listed = await storage.live_calls()

            async def as_listed():
                return listed

            storage.live_calls = as_listed
            with capture_logs() as first:
                await controller.recover()
            with capture_logs() as second:
                await controller.recover()
            return [record.ref for record in listed], first, second

    refs, first, second = asyncio.run(run())
    told = [line["ref"] for line in first if line["log_level"] == "warning"]
    assert told == refs
    assert [line for line in second if line["log_level"] == "warning"] == []


def test_a_record_that_nobody_carries_is_settled_by_the_heart(tmp_path, monkeypatch):
    monkeypatch.setattr("hoiio.server.calls.controller.BEAT_EVERY", 0.01)

    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            orphan = await controller.place_call(app, order())
            controller._live.clear()  # as if its commit had been durable but reported failed
            assert not await controller.hang_up(orphan.ref)
            controller.start()
            await asyncio.sleep(0.05)
            assert (await storage.record(app.id, orphan.ref)).live, "it may be on its way"
            engine.time += 11 * MICROS
            async with asyncio.timeout(5):
                while (await storage.record(app.id, orphan.ref)).live:
                    await asyncio.sleep(0.01)
            assert (await storage.record(app.id, orphan.ref)).status1 == "failed"
            assert await controller.hang_up(orphan.ref)
            await controller.stop()

    asyncio.run(run())
