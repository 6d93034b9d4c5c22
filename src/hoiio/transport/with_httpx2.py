"""The default transport: httpx2, loaded with this module, at the first request.

Its own time-outs are per read, so a server that sends a byte now and then could hold a request for
ever; here every read ends at the request's deadline.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Final, TypeVar
from urllib.parse import urlsplit

import anyio
import httpcore2
import httpx2

from hoiio.errors import ConnectionFailed, InvalidResponse, NotConfigured, TimedOut
from hoiio.transport import (
    ANSWER_MAX,
    KEEPALIVE,
    SILENCE,
    AsyncHttpStream,
    HttpRequest,
    HttpResponse,
    HttpStream,
)

Http = TypeVar("Http", httpx2.Client, httpx2.AsyncClient)
_AT_ONCE: Final = 100
_LIMITS: Final = httpx2.Limits(
    # Streams last; if they counted, a hundred calls that are watched would keep all requests out.
    max_connections=None,
    max_keepalive_connections=_AT_ONCE,
    keepalive_expiry=KEEPALIVE,
)


class Httpx2Transport:
    """A pool of connections, safe to share between threads and across a fork.

    ``proxy`` is a URL; without it the environment's (``HTTPS_PROXY``, ``NO_PROXY``) count.
    ``ca_file`` is a PEM file of the authorities to trust instead of the system's. ``http2`` needs
    ``httpx2[http2]``.
    """

    def __init__(
        self, *, proxy: str | None = None, ca_file: str | None = None, http2: bool = False
    ) -> None:
        self._options = _Options(proxy, ca_file, http2)
        self._lock = threading.Lock()
        self._http: httpx2.Client | None = None
        self._pid = 0

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole answer; see :meth:`hoiio.transport.Transport.send`."""
        _deadline.at = time.monotonic() + request.total
        try:
            response = self._client().send(_built(request), stream=True)
            try:
                content = _bounded(response.iter_bytes())
            finally:
                response.close()
        except _FAILURES as error:
            raise _told(error, request.url) from None
        return HttpResponse(response.status_code, response.headers, content)

    @contextmanager
    def stream(self, request: HttpRequest) -> Generator[HttpStream]:
        """Send, and read as it comes; see :meth:`hoiio.transport.Streaming.stream`."""
        end = time.monotonic() + request.total

        def pieces() -> Iterator[bytes]:
            source = response.iter_bytes()
            while True:
                _deadline.at = min(end, time.monotonic() + SILENCE)
                try:
                    piece = next(source, None)
                except _FAILURES as error:
                    raise _told(error, request.url) from None
                if piece is None:
                    return
                yield piece

        try:
            _deadline.at = min(end, time.monotonic() + SILENCE)
            response = self._client().send(_built(request), stream=True)
        except _FAILURES as error:
            raise _told(error, request.url) from None
        # What the reader raises is its own, a TimeoutError too.
        try:
            yield HttpStream(response.status_code, response.headers, pieces())
        finally:
            response.close()

    def close(self) -> None:
        """Close all connections; a later request opens new ones."""
        with self._lock:
            http, self._http = self._http, None
        if http is not None:
            http.close()

    def _client(self) -> httpx2.Client:
        http = self._http
        # A forked child must not speak on its parent's connections.
        if http is not None and self._pid == os.getpid():
            return http
        with self._lock:
            if self._http is None or self._pid != os.getpid():
                self._http = self._options.client()
                self._pid = os.getpid()
            return self._http


class AsyncHttpx2Transport:
    """The same for asyncio and trio; one instance serves the tasks of one event loop."""

    def __init__(
        self, *, proxy: str | None = None, ca_file: str | None = None, http2: bool = False
    ) -> None:
        self._options = _Options(proxy, ca_file, http2)
        self._http: httpx2.AsyncClient | None = None
        self._turns: anyio.Semaphore | None = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole answer; see :meth:`hoiio.transport.Transport.send`."""
        # Made before the time begins: loading what it needs is no time-out of the service's.
        http = self._client()
        end = time.monotonic() + request.total
        # The library's own queue for a connection costs more the longer it is.
        if self._turns is None:
            self._turns = anyio.Semaphore(_AT_ONCE, fast_acquire=True)
        turns = self._turns
        try:
            with anyio.fail_after(request.total * _INNER):
                await turns.acquire()
        except TimeoutError:
            raise _told(httpx2.PoolTimeout(""), request.url) from None
        try:
            with anyio.fail_after(end - time.monotonic()):
                response = await http.send(_built(request), stream=True)
                try:
                    content = await _bounded_async(response.aiter_bytes())
                finally:
                    await response.aclose()
        except _FAILURES as error:
            raise _told(error, request.url) from None
        finally:
            turns.release()
        return HttpResponse(response.status_code, response.headers, content)

    @asynccontextmanager
    async def stream(self, request: HttpRequest) -> AsyncGenerator[AsyncHttpStream]:
        """Send, and read as it comes; see :meth:`hoiio.transport.Streaming.stream`."""
        end = time.monotonic() + request.total

        def left() -> float:
            return max(0.0, min(end - time.monotonic(), SILENCE))

        async def pieces() -> AsyncGenerator[bytes]:
            source = response.aiter_bytes()
            while True:
                try:
                    with anyio.fail_after(left()):
                        piece = await anext(source, None)
                except _FAILURES as error:
                    raise _told(error, request.url) from None
                if piece is None:
                    return
                yield piece

        try:
            with anyio.fail_after(left()):
                response = await self._client().send(_built(request), stream=True)
        except _FAILURES as error:
            raise _told(error, request.url) from None
        # What the reader raises is its own, a TimeoutError too.
        try:
            async with aclosing(pieces()) as coming:
                yield AsyncHttpStream(response.status_code, response.headers, coming)
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close all connections; a later request opens new ones."""
        http, self._http, self._turns = self._http, None, None
        if http is not None:
            await http.aclose()

    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            self._http = self._options.async_client()
        return self._http


