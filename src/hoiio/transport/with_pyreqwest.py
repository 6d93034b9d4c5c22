"""The fast transport: pyreqwest, a binding of Rust's reqwest. Loaded with this module.

Its extra is ``hoiio[fast]``. It runs on threads and asyncio, not on trio. It reads no streams: the
library's own can block for ever, past its time-outs.
"""

from __future__ import annotations

import asyncio
import atexit
import math
import os
import ssl
import time
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar, overload
from urllib.parse import urlsplit

from hoiio import wire
from hoiio.defaults import TOTAL_TIMEOUT
from hoiio.errors import (
    ConnectionFailed,
    HoiioException,
    InvalidResponse,
    NotConfigured,
    TimedOut,
)
from hoiio.transport import ANSWER_MAX, KEEPALIVE, PROXY_REFUSED, HttpRequest, HttpResponse
from hoiio.transport.forks import making

try:
    from pyreqwest.client import (
        Client,
        ClientBuilder,
        SyncClient,
        SyncClientBuilder,
    )
    from pyreqwest.exceptions import (
        BodyDecodeError,
        DecodeError,
        RequestError,
        RequestTimeoutError,
    )
    from pyreqwest.http import Url
    from pyreqwest.proxy import ProxyBuilder
    from pyreqwest.request import RequestBuilder, SyncRequestBuilder
    from pyreqwest.response import BaseResponse
except ImportError as error:
    raise NotConfigured(
        "the transport 'pyreqwest' needs its extra: pip install 'hoiio[fast]'"
    ) from error

# Its threads may still be letting go of the last answer when Python ends, which then aborts the
# process: about once in forty times. Until the library waits for them, leave them a moment.
atexit.register(time.sleep, 0.01)

_Pool = tuple[float, bool]
"""Seconds to connect, which the library knows only of a whole client; and whether its requests say
what their body is: then they say that it is a form, unless they say otherwise themselves."""
_HEADERS: Final = {"Content-Type": wire.FORM}
"""Those of nearly all requests. The library takes its time for what is handed over with each."""

T = TypeVar("T")
Http = TypeVar("Http", Client, SyncClient)
Builder = TypeVar("Builder", ClientBuilder, SyncClientBuilder)
Request = TypeVar("Request", RequestBuilder, SyncRequestBuilder)

_NOT_CONNECTED: Final = "client error (Connect)"
"""Among the causes of a failure: not one byte of the request was sent."""
_DECODING: Final = "error decoding response body"
_CUT_OFF: Final = "error reading a body from connection"
"""Both are among the causes of a DecodeError when the connection broke; only the first when the
body is what is wrong, and none when the head was no HTTP."""


