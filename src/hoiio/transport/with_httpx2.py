"""The default transport: httpx2, loaded with this module, at the first request.

Its own time-outs are per read, so a server that sends a byte now and then could hold a request for
ever; here every read ends at the request's deadline.
"""

from __future__ import annotations

# Else a first request would load it, and a fork might come between.
import encodings.idna  # noqa: F401 # pyright: ignore[reportUnusedImport]
import logging
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

import anyio
import httpcore2
import httpx2

from hoiio.driver import asyncio_loop
from hoiio.errors import ConnectionFailed, InvalidResponse, NotConfigured, TimedOut
from hoiio.transport import (
    ANSWER_MAX,
    KEEPALIVE,
    PROXY_REFUSED,
    SILENCE,
    AsyncHttpStream,
    HttpRequest,
    HttpResponse,
    HttpStream,
)
from hoiio.transport.forks import making

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
    ``httpx2[http2]``, and one thread at a time: the library's own is not safe between threads.
    """

    def __init__(
        self, *, proxy: str | None = None, ca_file: str | None = None, http2: bool = False
    ) -> None:
        self._options = _Options(proxy, ca_file, http2)
        self._http: httpx2.Client | None = None
        self._pid = 0

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole answer; see :meth:`hoiio.transport.Transport.send`."""
        # Made before the time begins: loading what it needs is no time-out of the service's.
        http = self._client()
        _deadline.at = time.monotonic() + request.total
        try:
            response = http.send(_built(request), stream=True)
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
        """Close all connections; a later request opens new ones.

        A request that is under way goes on; its connection is closed after it.
        """
        with making:
            http, self._http = self._http, None
        if http is not None and self._pid == os.getpid():
            for pool in _pools(http):
                pool._close_connections(_retired(pool))

    def _client(self) -> httpx2.Client:
        http = self._http
        # A forked child must not speak on its parent's connections.
        if http is not None and self._pid == os.getpid():
            return http
        with making:
            if self._http is None or self._pid != os.getpid():
                self._http = self._options.client()
                self._pid = os.getpid()
            return self._http


class AsyncHttpx2Transport:
    """The same for asyncio and trio; one instance serves the tasks of one event loop at a time.

    In another loop it opens new connections, and drops those of the one before.
    """

    def __init__(
        self, *, proxy: str | None = None, ca_file: str | None = None, http2: bool = False
    ) -> None:
        self._options = _Options(proxy, ca_file, http2)
        self._home: _Home | None = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole answer; see :meth:`hoiio.transport.Transport.send`."""
        # Before the time begins, as above.
        _, http, turns = self._here()
        end = time.monotonic() + request.total
        try:
            with anyio.fail_after(request.total * _INNER):
                await turns.acquire()
        except TimeoutError:
            raise _told(httpx2.PoolTimeout(""), request.url) from None
        try:
            with anyio.fail_after(end - time.monotonic()):
                response = await http.send(_built(request), stream=True)
                try:
                    async with aclosing(response.aiter_bytes()) as pieces:
                        content = await _bounded_async(pieces)
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
            async with aclosing(response.aiter_bytes()) as source:
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
                response = await self._here().http.send(_built(request), stream=True)
        except _FAILURES as error:
            raise _told(error, request.url) from None
        # What the reader raises is its own, a TimeoutError too.
        try:
            async with aclosing(pieces()) as coming:
                yield AsyncHttpStream(response.status_code, response.headers, coming)
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close all connections; a later request opens new ones.

        A request that is under way goes on; its connection is closed after it.
        """
        home, self._home = self._home, None
        if home is not None and home.loop is _running_loop():
            for pool in _pools(home.http):
                await pool._close_connections(_retired(pool))

    def _here(self) -> _Home:
        home, loop = self._home, _running_loop()
        # A loop that has ended can no longer close its connections, only forget them.
        if home is None or home.loop is not loop:
            turns = anyio.Semaphore(_AT_ONCE, fast_acquire=True)
            home = self._home = _Home(loop, self._options.async_client(), turns)
        return home


class _Home(NamedTuple):
    """What can be used in one event loop only."""

    loop: object
    http: httpx2.AsyncClient
    turns: anyio.Semaphore
    """The library's own queue for a connection costs more the longer it is."""


def _running_loop() -> object:
    """What tells one run of asyncio or trio from another."""
    loop = asyncio_loop()
    if loop is not None:
        return loop
    import trio  # noqa: PLC0415 - only its users have it

    return trio.lowlevel.current_trio_token()


def _pools(http: httpx2.Client | httpx2.AsyncClient) -> list[Any]:
    """The pools behind a client, one for each proxy.

    The library has no public way to reach them; tests see it if this breaks.
    """
    transports = (http._transport, *http._mounts.values())  # pyright: ignore[reportPrivateUsage]
    kinds = (httpx2.HTTPTransport, httpx2.AsyncHTTPTransport)
    return [each._pool for each in transports if isinstance(each, kinds)]  # pyright: ignore[reportPrivateUsage]


