"""The whole service on a time that is moved by hand, and what a test asks of it.

Whatever is due at an instant has happened before anybody looks: before a request is answered,
before time goes on, and before it is told what was posted. So a test never waits, and never finds
half of a step.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hoiio import wire
from hoiio.server.api import answers
from hoiio.server.api.http import bind
from hoiio.server.engines.sandbox import SandboxEngine
from hoiio.server.notifications.post import Attempt
from hoiio.server.notifications.target import Target
from hoiio.server.readers import Address
from hoiio.server.rooms import ByHand, Plan, Rooms, base_url, furnish
from hoiio.server.sandbox import shop
from hoiio.server.sandbox.clock import MovableClock
from hoiio.server.sandbox.shop import Customer
from hoiio.server.storage.data import open_data
from hoiio.server.storage.sqlite import SqliteStorage, wall_clock
from hoiio.wire import MICROS

HERE: Final = Address("127.0.0.1", 0)
PATIENCE: Final = 10.0
"""Seconds by the machine's clock for which a stream waits for a time that nobody moves."""
IN_VAIN: Final = "error_time_stands_still_until_hoiio_sandbox_advance"
"""What it ends with then, where one would wait for ever: a status that no real service has."""
EVENTS: Final = wire.PATH_PREFIX + wire.EVENTS.path
GONE: Final = 410
"""What an earlier customer's receiver answers: it is not there any more."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A notification that would be posted now; ``at`` is when that is, on the moved clock."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    at: int


log: structlog.stdlib.BoundLogger = structlog.get_logger()

Post = Callable[[Letter], Awaitable[int]]
"""What stands in for the network; returns the HTTP status."""


class World:
    """A service that nobody but the program around it knows of; see ``open_world``."""

    def __init__(self, storage: SqliteStorage, clock: MovableClock) -> None:
        self._storage = storage
        self._clock = clock
        self._names = itertools.count(1)
        self._customer: Customer | None = None
        self._post: Post | None = None
        self._moving = asyncio.Lock()
        self.engine = SandboxEngine(clock)
        self.rooms: Rooms | None = None
        self.base_url = ""

    # --- customers ----------------------------------------------------------------------------

    async def admit(self, post: Post) -> Customer:
        """A new customer with credit, for whom ``post`` gets the notifications.

        Whatever the earlier one left has ended by then, and time is the machine's again.
        """
        await self.dismiss()
        self._clock.move(wall_clock())
        customer = await shop.new_customer(self._storage, f"customer {next(self._names)}")
        self._customer, self._post = customer, post
        return customer

    async def dismiss(self) -> None:
        """End what the customer's calls are at; nobody hears of it."""
        self._customer = self._post = None
        for record in await self._storage.live_calls():
            await self._furnished.controller.hang_up(record.ref)
        await self._settle()

    async def balance(self) -> int:
        """What the customer can spend, in micro-units."""
        if self._customer is None:
            raise RuntimeError("there is no customer")
        await self._settle()
        account = self._customer.application.account
        return (await self._storage.account(account.name)).balance

    # --- time ---------------------------------------------------------------------------------

    def now(self) -> int:
        """The instant that it is, Unix time in microseconds."""
        return self._clock.now()

    def stands_still(self, since: int) -> bool:
        """Whether it is still that instant, and nobody is about to change it."""
        return self.now() == since and not self._moving.locked()

    async def advance(self, seconds: float) -> None:
        """Move time on, with everything that is due meanwhile, each at its instant, in order."""
        until = self._clock.now() + round(seconds * MICROS)
        async with self._moving:
            await self._settle()
            while (at := self._clock.next_at()) is not None and at <= until:
                self._clock.move(max(at, self._clock.now()))
                await self._settle()
            self._clock.move(until)

    async def _settle(self) -> None:
        """Let happen what is due now, notifications included."""
        await self._calls_settle()
        while await self._furnished.deliverer.deliver_due():
            await self._calls_settle()

    async def _calls_settle(self) -> None:
        self._clock.run_due()
        while await self._furnished.controller.quiet():
            self._clock.run_due()

    async def settle_for_request(self) -> None:
        """What a request waits for: calls as they are now.

        Not while time moves: whoever asks then is told of a notification, and waited for. Nor are
        notifications posted here, whose receiver may be the very one that asks.
        """
        if not self._moving.locked():
            await self._calls_settle()

    # --- phones -------------------------------------------------------------------------------

    async def put_down(self, number: str) -> int:
        """Hang up the phones of a number; how many there were."""
        await self._settle()
        found = self.engine.put_down(number)
        await self._settle()
        return found

    async def pick_up(self, number: str) -> int:
        """Answer the phones of a number that ring; how many there were."""
        await self._settle()
        found = self.engine.pick_up(number)
        await self._settle()
        return found

    # --- in place of the network --------------------------------------------------------------

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        """Hand a notification to the customer that it belongs to; see ``deliverer.Posts``."""
        customer, hand_over = self._customer, self._post
        ref = dict(parse_qsl(body.decode("ascii"))).get("txn_ref", "")
        if customer is None or hand_over is None or not await self._is_of(customer, ref):
            return Attempt(GONE)
        letter = Letter(url, body, headers, self._clock.now())
        return Attempt(await hand_over(letter))

    async def _is_of(self, customer: Customer, ref: str) -> bool:
        return await self._storage.record(customer.application.id, ref) is not None

    async def check(self, target: Target) -> None:
        """Let every well-formed notify_url pass: none is ever looked up or connected to."""

    @property
    def _furnished(self) -> Rooms:
        if self.rooms is None:
            raise RuntimeError("the world is not open")
        return self.rooms


