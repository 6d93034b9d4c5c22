"""The HTTP application: every path, what is common to all requests, and every answer's shape."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from hoiio import wire
from hoiio.server.api import (
    conference,
    dialling,
    events,
    idempotency,
    limits,
    openapi,
    params,
    user,
    voice,
)
from hoiio.server.api.answers import HEADERS, Answer, respond
from hoiio.server.api.credentials import identify
from hoiio.server.api.desk import Desk
from hoiio.server.api.events import EventStream, Streams, Watching
from hoiio.server.api.guesses import Guesses
from hoiio.server.api.idempotency import Repetitions
from hoiio.server.api.limits import Queries
from hoiio.server.api.params import Params, Refused
from hoiio.server.storage.protocol import Application, IdempotencyKey, Placed
from hoiio.wire import Endpoint, Status

log: structlog.stdlib.BoundLogger = structlog.get_logger()

Query = Callable[[Desk, Application, Params], Awaitable[Answer]]
Place = Callable[[Desk, Application, Params, IdempotencyKey | None], Awaitable[Placed]]


@dataclass(frozen=True)
class Placing:
    """A chargeable endpoint: what it does, and how what was placed, now or earlier, is told."""

    place: Place
    told: Callable[[Placed], Answer]


Handler = Query | Placing | Watching

HANDLERS: Final[Mapping[Endpoint, Handler]] = {
    wire.CALL: Placing(voice.call, voice.call_answer),
    wire.CONFERENCE: Placing(conference.place, conference.voice_conference_answer),
    wire.CONFERENCE_CALL: Placing(conference.place, conference.conference_call_answer),
    wire.MODERATE: conference.moderate,
    wire.HANGUP: voice.hangup,
    wire.QUERY_STATUS: voice.query_status,
    wire.EVENTS: Watching(events.watch),
    wire.GET_HISTORY: voice.get_history,
    wire.GET_RATE: voice.get_rate,
    wire.GET_BALANCE: user.get_balance,
    wire.GET_INFO: user.get_info,
}
"""What is served; any other path is unknown."""

METHODS: Final = ("GET", "POST")

DRAINED: Final = 16 * wire.BODY_MAX
"""Bytes of an oversized body that are read and dropped, so that its sender hears the answer."""


def build(
    desk: Desk,
    guesses: Guesses,
    queries: Queries,
    *,
    body_within: float = 20.0,
    streams: Streams | None = None,
) -> ASGIApp:
    """The application that answers for ``desk``; a body has ``body_within`` seconds to arrive."""
    streams = Streams() if streams is None else streams
    document = openapi.document(tuple(HANDLERS))
    endpoints = [
        Route(
            wire.PATH_PREFIX + endpoint.path,
            _Served(endpoint, handler, desk, guesses, queries, streams, body_within),
        )
        for endpoint, handler in HANDLERS.items()
    ]
    routes = [
        *endpoints,
        Route("/openapi.json", _Fixed(document)),
        Route("/health", _Fixed(b'{"status":"success_ok"}')),
    ]
    router = Router(
        routes=routes,
        redirect_slashes=False,
        default=_unknown_path,
    )
    return _Outermost(router, frozenset(route.path for route in routes))


async def _unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(Status.NOT_FOUND, http=404)(scope, receive, send)


class _Outermost:
    """Turns whatever goes wrong inside into an answer, and keeps a log of requests.

    Neither ever shows a query string or a body: tokens travel there. Nor a path that is not known:
    it is a text of the client's, who may have put anything into it.
    """

    def __init__(self, inner: ASGIApp, paths: Container[str]) -> None:
        self._inner = inner
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        path = scope["path"] if scope["path"] in self._paths else "unknown"
        try:
            await self._inner(scope, receive, send)
        except ClientDisconnect:
            log.debug("the client went away", path=path)
        except Exception:
            log.exception("a request failed", path=path)
            await respond(Status.INTERNAL_SERVER_ERROR, http=500)(scope, receive, send)
        took = round((time.perf_counter() - begun) * 1000, 1)
        log.debug("request", method=scope["method"], path=path, ms=took)


@dataclass(frozen=True)
class _Served:
    """One endpoint over HTTP: an ASGI application, so that it hears of every method."""

    endpoint: Endpoint
    handler: Handler
    desk: Desk
    guesses: Guesses
    queries: Queries
    streams: Streams
    body_within: float
    repetitions: Repetitions = field(default_factory=Repetitions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            answer = await self._answer(request)
            if isinstance(answer, EventStream):
                await answer(scope, receive, send)
                return
            response = respond(Status.SUCCESS, answer)
        except Refused as refused:
            response = respond(refused.status, retry_after=refused.retry_after)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Answer | EventStream:
        if request.method not in METHODS:
            raise Refused(Status.INVALID_HTTP_METHOD)
        given = params.read(request.scope["query_string"], await _body(request, self.body_within))
        address = request.client.host if request.client else ""

        async def exempt(found: Application) -> bool:
            return await self._ends_a_call(found, given)

        application = await identify(self.desk.storage, self.guesses, given, address, exempt)
        if isinstance(self.handler, Placing):
            key = idempotency.key(self.endpoint, given, request.headers)
            return await self._place(self.handler, application, given, key)
        await self._limit(application, given)
        self._require(given)
        if isinstance(self.handler, Watching):
            return await self.handler.watch(self.desk, self.streams, application, given)
        return await self.handler(self.desk, application, given)

    async def _limit(self, application: Application, given: Params) -> None:
        """Count the request; ``Refused`` where it is one too many, unless it must not be."""
        try:
            self.queries.check(application, self.endpoint)
        except Refused:
            if not await self._ends_a_call(application, given):
                raise

    async def _ends_a_call(self, application: Application, given: Params) -> bool:
        """Whether this is what no limit may refuse."""
        hangup = self.endpoint is wire.HANGUP
        return hangup and await voice.ends_a_call(self.desk, application, given)

    async def _place(
        self,
        placing: Placing,
        application: Application,
        given: Params,
        key: IdempotencyKey | None,
    ) -> Answer:
        """Place what is asked for, unless it was placed under the same key already."""
        if key is None:
            return await self._place_now(placing, application, given, key)
        async with self.repetitions.turn(application, key):
            earlier = await self.desk.storage.placed(application.id, key)
            if earlier is not None:
                return placing.told(dialling.admitted(earlier))
            return await self._place_now(placing, application, given, key)

    async def _place_now(
        self,
        placing: Placing,
        application: Application,
        given: Params,
        key: IdempotencyKey | None,
    ) -> Answer:
        self.queries.check(application, self.endpoint)
        limits.check_calls(application.account, self.desk.engine.now())
        self._require(given)
        try:
            placed = await placing.place(self.desk, application, given, key)
        except Refused as refused:
            if refused.status == Status.RATE_LIMIT_EXCEEDED:
                raise await self._overtaken(application) from None
            raise
        return placing.told(placed)

    async def _overtaken(self, application: Application) -> Refused:
        """The refusal where others took the minute's last call since it was looked for."""
        latest = await self.desk.storage.application(application.app_id) or application
        return limits.exceeded(latest.account.next_call_after(self.desk.engine.now()) / wire.MICROS)

    def _require(self, given: Params) -> None:
        for name in self.endpoint.required:
            if name not in given:
                raise Refused(wire.param_missing(name))


async def _body(request: Request, within: float) -> bytes:
    """The body, of which no more than 64 KiB are ever kept.

    Raises ``Refused`` with ``error_malformed_params`` when there is more, or when it does not
    arrive in time.
    """
    body = bytearray()
    length = 0
    try:
        async with asyncio.timeout(within):
            async for chunk in request.stream():
                length += len(chunk)
                if length <= wire.BODY_MAX:
                    body += chunk
                if length > DRAINED:
                    break
    except TimeoutError:
        raise Refused(Status.MALFORMED_PARAMS) from None
    if length > wire.BODY_MAX:
        raise Refused(Status.MALFORMED_PARAMS)
    return bytes(body)


@dataclass(frozen=True)
class _Fixed:
    """A document that is the same for everybody."""

    body: bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in METHODS:
            response = Response(self.body, headers=HEADERS, media_type="application/json")
        else:
            response = respond(Status.INVALID_HTTP_METHOD)
        await response(scope, receive, send)
