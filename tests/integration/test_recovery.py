"""A restart over a record that cannot be read: the service goes on without it."""

import asyncio

from structlog.testing import capture_logs

from hoiio.server.calls.controller import Controller
from hoiio.server.calls.orders import CallSettings
from integration.storage.store import change, in_a_shop
from integration.test_controller import ScriptedEngine, an_application, order


def test_one_unreadable_record_keeps_no_other_call_from_being_settled(tmp_path, monkeypatch):
    """It is told once, though the heart meets it again at every beat."""
    monkeypatch.setattr("hoiio.server.calls.controller.BEAT_EVERY", 0.01)

    async def test(shop):
        engine = ScriptedEngine()
        app = await an_application(shop.storage)
        earlier = Controller(shop.storage, engine, CallSettings())
        bad, good = [await earlier.place_call(app, order()) for _ in range(2)]
        change(tmp_path, "UPDATE calls SET state = x'00' WHERE ref = ?", bad.ref)
        controller = Controller(shop.storage, engine, CallSettings())
        with capture_logs() as lines:
            await controller.recover()
            assert [record.ref for record in await shop.storage.live_calls()] == [bad.ref]
            assert (await shop.storage.record(app.id, good.ref)).status1 == "failed"
            await beats(shop.storage, controller, 3)
        errors = [line["ref"] for line in lines if line["log_level"] == "error"]
        assert errors == [bad.ref]

    in_a_shop(test, tmp_path)


async def beats(storage, controller, count):
    """Let the heart beat so many times."""
    beat, seen, enough = storage.beat, [], asyncio.Event()

    async def counting(now):
        await beat(now)
        seen.append(now)
        if len(seen) > count:
            enough.set()

    storage.beat = counting
    controller.start()
    await asyncio.wait_for(enough.wait(), 30)
    await controller.stop()
