"""HTTP on a socket that is already bound: uvicorn, within limits that no client can stretch."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import socket
from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hoiio import wire
from hoiio.server.api.answers import HEADERS
from hoiio.server.api.crowd import Crowd
from hoiio.server.api.events import GOES_ON
from hoiio.server.readers import Address

HEAD_MAX: Final = 96 * 1024
"""Bytes of request line and headers: room for a query string of 64 KiB and its escapes."""

URL_MAX: Final = 65_000
"""Bytes of a request's target that can be taken apart."""

ANSWER_WITHIN: Final = 30.0
"""Seconds that an answer may take to be made and to be read, from its request on.

A stream's parts have as long each, beyond the silence between them."""

PIPELINED: Final = 16
"""Requests that one connection may send before it has read an answer."""

STOP_WITHIN: Final = 5
"""Seconds that requests under way get at the end; a hangup needs two."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, and all of them together, may take up."""

    connections: int = 2_000
    """At once; past it, who has waited longest without a whole request makes room."""
    request_within: float = 20.0
    """Seconds that a request's head may take to arrive, and its body as long again."""
    idle_within: float = 30.0
    """Seconds that a connection is kept between two requests."""


_OPENING: Final = 32
"""Bytes of a request that are kept to tell its method from."""

_METHOD: Final = re.compile(rb"(?!(?:GET|POST) )[!#$%&'*+.^_`|~0-9A-Za-z-]+ ")
"""How a request of another method begins (RFC 9110 section 9.1), be it one nobody ever heard of."""


_HEADERS: Final = "".join(f"{name}: {text}\r\n" for name, text in HEADERS.items()).encode()


def _refusal(status: wire.Status) -> bytes:
    """The answer to what never becomes a request: 200 and a status, as to everything."""
    body = b'{"status":"%s"}' % status.encode()
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%s"
        b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (_HEADERS, len(body), body)
    )


_UNREADABLE: Final = _refusal(wire.Status.MALFORMED_PARAMS)
_UNKNOWN_METHOD: Final = _refusal(wire.Status.INVALID_HTTP_METHOD)
_CROWDED: Final = _refusal(wire.Status.SERVICE_NOT_AVAILABLE)


def bind(address: Address) -> socket.socket:
    """A socket bound to the address. Raises ``OSError`` when it is in use or not ours."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # Named as TCP, or asyncio lets the second half of an answer wait for the client's ACK.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Inherited by what is accepted: who vanished without a word acknowledges nothing more.
            gone = round(ANSWER_WITHIN * 1000)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, gone)
        sock.bind((address.host, address.port))
        # Listening at once makes a port that another process listens on an error here and now.
        sock.listen(socket.SOMAXCONN)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


class _Connection(HttpToolsProtocol):
    """A connection whose requests are bounded in size, in number and in time.

    One deadline is always set. Only progress moves it: a request's begin, its end of head, its
    answer. So no trickle of bytes keeps a connection, whatever they are.
    """

    limits: ClassVar[Limits]
    crowd: ClassVar[Crowd[_Connection]]

    _head = 0
    _opening = b""
    _in_head = True
    _arrived = True
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(  # type: ignore[override] # as uvicorn has it
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self._expect(self.limits.request_within)
        leaving = self.crowd.join(self)
        if leaving is not None:
            leaving.make_room(_CROWDED if leaving is self else b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.leave(self)
        if self._deadline is not None:
            self._deadline.cancel()
        self.pipeline.clear()
        super().connection_lost(exc)

    def make_room(self, words: bytes) -> None:
        """Leave at once, with these last words."""
        self.crowd.leave(self)
        if words:
            self.transport.write(words)
        self._hang_up()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head += len(data)
        begun = self._opening if self._in_head else b""
        self._opening = (begun + data[:_OPENING])[:_OPENING]
        super().data_received(data)
        if self._in_head and self._head > HEAD_MAX and not self.transport.is_closing():
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words for it
        # An answer that is still owed would be taken for this one's.
        if not self._under_way():
            unknown = _METHOD.match(self._opening)
            self.transport.write(_UNKNOWN_METHOD if unknown else _UNREADABLE)
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {GOES_ON: {"within": self._goes_on}}
        self._in_head = True
        if not self._under_way():
            self._expect(self.limits.request_within)

    def on_headers_complete(self) -> None:
        self._in_head, self._head, self._arrived = False, 0, False
        if len(self.pipeline) >= PIPELINED:
            raise ValueError("too many requests at once")
        if not self._under_way():
            self._expect(self.limits.request_within + ANSWER_WITHIN)
        if len(self.url) > URL_MAX:
            # What is too long to be taken apart is unreadable: the application answers so.
            self.url = self.url.partition(b"?")[0][:URL_MAX] + b"?%FF"
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._arrived = True
        if self._under_way():
            self.crowd.served(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline or self._under_way():
            self._expect(ANSWER_WITHIN)
            return
        self.crowd.waits(self)
        # Of a body that was too large, what is still to come has no more time than a head.
        waits = self._in_head or not self._arrived or self.transport.is_closing()
        self._expect(self.limits.request_within if waits else self.limits.idle_within)

    def _under_way(self) -> bool:
        """Whether an answer is owed, to a request that has at least begun."""
        return bool(self.cycle and not self.cycle.response_complete)

    def _goes_on(self, within: float) -> bool:
        """The answer under way has got on, and will again after ``within`` seconds at most.

        False when the client has gone: with requests behind it the answer is not told otherwise.
        """
        if self.transport.is_closing():
            return False
        self._expect(within + ANSWER_WITHIN)
        return True

    def _expect(self, within: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(within, self._hang_up)

    def _hang_up(self) -> None:
        """Close; what a client does not read must not keep its connection."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()


def _connections(limits: Limits) -> type[_Connection]:
    """The connections of one server, which share its limits."""
    members = {"limits": limits, "crowd": Crowd[_Connection](limits.connections)}
    return type("_Connection", (_Connection,), members)


class _Quiet(uvicorn.Server):
    """A server that leaves the process's signals to the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class HttpServer:
    """Answers HTTP on one socket from ``start`` to ``stop``."""

    def __init__(self, app: ASGIApp, sock: socket.socket, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._socket = sock
        self._server = _Quiet(
            uvicorn.Config(
                app,
                http=_connections(limits),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=math.ceil(limits.idle_within) + 1,  # ours comes first
                timeout_graceful_shutdown=STOP_WITHIN,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections; returns once it does."""
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Accept no more, let requests under way finish, close every connection."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        self._socket.close()
