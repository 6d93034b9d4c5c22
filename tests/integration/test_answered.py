"""Since when a call is talked in: absent while it rings, there with the answer, kept for ever."""

import asyncio
import sqlite3
from contextlib import closing
from urllib.parse import parse_qs

import pytest

from hoiio.server.calls import transaction
from hoiio.server.engines.protocol import Answered, Bridge, Cause, Dial, Ended, HangUp
from hoiio.server.storage import migrate
from hoiio.server.storage.data import DATABASE, SECRET
from hoiio.server.storage.sealing import load_sealer
from hoiio.wire import MICROS, format_date
from integration.storage.store import ask, change, due
from integration.test_conferences import NUMBERS, conference
from support.scripted import START, ScriptedEngine, a_service, an_application, order, sent, until

HOOK = "http://127.0.0.1:9/x?answered_date=2001-01-01+00%3A00%3A00"
LATER = START + 10_000 * MICROS


def with_a_service(tmp_path, test):
    """Run a coroutine function with storage, engine, controller and an application."""

    async def run():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            await test(storage, engine, controller, await an_application(storage))

    asyncio.run(run())


async def told(storage, app, ref):
    """``answered_date`` as query_status and history tell it, both the same; None where absent."""
    record = await storage.record(app.id, ref)
    page = await storage.history(app.id, start=None, end=None, page=1, upto=None)
    (entry,) = (record for record in page.records if record.ref == ref)
    status = transaction.fields(record)
    assert status == transaction.fields(entry)
    return status.get("answered_date")


async def notified(storage):
    (delivery,) = await due(storage)
    return parse_qs(delivery.body.decode()).get("answered_date")


async def ringing(engine, controller, app):
    """A call-back whose dest1 answered; its dest2 rings."""
    record = await controller.place_call(app, order(notify_url=HOOK))
    engine.report(Answered(f"{record.ref}-1", engine.time))
    await until(lambda: len(sent(engine, Dial)) == 2)
    return record.ref


async def talking(engine, controller, app):
    """As before, and dest2 answered three seconds later; its ref and that instant."""
    ref = await ringing(engine, controller, app)
    await engine.passes(3)
    answer = engine.time
    engine.report(Answered(f"{ref}-2", answer))
    await until(lambda: sent(engine, Bridge))
    return ref, answer


async def hang_up(engine, ref):
    """dest2 hangs up, and dest1 is told so."""
    engine.report(Ended(f"{ref}-2", engine.time, Cause.REMOTE))
    await until(lambda: sent(engine, HangUp))
    engine.report(Ended(f"{ref}-1", engine.time, Cause.HUNG_UP))
    await until(lambda: not engine.reserved)


def test_a_call_back_is_answered_by_dest2_alone(tmp_path):
    """Ringing, dest1 up, talking, over: told from dest2's answer on, the same to the end."""

    async def test(storage, engine, controller, app):
        record = await controller.place_call(app, order(notify_url=HOOK))
        assert await told(storage, app, record.ref) is None
        engine.report(Answered(f"{record.ref}-1", engine.time))
        await until(lambda: len(sent(engine, Dial)) == 2)
        assert await told(storage, app, record.ref) is None
        await engine.passes(3)
        answer = format_date(engine.time)
        engine.report(Answered(f"{record.ref}-2", engine.time))
        await until(lambda: sent(engine, Bridge))
        live = await storage.record(app.id, record.ref)
        assert (live.status1, live.status2, live.live) == ("ongoing", "ongoing", True)
        assert await told(storage, app, record.ref) == answer
        await engine.passes(70)
        assert await told(storage, app, record.ref) == answer
        await hang_up(engine, record.ref)
        assert await told(storage, app, record.ref) == answer
        assert await notified(storage) == [answer]

    with_a_service(tmp_path, test)


def test_each_participant_is_answered_by_itself(tmp_path):
    """Who rings still has none beside one who talks."""

    async def test(storage, engine, controller, app):
        one, two = await controller.place_conference(app, conference(*NUMBERS[:2]))
        await engine.passes(4)
        answer = format_date(engine.time)
        engine.report(Answered(f"{one.ref}-1", engine.time))
        await until(lambda: sent(engine, Bridge))
        assert await told(storage, app, one.ref) == answer
        assert await told(storage, app, two.ref) is None
        engine.report(
            Ended(f"{two.ref}-1", engine.time, Cause.REMOTE, 486, True),
            Ended(f"{one.ref}-1", engine.time + MICROS, Cause.REMOTE),
        )
        await until(lambda: not engine.reserved)
        assert await told(storage, app, one.ref) == answer
        assert await told(storage, app, two.ref) is None

    with_a_service(tmp_path, test)


