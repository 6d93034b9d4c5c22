"""``voice/events``: a call watched as a stream of server-sent events (an extension, api rule 25).

The stream's format is that of the WHATWG's HTML standard, section 9.2. Each event is the object
that ``voice/query_status`` would answer at that moment; a comment now and then shows that both ends
are there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog
from starlette.types import Message, Receive, Scope, Send

from hoiio.server.api import answers, voice
from hoiio.server.api.credentials import still_good
from hoiio.server.api.desk import Desk
from hoiio.server.api.limits import exceeded
from hoiio.server.api.params import Params
from hoiio.server.calls import transaction
from hoiio.server.calls.watchers import Watch
from hoiio.server.storage.protocol import Application, CallRecord
from hoiio.wire import Status

KEEP_ALIVE: Final = 15.0
"""Seconds that a stream is silent at most."""

COME_AGAIN: Final = 5.0
"""Seconds after which a place may be free; what is told to whom there is none for."""

GOES_ON: Final = "hoiio.goes_on"
"""The ASGI extension by which a long answer keeps its connection: ``within`` is called with the
seconds that it will be silent for at most, and tells whether the client is still there."""

HEADERS: Final = answers.HEADERS | {
    "Content-Type": "text/event-stream; charset=utf-8",
    "X-Accel-Buffering": "no",  # or nginx keeps events back until it has a page of them
}

_COMMENT: Final = b": keep-alive\n\n"

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True)
class Streams:
    """How many streams there may be, of one application and of all, and who has them.

    ``keep_alive`` is in seconds. Only applications that have a stream are remembered.
    """

    each: int = 100
    overall: int = 1_000
    keep_alive: float = KEEP_ALIVE
    _open: dict[int, int] = field(default_factory=dict[int, int])

    def __len__(self) -> int:
        """How many there are."""
        return sum(self._open.values())

    @contextmanager
    def place(self, application: int) -> Generator[None]:
        """Hold a place; raises ``Refused`` when there is none."""
        mine = self._open.get(application, 0)
        if mine >= self.each or len(self) >= self.overall:
            raise exceeded(COME_AGAIN)
        self._open[application] = mine + 1
        try:
            yield
        finally:
            self._open[application] -= 1
            if not self._open[application]:
                del self._open[application]


@dataclass(frozen=True)
class EventStream:
    """The answer to one watcher, an ASGI application; it holds a place until it has ended.

    Raises ``Refused`` before its start when there is no place.
    """

    desk: Desk
    streams: Streams
    application: Application
    ref: str
    token: str = field(repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the call has ended, the client has left, or its credentials are withdrawn."""
        with (
            self.streams.place(self.application.id),
            self.desk.watchers.watch(self.ref) as watch,
        ):
            leaving = asyncio.create_task(_until_gone(receive, watch))
            try:
                await self._send(watch, _goes_on(scope), send)
            finally:
                leaving.cancel()

    async def _send(self, watch: Watch, goes_on: Callable[[float], bool], send: Send) -> None:
        goes_on(self.streams.keep_alive)
        headers = [(name.lower().encode(), text.encode()) for name, text in HEADERS.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            async with aclosing(self._parts(watch)) as parts:
                async for part in parts:
                    await send(_body(part, more=True))
                    # Only now: what nobody reads must not keep its connection.
                    if not goes_on(self.streams.keep_alive):
                        return
        except Exception:
            # The head is out, so no answer can say it. The client comes back, and is told then.
            log.exception("an event stream ended early", ref=self.ref)
        await send(_body(b"", more=False))

    async def _parts(self, watch: Watch) -> AsyncGenerator[bytes]:
        """Events, each once, and a comment where a look shows nothing new."""
        told = b""
        while (record := await self._look()) is not None:
            event = _event(record)
            yield _COMMENT if event == told else event
            told = event
            if not record.live or not await watch.news(self.streams.keep_alive):
                return

    async def _look(self) -> CallRecord | None:
        """The record as it is now; None once the credentials are good no more."""
        storage = self.desk.storage
        if not await still_good(storage, self.application.app_id, self.token):
            return None
        return await storage.record(self.application.id, self.ref)


@dataclass(frozen=True)
class Watching:
    """An endpoint that is answered by a stream: which one, ``watch`` tells."""

    watch: Callable[[Desk, Streams, Application, Params], Awaitable[EventStream]]


async def watch(
    desk: Desk, streams: Streams, application: Application, given: Params
) -> EventStream:
    """A transaction as it is now, and each change of it until it has ended."""
    record = await voice.record_of(desk, application, given["txn_ref"])
    return EventStream(desk, streams, application, record.ref, given["access_token"])


def _event(record: CallRecord) -> bytes:
    return b"data: %s\n\n" % answers.body(Status.SUCCESS, transaction.fields(record))


def _body(part: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": part, "more_body": more}


def _goes_on(scope: Scope) -> Callable[[float], bool]:
    within: Callable[[float], bool] = scope["extensions"][GOES_ON]["within"]
    return within


async def _until_gone(receive: Receive, watch: Watch) -> None:
    """End a watch when its client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
    watch.end()