def _retired(pool: Any) -> list[Any]:
    """The connections of a pool to close now: it keeps none after a request any more.

    The library's own way to close breaks off what is under way.
    """
    with pool._optional_thread_lock:
        pool._max_keepalive_connections = 0
        idle: list[Any] = pool._assign_requests_to_connections()
        return idle


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


class _Hiding(logging.Filter):
    """Keeps tokens and passwords of URLs out of what the library logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        shown = _SECRETS.sub(r"\1\2[hidden]", said)
        if shown != said:
            record.msg, record.args = shown, None
        return True


_SECRETS: Final = re.compile(
    r"((?:access_token(?:=|%3D)|Basic ))[^&\s'\"\\]+|(://)[^/?#@\s]+(?=@)", re.IGNORECASE
)
for _name in ("httpx2", "httpcore2.http11", "httpcore2.http2", "hpack.hpack", "hpack.table"):
    logging.getLogger(_name).addFilter(_Hiding())

_INNER: Final = 0.9
"""Where connecting may take all the time, it is to end a little before the whole request does: only
then is it known that nothing was sent."""

_FAILURES: Final = (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, UnicodeError)


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
        # Trio lets through what a host's name cannot be encoded for.
        case httpx2.InvalidURL() | httpx2.UnsupportedProtocol() | UnicodeError():
            return NotConfigured(f"the base URL cannot be used: {error}")
        case httpx2.DecodingError():
            return InvalidResponse("its encoding is broken", "")
        case _:
            why = _UNQUOTED.match(str(error))
            return ConnectionFailed(
                f"the connection to {place} broke: {why and why[0].strip()}", maybe_sent=True
            )


_UNQUOTED: Final = re.compile(r"(?:\[[^]]*\])?[^:({<'\"]*")
"""Of the library's words what comes before a quotation, which may be of the request, token and all,
where somebody sends that back. An error of the system or of TLS begins with its name in brackets.
"""


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
        for pool in _pools(http):
            pool._network_backend = _Punctual()
        return http

    def async_client(self) -> httpx2.AsyncClient:
        return self._made(httpx2.AsyncClient)

    def _made(self, kind: type[Http]) -> Http:
        verify = self._trusted
        try:
            return kind(
                limits=_LIMITS,
                proxy=self._proxy,
                verify=verify,
                http2=self._http2,
                # The library would keep, and look through, what each answer sets.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            )
        except (httpx2.InvalidURL, ValueError) as error:
            raise NotConfigured(f"{PROXY_REFUSED} ({type(error).__name__})") from None
        except ImportError as error:
            raise NotConfigured(str(error).replace("httpx[", "httpx2[")) from None

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        """Made once for the clients of all event loops: there are many authorities to read."""
        try:
            if self._ca_file is None:
                return httpx2.create_ssl_context()
            return ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            given = {name: os.environ[name] for name in _SSL_SETTINGS if name in os.environ}
            named = given if self._ca_file is None else {"ca_file": self._ca_file}
            files = " or ".join(f"{name} {value!r}" for name, value in named.items())
            whose = files or "the system's authorities"
            raise NotConfigured(f"{whose} cannot be used: {error}") from error


_SSL_SETTINGS: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


class _Deadline(threading.local):
    """When the request that this thread makes must be over, on the monotonic clock."""

    at: float = float("inf")


_deadline = _Deadline()


class _Punctual(httpcore2.SyncBackend):
    """The library's own sockets, with connecting, every read and every write ended in time."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        end = time.monotonic() + _left(timeout, httpcore2.ConnectTimeout)
        addresses = _addresses(host, port, end)
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for n, address in enumerate(addresses):
            # One that does not answer leaves the others their share.
            share = max(end - time.monotonic(), _SHORTEST) / (len(addresses) - n)
            try:
                stream = super().connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _PunctualStream(stream)
        raise failure


_SHORTEST: Final = 0.001


def _addresses(host: str, port: int, end: float) -> list[str]:
    """Where a host is. The system's resolver knows no time-out, so a thread waits for it."""
    answer: SimpleQueue[list[str] | Exception] = SimpleQueue()

    def look_up(flags: int = 0) -> list[str]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
        # Unlike the address itself, this has the interface of one that is local to a link.
        numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        return [socket.getnameinfo(each[4], numeric)[0] for each in found]

    def resolve() -> None:
        try:
            answer.put(look_up())
        except (OSError, UnicodeError) as error:
            answer.put(error)

    try:
        return look_up(socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        pass
    try:
        threading.Thread(target=resolve, name="hoiio-resolver", daemon=True).start()
    except RuntimeError:
        # Python's end lets no thread begin, but a last request may be made.
        resolve()
    try:
        found = answer.get(timeout=max(end - time.monotonic(), 0))
    except Empty:
        raise httpcore2.ConnectTimeout(f"{host} was not resolved in time") from None
    if isinstance(found, Exception):
        raise httpcore2.ConnectError(str(found)) from found
    return found


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
