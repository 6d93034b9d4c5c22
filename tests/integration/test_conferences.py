"""The controller and conferences: participants in a real database, an engine that does as told."""

import asyncio
from urllib.parse import parse_qs

from hoiio.server.billing.charge import Price
from hoiio.server.calls.orders import ConferenceOrder
from hoiio.server.engines.protocol import Answered, Bridge, Cause, Dial, Ended, HangUp
from hoiio.server.storage.protocol import CallRecord, Refusal
from hoiio.wire import MICROS
from integration.storage.store import due
from support.scripted import (
    START,
    ScriptedEngine,
    a_service,
    an_application,
    order,
    sent,
    until,
)

NUMBERS = [f"+651111{number:04}" for number in range(12)]


def conference(*numbers, **changes):
    return ConferenceOrder(**{
        "numbers": numbers, "prices": [Price(18_000)] * len(numbers), "sees": None, **changes,
    })  # fmt: skip


def leg(record):
    return f"{record.ref}-1"


def a_meeting(tmp_path, test, ceiling=50):
    """Run a coroutine function with storage, engine, controller and an application."""

    async def run():
        scripted = ScriptedEngine(ceiling)
        async with a_service(tmp_path / "data", scripted) as (storage, engine, controller):
            app = await an_application(storage)
            await test(storage, engine, controller, app)

    asyncio.run(run())


async def join(engine, *records):
    for record in records:
        engine.report(Answered(leg(record), engine.time))
    await until(lambda: len(sent(engine, Bridge)) >= len(records))


def test_all_are_durable_before_the_first_of_them_is_dialled_in_their_order(tmp_path):
    """Without waiting for anybody's answer."""

    async def test(storage, engine, controller, app):
        seen = []
        engine.send = lambda *commands: seen.append(commands[0])
        records = await controller.place_conference(app, conference(*NUMBERS[:3], room="r"))
        room = f"{app.id}/r"
        assert seen == [
            Dial(leg(record), number, None, 60.0, 75.0, room=room)
            for record, number in zip(records, NUMBERS, strict=False)
        ]
        assert [record.ref for record in await storage.live_calls()] == [r.ref for r in records]

    a_meeting(tmp_path, test)


def test_who_answers_joins_and_each_is_settled_with_a_bill_and_notification_of_its_own(tmp_path):
    """One stays 61 s, one 10 s, one is busy: three records, three bills, three notifications."""

    async def test(storage, engine, controller, app):
        ordered = conference(*NUMBERS[:3], room="r", tag="t", notify_url="http://127.0.0.1:9/x?m=1")
        one, two, three = await controller.place_conference(app, ordered)
        engine.report(Ended(leg(three), engine.time, Cause.REMOTE, 486, True))
        await join(engine, one, two)
        room = f"{app.id}/r"
        assert sent(engine, Bridge) == [Bridge(leg(r), room, alone_tone=True) for r in (one, two)]
        await engine.passes(10)
        engine.report(Ended(leg(two), engine.time, Cause.REMOTE))
        await engine.passes(51)
        engine.report(Ended(leg(one), engine.time, Cause.REMOTE))
        await until(lambda: not engine.reserved)
        after = [await storage.record(app.id, record.ref) for record in (one, two, three)]
        assert [(r.status1, r.status2, r.duration, r.debit) for r in after] == [
            ("answered", "", 2, 36_000),
            ("answered", "", 1, 18_000),
            ("busy", "", 0, 0),
        ]
        assert (await storage.application(app.app_id)).account.balance == 1_000_000 - 54_000
        bodies = [parse_qs(d.body.decode(), keep_blank_values=True)
                  for d in await due(storage)]  # fmt: skip
        assert sorted(body["txn_ref"][0] for body in bodies) == sorted(r.ref for r in after)
        for body in bodies:
            assert (body["room"], body["dest2"], body["tag"], body["m"]) == (
                ["r"], [""], ["t"], ["1"],
            )  # fmt: skip
            assert "status" not in body
        assert sent(engine, HangUp) == [], "nobody's leaving ends another's call"

    a_meeting(tmp_path, test)