class PyreqwestTransport:
    """A pool of connections, safe to share between threads.

    A process that was forked after its parent's first request cannot use the library any more: all
    its transports raise ``NotConfigured``.

    ``proxy`` is a URL; without it the environment's (``HTTPS_PROXY``, ``NO_PROXY``) count.
    ``ca_file`` is a PEM file of authorities to trust besides the system's.
    """

    def __init__(
        self, *, proxy: str | None = None, ca_file: str | None = None, http2: bool = False
    ) -> None:
        self._options = _Options(proxy, ca_file, http2)
        self._clients: dict[_Pool, SyncClient] = {}
        self._pid = os.getpid()

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole answer; see :meth:`hoiio.transport.Transport.send`."""
        try:
            url = _parsed(request.url) if request.body else request.url
            http = self._client(request).request(request.method, url)
            response = _filled(http, request).build().send()
            content = response.bytes().to_bytes()
            try:
                body = response.json() if len(content) < _SMALL else None
            except BodyDecodeError:
                body = None
            return _answer(response, content, body)
        except (RequestError, ValueError) as error:
            raise _told(error, request.url) from None

    def close(self) -> None:
        """Close all connections; a later request opens new ones.

        A request that is under way goes on; its connection is closed after it.
        """
        # The library does that for a client that nobody holds; its own close() breaks off requests.
        with making:
            self._clients = {}

    def _client(self, request: HttpRequest) -> SyncClient:
        pool = request.connect, "Content-Type" in request.headers
        if request.connect >= request.total:
            pool = _within(request.total), pool[1]
        known = self._clients.get(pool)
        if known is not None and self._pid == os.getpid():
            return known
        with making:
            if self._pid != os.getpid():
                if self._clients:
                    raise NotConfigured(_FORKED)
                self._pid = os.getpid()
            known = self._clients.get(pool)
            if known is None:
                builder = self._options.apply(SyncClientBuilder(), pool)
                with _no_fork_before():
                    known = builder.build()
                _keep(self._clients, pool, known)
            return known


class AsyncPyreqwestTransport:
    """The same for asyncio; one instance serves the tasks of any event loop."""

    def __init__(
        self, *, proxy: str | None = None, ca_file: str | None = None, http2: bool = False
    ) -> None:
        self._options = _Options(proxy, ca_file, http2)
        self._clients: dict[_Pool, Client] = {}
        self._pid = os.getpid()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole answer; see :meth:`hoiio.transport.Transport.send`."""
        try:
            url = _parsed(request.url) if request.body else request.url
            http = self._client(request).request(request.method, url)
            response = await _filled(http, request).build().send()
            content = (await response.bytes()).to_bytes()
            try:
                body = await response.json() if len(content) < _SMALL else None
            except BodyDecodeError:
                body = None
            return _answer(response, content, body)
        except (RequestError, ValueError) as error:
            raise _told(error, request.url) from None

    async def close(self) -> None:
        """As :meth:`PyreqwestTransport.close`."""
        self._clients = {}

    def _client(self, request: HttpRequest) -> Client:
        pool = request.connect, "Content-Type" in request.headers
        if request.connect >= request.total:
            pool = _within(request.total), pool[1]
        known = self._clients.get(pool)
        if self._pid != os.getpid():
            if self._clients:
                raise NotConfigured(_FORKED)
            self._pid = os.getpid()
        if known is None:
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                raise NotConfigured(
                    "the transport 'pyreqwest' runs on asyncio only; on trio use 'httpx2'"
                ) from None
            builder = self._options.apply(ClientBuilder(), pool)
            with _no_fork_before():
                known = builder.build()
            _keep(self._clients, pool, known)
        return known


class _Headers(Mapping[str, str]):
    """The library's own, which fail for a value that is no text: here there is none then."""

    __slots__ = ("kept",)
    kept: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        try:
            return self.kept[name]
        except ValueError:
            raise KeyError(name) from None

    @overload
    def get(self, name: str, default: None = None, /) -> str | None: ...

    @overload
    def get(self, name: str, default: str, /) -> str: ...

    @overload
    def get(self, name: str, default: T, /) -> str | T: ...

    def get(self, name: str, default: T | None = None, /) -> str | T | None:
        """Cheaper than by an exception, which a service without the header would cost each time."""
        try:
            return self.kept.get(name, default)
        except ValueError:
            return default

    def __iter__(self) -> Iterator[str]:
        # A name that comes twice is listed twice by the library.
        return (name for name in dict.fromkeys(self.kept) if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@contextmanager
def _no_fork_before() -> Generator[None]:
    """Where the library makes its first client, or finds out that its parent process did."""
    try:
        yield
    except RuntimeError as error:
        if "fork" not in str(error):
            raise
        raise NotConfigured(_FORKED) from None


_FORKED: Final = (
    "the transport 'pyreqwest' does not outlive a fork: make the first request after it, start "
    "processes by 'spawn', or use transport='httpx2'"
)


def _keep(clients: dict[_Pool, Http], pool: _Pool, http: Http) -> None:
    """Of many pools the oldest makes room; its connections are closed after their requests."""
    if len(clients) >= _POOLS_MAX:
        del clients[next(iter(clients))]
    clients[pool] = http


_POOLS_MAX: Final = 16


class _Options:
    """What both clients are built with."""

    def __init__(self, proxy: str | None, ca_file: str | None, http2: bool) -> None:
        self._proxy = proxy
        self._http2 = http2
        self._authorities: bytes | None = None
        if ca_file is not None:
            try:
                # The library passes over a file that has no certificate in it.
                ssl.create_default_context(cafile=ca_file)
                self._authorities = Path(ca_file).read_bytes()
            except OSError as error:
                raise NotConfigured(f"ca_file {ca_file!r} cannot be used: {error}") from error

    def apply(self, builder: Builder, pool: _Pool) -> Builder:
        connect, typed = pool
        builder = (
            builder.follow_redirects(enable=False)
            .referer(enable=False)
            # The library would unpack a small body to any size.
            .gzip(enable=False)
            .brotli(enable=False)
            .zstd(enable=False)
            .deflate(enable=False)
            .http2(self._http2)
            .connect_timeout(timedelta(seconds=connect))
            .timeout(timedelta(seconds=TOTAL_TIMEOUT))
            .pool_idle_timeout(timedelta(seconds=KEEPALIVE))
        )
        if typed:
            builder = builder.default_headers(_HEADERS)
        if self._proxy is not None:
            builder = builder.proxy(self._through(self._proxy))
        if self._authorities is not None:
            builder = builder.add_root_certificate_pem(self._authorities)
        return builder

    @staticmethod
    def _through(proxy: str) -> ProxyBuilder:
        try:
            # The library passes over a scheme that it does not know, and would go without a proxy.
            if urlsplit(proxy).scheme not in {"http", "https", "socks4", "socks5", "socks5h"}:
                raise ValueError("no proxy's scheme")  # noqa: TRY301 - one kind of failure for all
            return ProxyBuilder.all(proxy)
        except ValueError as error:
            raise NotConfigured(f"{PROXY_REFUSED} ({type(error).__name__})") from None


def _answer(response: BaseResponse, content: bytes, body: object) -> HttpResponse:
    headers = _Headers()
    headers.kept = response.headers
    if body is None and headers.get("Content-Encoding", "").lower() in _ENCODINGS:
        content = _unpacked(content)
    return HttpResponse(response.status, headers, content, body)


_ENCODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})