def test_where_dest2_did_not_answer_nobody_talked(tmp_path):
    """However long dest1 was up; nor can the notify_url say that somebody did."""

    async def test(storage, engine, controller, app):
        ref = await ringing(engine, controller, app)
        await engine.passes(20)
        await hang_up(engine, ref)
        ended = await storage.record(app.id, ref)
        assert (ended.status1, ended.status2) == ("answered", "unanswered")
        assert await told(storage, app, ref) is None
        assert await notified(storage) is None

    with_a_service(tmp_path, test)


def test_an_answer_and_the_end_in_one_step_are_both_kept(tmp_path):
    """As when the disk was slow: the first that is written of the answer is the settlement."""

    async def test(storage, engine, controller, app):
        ref = await ringing(engine, controller, app)
        engine.report(
            Answered(f"{ref}-2", engine.time + 5),
            Ended(f"{ref}-2", engine.time + MICROS, Cause.REMOTE),
            Ended(f"{ref}-1", engine.time + MICROS, Cause.REMOTE),
        )
        await until(lambda: not engine.reserved)
        assert (await storage.record(app.id, ref)).answered_at == engine.time + 5
        assert await notified(storage) == [format_date(engine.time + 5)]

    with_a_service(tmp_path, test)


@pytest.mark.parametrize("known", [True, False])
def test_it_outlives_a_crash_also_of_a_version_that_did_not_write_it(tmp_path, known):
    """The machine's state tells it, so whoever settles the call has it."""

    async def first_life():
        async with a_service(tmp_path / "data") as (storage, engine, controller):
            app = await an_application(storage)
            return app, *await talking(engine, controller, app)

    async def second_life(app, ref, answer):
        engine = ScriptedEngine()
        engine.time = LATER
        async with a_service(tmp_path / "data", engine) as (storage, _, controller):
            before = format_date(answer) if known else None
            assert await told(storage, app, ref) == before
            await controller.recover()
            assert await storage.live_calls() == []
            assert await told(storage, app, ref) == format_date(answer)
            assert await notified(storage) == [format_date(answer)]

    lived = asyncio.run(first_life())
    if not known:
        change(tmp_path / "data", "UPDATE calls SET answered_at = NULL")
    asyncio.run(second_life(*lived))


def test_a_call_of_an_older_database_has_none_and_is_told_as_before(tmp_path, monkeypatch):
    """Its status is complete but for that; new calls beside it have theirs."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    sealed = load_sealer(data / SECRET, create=True).seal("token", "x")
    scripts = migrate.migrations()
    (place,) = (n for n, script in enumerate(scripts) if "answered_at" in script)
    with closing(sqlite3.connect(data / DATABASE, isolation_level=None)) as db:
        monkeypatch.setattr(migrate, "migrations", lambda: scripts[:place])
        migrate.migrate(db)
        monkeypatch.undo()
        db.execute(
            "INSERT INTO accounts (id, name, currency, created_at) VALUES (1, 'a', 'SGD', 1)"
        )
        db.execute(
            """INSERT INTO applications (id, account, app_id, sealed_token, last_ordinal,
            created_at) VALUES (1, 1, 'x', ?, 1, 1)""",
            (sealed,),
        )
        db.execute(
            """INSERT INTO calls (id, application, account, ordinal, date, dest1, dest2, status1,
            status2, room, tag, notify_url, currency, rate1, rate2, live, duration, debit, ended_at,
            state) VALUES (7, 1, 1, 1, ?, '+65', '+66', 'answered', 'answered', '', '', '', 'SGD',
            0, 0, 0, 1, 0, 1, x'')""",
            (START,),
        )
    (data / DATABASE).chmod(0o600)

    async def test(storage, engine, controller, app):
        old = await storage.application("x")
        assert await told(storage, old, "AA-C-7") is None
        assert (await storage.record(old.id, "AA-C-7")).status2 == "answered"
        ref, answer = await talking(engine, controller, app)
        assert await told(storage, app, ref) == format_date(answer)

    with_a_service(tmp_path, test)
    assert ask(data, "SELECT max(version) FROM schema_version") == [(len(scripts),)]