def test_others_join_a_live_room(tmp_path):
    """A later request leads to the same room."""

    async def test(_storage, engine, controller, app):
        (first,) = await controller.place_conference(app, conference(NUMBERS[0]))
        await join(engine, first)
        (later,) = await controller.place_conference(app, conference(NUMBERS[1], room=first.room))
        await join(engine, first, later)
        rooms = {command.room for command in sent(engine, Bridge) + sent(engine, Dial)}
        assert rooms == {f"{app.id}/{first.room}"}

    a_meeting(tmp_path, test)


def test_a_hangup_ends_one_participant_only(tmp_path):
    """It is answered once that one is settled; the others talk on."""

    async def test(storage, engine, controller, app):
        one, two = await controller.place_conference(app, conference(*NUMBERS[:2]))
        await join(engine, one, two)
        hanging_up = asyncio.create_task(controller.hang_up(one.ref))
        await until(lambda: sent(engine, HangUp))
        engine.report(Ended(leg(one), engine.time, Cause.HUNG_UP))
        assert await hanging_up
        assert sent(engine, HangUp) == [HangUp(leg(one))]
        assert [record.ref for record in await storage.live_calls()] == [two.ref]

    a_meeting(tmp_path, test)


def test_muting_is_durable_before_it_is_so(tmp_path):
    """And what is so already is commanded once."""

    async def test(storage, engine, controller, app):
        (one,) = await controller.place_conference(app, conference(NUMBERS[0]))
        await join(engine, one)
        for muted in (True, True, False):
            assert await controller.mute(one.ref, muted=muted)
            (record,) = await storage.live_calls()
            assert (b'"muted":true' in record.state) is muted
        muted = [command.muted for command in sent(engine, Bridge)]
        assert muted == [False, True, False]
        assert await controller.mute("AA-C-1", muted=True), "one that has ended meanwhile"

    a_meeting(tmp_path, test)


def test_muting_that_cannot_be_stored_says_so(tmp_path, monkeypatch):
    """And is done once it can be."""
    monkeypatch.setattr("hoiio.server.calls.controller.HANGUP_WITHIN", 0.05)
    monkeypatch.setattr("hoiio.server.calls.controller.STORE_AGAIN_AFTER", 0.2)

    async def test(storage, engine, controller, app):
        (one,) = await controller.place_conference(app, conference(NUMBERS[0]))
        await join(engine, one)
        advance, failures = storage.advance, iter([OSError("disk full")])

        async def failing_once(ref, step):
            for failure in failures:
                raise failure
            return await advance(ref, step)

        storage.advance = failing_once
        assert not await controller.mute(one.ref, muted=True)
        await until(lambda: len(sent(engine, Bridge)) == 2)
        assert sent(engine, Bridge)[-1].muted

    a_meeting(tmp_path, test)


def test_a_refusal_gives_every_place_back(tmp_path):
    """The room, concurrent calls, the ceiling and credit; none leaves a record or a place."""

    async def test(storage, engine, controller, app):
        place = controller.place_conference
        inside = await place(app, conference(*NUMBERS[:5], room="r"))
        held = dict(engine.reserved)
        assert await place(app, conference(*NUMBERS[5:9], room="r")) is Refusal.ROOM_FULL
        assert await place(app, conference(*NUMBERS[5:9])) is Refusal.CONCURRENT_CALLS
        assert await place(app, conference(*NUMBERS[5:8])) is Refusal.CEILING
        rich = conference(NUMBERS[5], prices=[Price(10**9)])
        assert await place(app, rich) is Refusal.CREDIT
        assert engine.reserved == held
        assert [r.ref for r in await storage.live_calls()] == [r.ref for r in inside]
        assert engine.sent == [Dial(leg(r), r.dest1, None, 60.0, 75.0, room=f"{app.id}/r")
                               for r in inside]  # fmt: skip

    a_meeting(tmp_path, test, ceiling=7)


