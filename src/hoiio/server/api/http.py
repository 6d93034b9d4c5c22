"""HTTP on a socket that is already bound: uvicorn, within limits that no client can stretch."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Generator
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hoiio import wire
from hoiio.server.api.answers import HEADERS
from hoiio.server.readers import Address

CONNECTIONS: Final = 2_000
"""Connections and requests at once; more are answered 503."""

HEAD_MAX: Final = 96 * 1024
"""Bytes of request line and headers: room for a query string of 64 KiB and its escapes."""

URL_MAX: Final = 65_000
"""Bytes of a request's target that can be taken apart."""

HEAD_WITHIN: Final = 20.0
"""Seconds that a request's head may take to arrive."""

KEEP_ALIVE: Final = 30
"""Seconds that an idle connection is kept."""

STOP_WITHIN: Final = 5
"""Seconds that requests under way get at the end; a hangup needs two."""

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


def bind(address: Address) -> socket.socket:
    """A socket bound to the address. Raises ``OSError`` when it is in use or not ours."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address.host, address.port))
        # Listening at once makes a port that another process listens on an error here and now.
        sock.listen(socket.SOMAXCONN)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


class _Connection(HttpToolsProtocol):
    """A connection whose request heads are bounded in size and in time."""

    _head = 0
    _opening = b""
    _in_head = True
    _patience: asyncio.TimerHandle | None = None

    def connection_made(  # type: ignore[override] # as uvicorn has it
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_longer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head += len(data)
        begun = self._opening if self._in_head else b""
        self._opening = (begun + data[:_OPENING])[:_OPENING]
        super().data_received(data)
        if self._in_head and self._head > HEAD_MAX and not self.transport.is_closing():
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words for it
        unknown = _METHOD.match(self._opening)
        self.transport.write(_UNKNOWN_METHOD if unknown else _UNREADABLE)
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._wait()

    def on_headers_complete(self) -> None:
        self._in_head, self._head = False, 0
        self._wait_no_longer()
        if len(self.url) > URL_MAX:
            # What is too long to be taken apart is unreadable: the application answers so.
            self.url = self.url.partition(b"?")[0][:URL_MAX] + b"?%FF"
        super().on_headers_complete()

    def _wait(self) -> None:
        self._wait_no_longer()
        self._patience = self.loop.call_later(HEAD_WITHIN, self.transport.close)

    def _wait_no_longer(self) -> None:
        if self._patience is not None:
            self._patience.cancel()


class _Quiet(uvicorn.Server):
    """A server that leaves the process's signals to the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class HttpServer:
    """Answers HTTP on one socket from ``start`` to ``stop``."""

    def __init__(self, app: ASGIApp, sock: socket.socket) -> None:
        self._socket = sock
        self._server = _Quiet(
            uvicorn.Config(
                app,
                http=_Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE,
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