def _built(request: HttpRequest) -> httpx2.Request:
    """Waiting for a free connection may take all the time; nothing has been sent by then."""
    connect = min(request.connect, request.total * _INNER)
    timeout = {
        "connect": connect,
        "read": request.total,
        "write": request.total,
        "pool": request.total * _INNER,
    }
    return httpx2.Request(
        request.method,
        request.url,
        headers=request.headers,
        content=request.body,
        extensions={"timeout": timeout},
    )


_INNER: Final = 0.9
"""Where connecting may take all the time, it is to end a little before the whole request does: only
then is it known that nothing was sent."""

_FAILURES: Final = (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError)


def _told(error: Exception, url: str) -> Exception:
    """What the library raised, as the transport's own."""
    place = urlsplit(url).netloc.rpartition("@")[2]
    match error:
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return TimedOut(f"no connection to {place} in time", maybe_sent=False)
        case httpx2.TimeoutException() | TimeoutError():
            return TimedOut(f"no answer from {place} in time", maybe_sent=True)
        case httpx2.ConnectError() | httpx2.ProxyError():
            return ConnectionFailed(f"cannot reach {place}: {error}", maybe_sent=False)
        case httpx2.InvalidURL() | httpx2.UnsupportedProtocol():
            return NotConfigured(f"the base URL cannot be used: {error}")
        case httpx2.DecodingError():
            return InvalidResponse("its encoding is broken", "")
        case _:
            return ConnectionFailed(f"the connection to {place} broke: {error}", maybe_sent=True)


def _bounded(pieces: Iterator[bytes]) -> bytes:
    """The whole body, or as much as shows that it is too large."""
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > ANSWER_MAX:
            break
    return bytes(body)


async def _bounded_async(pieces: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > ANSWER_MAX:
            break
    return bytes(body)


class _Options:
    """What both clients are built with."""

    def __init__(self, proxy: str | None, ca_file: str | None, http2: bool) -> None:
        self._proxy = proxy
        self._ca_file = ca_file
        self._http2 = http2

    def client(self) -> httpx2.Client:
        http = self._made(httpx2.Client)
        # The library has no public way to bring one's own backend; a test sees it if this breaks.
        transports = (http._transport, *http._mounts.values())  # pyright: ignore[reportPrivateUsage]
        for each in transports:
            if isinstance(each, httpx2.HTTPTransport):
                # pyrefly: ignore[missing-attribute]
                each._pool._network_backend = _Punctual()  # pyright: ignore[reportPrivateUsage]
        return http

    def async_client(self) -> httpx2.AsyncClient:
        return self._made(httpx2.AsyncClient)

    def _made(self, kind: type[Http]) -> Http:
        verify = self._verify()
        try:
            return kind(limits=_LIMITS, proxy=self._proxy, verify=verify, http2=self._http2)
        except (httpx2.InvalidURL, ValueError) as error:
            # Its words may have the proxy's password in them.
            why = type(error).__name__
            raise NotConfigured(
                "a proxy's URL, the transport's or the environment's, cannot be used: write it "
                f"like http://proxy.example:3128 ({why})"
            ) from None
        except ImportError as error:
            raise NotConfigured(str(error).replace("httpx[", "httpx2[")) from None

    def _verify(self) -> ssl.SSLContext | bool:
        if self._ca_file is None:
            return True
        try:
            return ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            raise NotConfigured(f"ca_file {self._ca_file!r} cannot be used: {error}") from error


class _Deadline(threading.local):
    """When the request that this thread makes must be over, on the monotonic clock."""

    at: float = float("inf")


_deadline = _Deadline()


class _Punctual(httpcore2.SyncBackend):
    """The library's own sockets, with every read and write ended by the deadline."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        stream = super().connect_tcp(host, port, left, local_address, socket_options)
        return _PunctualStream(stream)


def _left(timeout: float | None, late: type[httpcore2.TimeoutException]) -> float:
    """Seconds until the deadline, or the time-out if that is earlier."""
    left = _deadline.at - time.monotonic()
    if left <= 0:
        raise late("all the time is used up")
    return left if timeout is None else min(timeout, left)


class _PunctualStream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _PunctualStream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)