def _unpacked(content: bytes) -> bytes:
    """What was compressed though nobody asked for it, or as much as shows that it is too large."""
    try:
        return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(content, ANSWER_MAX + 1)
    except zlib.error:
        raise InvalidResponse("its encoding is broken", "") from None


_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS + 32
"""The head of the data tells which."""


_SMALL: Final = 2048
"""Bytes; what is longer is a page of history, which has more than texts in it."""


@lru_cache(maxsize=64)
def _parsed(url: str) -> Url:
    """One without parameters, which is the same again and again, and has no access token in it."""
    return Url(url)


def _within(total: float) -> float:
    """Seconds to connect that end before the whole request does: then nothing was sent, for sure.

    There is a pool for each, so what is left of a deadline is rounded down.
    """
    return math.exp2(math.floor(math.log2(total * _INNER) * 4) / 4)


_INNER: Final = 0.9


def _filled(http: Request, request: HttpRequest) -> Request:
    if request.total != TOTAL_TIMEOUT:
        http = http.timeout(timedelta(seconds=request.total))
    if request.headers != _HEADERS:
        http = http.headers(request.headers)
    # Text is copied. Of bytes the library keeps the object, and its threads then stand in line for
    # the interpreter to let go of it: half as much again for a request.
    return http.body_text(request.body.decode("ascii")) if request.body else http


def _told(error: RequestError | ValueError, url: str) -> HoiioException:
    """What the library raised, as the transport's own."""
    place = urlsplit(url).netloc.rpartition("@")[2]
    if not isinstance(error, RequestError):
        # The library's own words may repeat the URL, which with GET has the access token in it.
        return NotConfigured(f"the base URL cannot be used: {place}")
    causes = [cause["message"] for cause in error.details["causes"] or []]
    reason = causes[-1] if causes else error.message
    # The class alone does not tell: a connection that breaks before the answer is a ConnectError.
    unsent = _NOT_CONNECTED in causes
    match error:
        case RequestTimeoutError() if unsent:
            return TimedOut(f"no connection to {place} in time", maybe_sent=False)
        case RequestTimeoutError():
            return TimedOut(f"no answer from {place} in time", maybe_sent=True)
        case DecodeError() if _DECODING in causes and _CUT_OFF not in causes:
            return InvalidResponse("its encoding is broken", "")
        case _ if unsent:
            return ConnectionFailed(f"cannot reach {place}: {reason}", maybe_sent=False)
        case _:
            return ConnectionFailed(f"the connection to {place} broke: {reason}", maybe_sent=True)