def test_a_call_back_and_a_conference_share_the_limits(tmp_path):
    """A transaction counts once, whatever its kind; a call-back takes two legs of the ceiling."""

    async def test(_storage, engine, controller, app):
        assert isinstance(await controller.place_call(app, order()), CallRecord)
        assert len(await controller.place_conference(app, conference(*NUMBERS[:7]))) == 7
        refused = await controller.place_conference(app, conference(NUMBERS[8]))
        assert refused is Refusal.CONCURRENT_CALLS
        assert sum(engine.reserved.values()) == 9

    a_meeting(tmp_path, test)


def test_of_racing_joins_exactly_as_many_win_as_there_are_places(tmp_path):
    """Eight requests for two places."""

    async def test(storage, _engine, controller, app):
        account = await storage.create_account("other", credit=10**9)
        other = await storage.create_app(account.id)
        await controller.place_conference(app, conference(*NUMBERS[:6], room="r"))
        outcomes = await asyncio.gather(
            *(controller.place_conference(app, conference(number, room="r"))
              for number in NUMBERS[6:12]),
            controller.place_conference(other, conference(NUMBERS[0], room="r")),
        )  # fmt: skip
        assert [isinstance(o, Refusal) for o in outcomes].count(True) == 4
        assert not isinstance(outcomes[-1], Refusal), "another's room of the same name"

    a_meeting(tmp_path, test)


def test_a_joining_that_races_the_last_ones_leaving_gets_a_room(tmp_path):
    """Whether the old one is still there or a new one of the name is made."""

    async def test(storage, engine, controller, app):
        (one,) = await controller.place_conference(app, conference(NUMBERS[0], room="r"))
        await join(engine, one)
        engine.report(Ended(leg(one), engine.time, Cause.REMOTE))
        (two,) = await controller.place_conference(app, conference(NUMBERS[1], room="r"))
        await until(lambda: len(engine.reserved) == 1)
        assert [record.ref for record in await storage.live_calls()] == [two.ref]
        engine.report(Ended(leg(two), engine.time, Cause.REMOTE, 486))
        await until(lambda: not engine.reserved)
        full = await controller.place_conference(app, conference(*NUMBERS[:8], room="r"))
        assert len(full) == 8

    a_meeting(tmp_path, test)


def test_a_restart_settles_the_room_by_the_last_heartbeat_and_frees_it(tmp_path):
    """Who was in it pays until then, who was being called nothing; nobody is dialled."""

    async def first_life():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            records = await controller.place_conference(app, conference(*NUMBERS[:3], room="r"))
            await join(engine, *records[:2])
            await engine.passes(125)
            await storage.beat(engine.time)
            return app, [record.ref for record in records]

    async def second_life(app, refs):
        engine = ScriptedEngine()
        engine.time = START + 86_400 * MICROS
        async with a_service(tmp_path / "data", engine) as (storage, _, controller):
            await controller.recover()
            assert await storage.live_calls() == []
            after = [await storage.record(app.id, ref) for ref in refs]
            assert [(r.status1, r.status2, r.duration) for r in after] == [
                ("answered", "", 3), ("answered", "", 3), ("failed", "", 0),
            ]  # fmt: skip
            assert engine.sent == []
            again = await controller.place_conference(app, conference(*NUMBERS[:8], room="r"))
            assert len(again) == 8

    asyncio.run(second_life(*asyncio.run(first_life())))


def test_stopping_hangs_everybody_up(tmp_path):
    """And settles them, also when the engine says nothing."""

    async def test(storage, engine, controller, app):
        records = await controller.place_conference(app, conference(*NUMBERS[:3]))
        await join(engine, *records[:2])
        stopping = asyncio.create_task(controller.stop())
        await until(lambda: len(sent(engine, HangUp)) == 3)
        for record in records[:2]:
            engine.report(Ended(leg(record), engine.time, Cause.HUNG_UP))
        await stopping
        assert await storage.live_calls() == []

    a_meeting(tmp_path, test)
