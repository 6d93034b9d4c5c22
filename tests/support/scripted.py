"""The controller with a real database and an engine that does as the test says."""

import asyncio
import contextlib

from hoiio.server.billing.charge import Price
from hoiio.server.calls.controller import Controller
from hoiio.server.calls.orders import CallOrder, CallSettings
from hoiio.server.engines.protocol import EngineUnavailable
from hoiio.server.storage.data import open_data
from hoiio.server.storage.limits import AccountChanges
from hoiio.wire import MICROS

ONE, TWO = "+6511111111", "+6522222222"
START = 1_700_000_000 * MICROS


class Timer:
    """Something to be done at an instant of the engine's clock, which only a test moves."""

    def __init__(self, engine, at, work):
        self.engine, self.at, self.work = engine, at, work
        engine.timers.append(self)

    def cancel(self):
        if self in self.engine.timers:
            self.engine.timers.remove(self)


class ScriptedEngine:
    """Keeps what it is told to do; reports nothing that the test does not say."""

    def __init__(self, ceiling=50):
        self.sent, self.refused, self.reserved, self.ceiling = [], [], {}, ceiling
        self.time, self.up = START, True
        self.controller, self.timers = None, []

    def now(self):
        return self.time

    def reserve(self, owner, legs):
        if sum(self.reserved.values()) + legs > self.ceiling:
            return False
        self.reserved[owner] = legs
        return True

    def release(self, owner):
        self.reserved.pop(owner, None)

    def send(self, *commands):
        if not self.up:
            self.refused += commands
            raise EngineUnavailable("down")
        self.sent += commands

    async def stop(self):
        self.up = False

    def later(self, seconds, work):
        return Timer(self, self.time + round(seconds * MICROS), work)

    async def passes(self, seconds):
        """Let time go by, with everything that is to be done meanwhile, in its order."""
        until = self.time + round(seconds * MICROS)
        while due := [timer for timer in self.timers if timer.at <= until]:
            timer = min(due, key=lambda timer: timer.at)
            self.time = max(self.time, timer.at)
            timer.cancel()
            timer.work()
            await self.settles()
        self.time = until

    async def settles(self):
        """Until the controller has worked through what it was told."""
        calls = self.controller._live.values()
        while workers := [call.worker for call in calls if call.worker is not None]:
            await asyncio.wait(workers, timeout=5)

    def report(self, *events):
        for event in events:
            self.controller.receive(event)


@contextlib.asynccontextmanager
async def a_service(folder, engine=None, **settings):
    storage = open_data(folder, create=True)
    engine = engine or ScriptedEngine()
    controller = Controller(storage, engine, CallSettings(**settings), later=engine.later)
    engine.controller = controller
    try:
        yield storage, engine, controller
    finally:
        await storage.close()


async def an_application(storage, credit=1_000_000):
    account = await storage.create_account("acme", number=ONE, currency="SGD", credit=credit)
    await storage.change_account(account.id, AccountChanges(calls_per_minute=10**6))
    app = await storage.create_app(account.id)
    return await storage.application(app.app_id)


def order(**changes):
    return CallOrder(**{
        "dest1": ONE, "dest2": TWO, "dest1_sees": TWO, "dest2_sees": ONE,
        "price1": Price(18_000), "price2": Price(18_000), **changes,
    })  # fmt: skip


async def until(true):
    async with asyncio.timeout(5):
        while not (found := true()):
            await asyncio.sleep(0.002)
    return found


def sent(engine, kind):
    return [command for command in engine.sent if isinstance(command, kind)]
