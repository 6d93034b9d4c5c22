"""The rooms of the service, put together in one order: whatever the engine, whoever starts it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from starlette.types import ASGIApp

from hoiio import wire
from hoiio.server.api.application import build
from hoiio.server.api.desk import Desk, NotifyUrls
from hoiio.server.api.events import Streams
from hoiio.server.api.guesses import Guesses
from hoiio.server.api.http import HttpServer, Limits
from hoiio.server.api.limits import Queries
from hoiio.server.billing.guards import NO_RULES, Ceilings, Rules
from hoiio.server.calls.controller import Controller, Later, by_the_loop
from hoiio.server.calls.orders import CallSettings
from hoiio.server.calls.watchers import Watchers
from hoiio.server.config import Api, Dest1Sees
from hoiio.server.engines.protocol import Engine
from hoiio.server.notifications.deliverer import Deliverer, Posts
from hoiio.server.readers import Address
from hoiio.server.storage.sqlite import SqliteStorage, wall_clock
from hoiio.wire import MICROS

NO_CEILINGS: Final = Ceilings()


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """Time that somebody moves, who also looks after what is due by then.

    Nothing happens by itself: no heartbeat is written and nothing is delivered unless it is asked
    for (``Deliverer.deliver_due``). ``around`` is put around the HTTP application.
    """

    now: Callable[[], int]
    later: Later
    around: Callable[[ASGIApp], ASGIApp]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the rooms are made of. ``deliveries`` is how many may be under way at once."""

    engine: Engine
    storage: SqliteStorage
    sock: socket.socket
    poster: Posts
    notify_urls: NotifyUrls
    calls: CallSettings = field(default_factory=CallSettings)
    dest1_sees: Dest1Sees = Dest1Sees.DEST2
    trunk_number: str | None = None
    rules: Rules = NO_RULES
    ceilings: Ceilings = NO_CEILINGS
    wrong_credentials: int = 60
    limits: Limits = field(default_factory=Limits)
    deliveries: int | None = None
    streams_per_application: int = Api().streams_per_application
    by_hand: ByHand | None = None


@dataclass(frozen=True, slots=True)
class Rooms:
    """What was put together, for whoever has more to do with it than to stop it."""

    controller: Controller
    deliverer: Deliverer


async def furnish(plan: Plan, stack: AsyncExitStack) -> Rooms:
    """Start the rooms one after another; ``stack`` knows how to stop what was started.

    Raises ``EngineUnavailable`` when no calls can be placed. The caller closes the storage.
    """
    by_hand = plan.by_hand
    later = by_hand.later if by_hand else by_the_loop
    await plan.storage.use_ceilings(plan.ceilings)
    deliverer = _deliverer(plan)
    watchers = Watchers()
    controller = Controller(
        plan.storage,
        plan.engine,
        plan.calls,
        settled=deliverer.wake,
        changed=watchers.changed,
        later=later,
    )
    await controller.recover()
    if by_hand is None:
        deliverer.start()
    stack.push_async_callback(deliverer.stop)
    stack.push_async_callback(controller.stop)
    await plan.engine.start(controller.receive)
    if by_hand is None:
        controller.start()
    server = HttpServer(_application(plan, controller, watchers), plan.sock, plan.limits)
    stack.push_async_callback(server.stop)
    stack.callback(watchers.close)
    await server.start()
    return Rooms(controller, deliverer)


def _deliverer(plan: Plan) -> Deliverer:
    by_hand = plan.by_hand
    if by_hand is None:
        return Deliverer(plan.storage, plan.poster, overall=plan.deliveries)

    def put_off(due_at: int) -> None:
        by_hand.later((due_at - by_hand.now()) / MICROS, deliverer.wake)

    deliverer = Deliverer(
        plan.storage,
        plan.poster,
        by_hand.now,
        jitter=lambda: 0.0,
        put_off=put_off,
        receivers_clock=wall_clock,
    )
    return deliverer


def _application(plan: Plan, controller: Controller, watchers: Watchers) -> ASGIApp:
    desk = Desk(
        plan.storage,
        controller,
        plan.engine,
        plan.dest1_sees,
        plan.trunk_number,
        plan.notify_urls,
        plan.rules,
        watchers,
    )
    guesses = Guesses(plan.wrong_credentials, time.monotonic)
    queries = Queries(time.monotonic)
    # Half of the connections at most: whoever asks must not find all of them taken by who watches.
    streams = Streams(plan.streams_per_application, max(1, plan.limits.connections // 2))
    within = plan.limits.request_within
    app = build(desk, guesses, queries, body_within=within, streams=streams)
    return plan.by_hand.around(app) if plan.by_hand else app


def base_url(host: str, sock: socket.socket) -> str:
    """Where a service that listens there answers."""
    return f"http://{Address(host, sock.getsockname()[1])}{wire.PATH_PREFIX}"