@asynccontextmanager
async def open_world(folder: Path) -> AsyncGenerator[World]:
    """A service on a free loopback port with its data in ``folder``, until the context ends."""
    async with AsyncExitStack() as stack:
        clock = MovableClock()
        storage = open_data(folder, clock=clock.now, durable=False)
        stack.push_async_callback(storage.close)
        await storage.import_tariff(shop.CURRENCY, shop.DECK)
        sock = bind(HERE)
        stack.callback(sock.close)
        world = World(storage, clock)
        plan = Plan(
            engine=world.engine,
            storage=storage,
            sock=sock,
            poster=world,
            notify_urls=world,
            wrong_credentials=shop.PLENTY,
            by_hand=ByHand(
                now=clock.now, later=clock.later, around=lambda app: _Settled(app, world)
            ),
        )
        world.rooms = await furnish(plan, stack)
        world.base_url = base_url(HERE.host, sock)
        yield world
        await world.dismiss()


@dataclass(frozen=True, slots=True)
class _Settled:
    """An application that is asked only once what is due has happened."""

    app: ASGIApp
    world: World

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.world.settle_for_request()
        if scope["path"] == EVENTS:
            watched = _Watched(self.world, receive, send)
            receive, send = watched.receive, watched.send
        await self.app(scope, receive, send)


class _Watched:
    """A stream of changes; where none can come it ends with a refusal, as if its client left."""

    def __init__(self, world: World, receive: Receive, send: Send) -> None:
        self._world = world
        self._receive = receive
        self._send = send
        self._in_vain = False

    async def receive(self) -> Message:
        """What the client sends, or that it left."""
        while not self._in_vain:
            since = self._world.now()
            try:
                async with asyncio.timeout(PATIENCE):
                    return await self._receive()
            except TimeoutError:
                self._in_vain = self._world.stands_still(since)
        log.warning("a call is waited for, and time stands still until hoiio_sandbox.advance")
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Pass it on; the end of what was in vain says so."""
        if self._in_vain and not message.get("more_body"):
            message = {**message, "body": b"data: %s\n\n" % answers.body(IN_VAIN)}
        await self._send(message)
