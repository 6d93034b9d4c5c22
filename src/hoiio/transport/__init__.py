"""How a request gets to the service: one exchange of HTTP, whichever library does it.

A transport knows nothing of the API, of retries or of credentials. Its one judgement is whether a
request that failed may have left: ``maybe_sent`` of what it raises. Money depends on it.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Final,
    Generic,
    Literal,
    NamedTuple,
    Protocol,
    TypeVar,
    runtime_checkable,
)

from hoiio.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

Method = Literal["POST", "GET"]
Library = Literal["httpx2", "pyreqwest"]

ANSWER_MAX: Final = 8 * 1024 * 1024
"""Bytes; a full page of history is some 40 KiB."""
SILENCE: Final = 45.0
"""Seconds without a byte after which a stream counts as broken; a service sends one every 15."""
KEEPALIVE: Final = 4.0
"""Seconds that an idle connection is kept. Servers commonly drop one after 5; a request must not
race with that."""
PROXY_REFUSED: Final = (
    "a proxy's URL, the transport's or the environment's, cannot be used: write it like "
    "http://proxy.example:3128"
)
"""A library's own words may have the proxy's password in them."""


class HttpRequest(NamedTuple):
    """What is sent. Times are in seconds: to connect, and for everything until the body is read."""

    method: Method
    url: str
    headers: dict[str, str]
    body: bytes
    connect: float
    total: float

    def __repr__(self) -> str:
        # The body has the access token in it, with GET the URL has.
        return f"HttpRequest({self.method} {self.url.partition('?')[0]})"


class HttpResponse:
    """What came back, read to its end. ``headers`` should find a name in whatever case.

    The client looks for ``Hoiio-Features`` and ``Retry-After``, of a stream for ``Content-Type``.

    ``body`` is the content as a library's own JSON reader has it, None if that is not known. It is
    made use of only where readers cannot differ: of an object of texts.
    """

    __slots__ = ("body", "content", "headers", "status_code")

    def __init__(
        self,
        status_code: int,
        headers: Mapping[str, str],
        content: bytes,
        body: object = None,
    ) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content
        self.body = body

    @property
    def text(self) -> str:
        """The body as UTF-8; what is none is replaced."""
        return self.content.decode("utf-8", "replace")

    def __repr__(self) -> str:
        return f"HttpResponse({self.status_code}, {len(self.content)} bytes)"


class Opened(NamedTuple):
    """How a stream began."""

    content_type: str


class HttpStream(NamedTuple):
    """An answer whose body is still coming, piece by piece."""

    status_code: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]


class AsyncHttpStream(NamedTuple):
    """An answer whose body is still coming, piece by piece."""

    status_code: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class Transport(Protocol):
    """What ``Client(transport=…)`` takes. All methods may be used from many threads at once."""

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole answer; follow no redirect.

        Of a body that is longer than ``ANSWER_MAX`` bytes no more is needed than shows it.
        Raises ``ConnectionFailed`` or ``TimedOut``, whose ``maybe_sent`` is False only when not one
        byte of the request can have arrived; ``InvalidResponse`` for a body whose encoding is
        broken; ``NotConfigured`` for a URL that names no host.
        """
        ...

    def close(self) -> None:
        """Close all connections; a later request opens new ones."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """What a transport may do besides: without it, a call is watched by asking."""

    def stream(self, request: HttpRequest) -> AbstractContextManager[HttpStream]:
        """Send, and read the answer as it comes. Raises as ``send`` does, also between pieces."""
        ...


class AsyncTransport(Protocol):
    """What ``AsyncClient(transport=…)`` takes; the same in async."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """As :meth:`Transport.send`."""
        ...

    async def close(self) -> None:
        """As :meth:`Transport.close`."""
        ...


@runtime_checkable
class AsyncStreaming(Protocol):
    """What a transport may do besides; the same in async."""

    def stream(self, request: HttpRequest) -> AbstractAsyncContextManager[AsyncHttpStream]:
        """As :meth:`Streaming.stream`."""
        ...


T = TypeVar("T")


class Loaded(Generic[T]):
    """A transport of one's own, or the one that a name stands for: made at its first use, once."""

    def __init__(self, given: T | Library, load: Callable[[str], T]) -> None:
        self._name = ""
        self.now: T | None = None
        """The transport if it has been used, or is one's own."""
        if not isinstance(given, str):
            _check_shape(given, awaited=load is load_async)
            self.now = given
        elif given in {"httpx2", "pyreqwest"}:
            self._name = given
        else:
            raise InvalidArgument("transport", f"{_KINDS}, not {given!r}")
        self._load = load

    def __reduce__(self) -> tuple[object, ...]:
        # Connections are of one process: a copy makes its own.
        return Loaded, (self._name or self.now, self._load)

    def __call__(self) -> T:
        """The transport. Raises ``NotConfigured`` when its library is not installed."""
        if self.now is not None:
            return self.now
        from hoiio.transport.forks import making  # noqa: PLC0415 - slow to load

        with making:
            if self.now is None:
                self.now = self._load(self._name)
            return self.now


_KINDS: Final = "'httpx2', 'pyreqwest' or an object of your own"
_FOREIGN: Final = frozenset({"httpx", "httpx2", "requests"})
_COROUTINE: Final = 0x80
"""``inspect.CO_COROUTINE``; that module is slow to load."""


def _check_shape(given: object, *, awaited: bool) -> None:
    """Refuse what would fail at the first request only, when a call may have been placed by it.

    A plain function may return something to be awaited; only the package's own certainly do not.
    """
    if isinstance(given, type):
        raise InvalidArgument("transport", f"an instance, not the class {given.__name__}")
    name = type(given).__name__
    modules = {each.__module__ for each in type(given).__mro__}
    if any(module.partition(".")[0] in _FOREIGN for module in modules):
        raise InvalidArgument(
            "transport",
            f"{_KINDS}, not another library's {name}: for its settings see Httpx2Transport and "
            "AsyncHttpx2Transport of hoiio.transport.with_httpx2",
        )
    send = getattr(given, "send", None)
    if not callable(send) or not callable(getattr(given, "close", None)):
        raise InvalidArgument("transport", f"{_KINDS} that can send and close, not {given!r}")
    is_async = bool(getattr(getattr(send, "__code__", None), "co_flags", 0) & _COROUTINE)
    if is_async and not awaited:
        raise InvalidArgument("transport", f"one whose send is no coroutine: {name} is async")
    ours = any(module.startswith("hoiio.transport.with_") for module in modules)
    if awaited and ours and not is_async:
        raise InvalidArgument("transport", f"one whose send is a coroutine: use Async{name}")


def load(name: str) -> Transport:
    """The transport of a library."""
    if name == "httpx2":
        from hoiio.transport.with_httpx2 import Httpx2Transport  # noqa: PLC0415 - loaded at use

        return Httpx2Transport()
    from hoiio.transport.with_pyreqwest import PyreqwestTransport  # noqa: PLC0415 - loaded at use

    return PyreqwestTransport()


def load_async(name: str) -> AsyncTransport:
    """The transport of a library."""
    if name == "httpx2":
        from hoiio.transport.with_httpx2 import AsyncHttpx2Transport  # noqa: PLC0415 - loaded at use

        return AsyncHttpx2Transport()
    from hoiio.transport.with_pyreqwest import AsyncPyreqwestTransport  # noqa: PLC0415 - at use

    return AsyncPyreqwestTransport()
