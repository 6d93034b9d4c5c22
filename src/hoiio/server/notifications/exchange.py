"""One HTTP request to one of a few given addresses, and as much of its answer as is of interest.

Built on httpcore2 as it does nothing by itself: it follows no redirect, keeps no cookie and reads
no proxy from the environment, and its network backend can be told where to connect.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpcore2
from httpcore2 import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream

from hoiio.server.notifications.shortage import OutOfFiles, is_shortage
from hoiio.server.notifications.target import IPAddress, Target

CONNECT: Final = 5.0
"""Seconds for one address while there is another to try."""
BODY_MAX: Final = 64 * 1024
"""Bytes of an answer's body that are read, so that its sender need not see it fail."""
READ_MAX: Final = 3 * BODY_MAX
"""Bytes after which nothing of an answer is read, headers and interim answers included."""
DRAIN: Final = 1.0
"""Seconds for that body: its sender has accepted already, and others wait for their turn."""
_TOLD_MAX: Final = 200


class Failed(Exception):
    """There was no answer; the message says why, for the operator's log."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is of interest of an answer."""

    status: int
    retry_after: str | None


def authorities() -> ssl.SSLContext:
    """Trust as the system does (or ``SSL_CERT_FILE``); takes some tens of milliseconds to read."""
    return httpcore2.default_ssl_context()


async def post(
    target: Target,
    addresses: Sequence[IPAddress],
    body: bytes,
    headers: Mapping[str, str],
    tls: ssl.SSLContext | None,
    *,
    until: float,
) -> Answer:
    """Post to the first of ``addresses`` that takes the connection.

    Raises ``Failed``, ``OutOfFiles``, or ``TimeoutError`` where no head of an answer came ``until``
    then, by the loop's clock. Once one came, nothing that follows it makes the answer a failure.
    """
    url = httpcore2.URL(
        scheme=target.scheme, host=target.host, port=target.port, target=target.path
    )
    ours = {"Host": target.authority, "Connection": "close", "User-Agent": "hoiio"}
    answer: Answer | None = None
    try:
        async with (
            asyncio.timeout_at(until),
            httpcore2.AsyncHTTPConnection(
                url.origin, ssl_context=tls, network_backend=_Pinned(addresses)
            ) as connection,
            connection.stream(
                "POST", url, headers=list((ours | dict(headers)).items()), content=body
            ) as response,
        ):
            answer = Answer(response.status, _header(response, b"retry-after"))
            await _drain(response, until)
    except TimeoutError:
        if answer is None:
            raise
    except (httpcore2.NetworkError, httpcore2.TimeoutException, OSError) as error:
        if answer is None and is_shortage(error):
            raise OutOfFiles from None
        if answer is None:
            raise Failed(_told("cannot connect or lost the connection", error)) from None
    except httpcore2.ProtocolError as error:
        if answer is None:
            raise Failed(_told("the answer is not HTTP", error)) from None
    return answer


async def _drain(response: httpcore2.Response, until: float) -> None:
    """Read what may be read of the body; whatever becomes of it, the answer stands."""
    length = 0
    latest = min(until, asyncio.get_running_loop().time() + DRAIN)
    try:
        async with asyncio.timeout_at(latest):
            async for chunk in response.aiter_stream():
                length += len(chunk)
                if length >= BODY_MAX:
                    break
    except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError):  # also TimeoutError
        return


def _header(response: httpcore2.Response, name: bytes) -> str | None:
    values = [value for key, value in response.headers if key.lower() == name]
    return values[0].decode("latin-1") if values else None


def _told(what: str, error: Exception) -> str:
    text = " ".join(str(error).split())
    printable = "".join(each for each in text if each.isprintable())
    return f"{what}: {printable or type(error).__name__}"[:_TOLD_MAX]


class _Pinned(AsyncNetworkBackend):
    """Connects to the given addresses, in their order, whatever the name is."""

    def __init__(self, addresses: Sequence[IPAddress]) -> None:
        self._addresses = addresses
        self._inner = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the name has been looked up
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the base class's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        *first, last = self._addresses
        for address in first:
            try:
                return await self._connect(address, port, CONNECT, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._connect(last, port, None, local_address, socket_options)

    async def _connect(
        self,
        address: IPAddress,
        port: int,
        within: float | None,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> AsyncNetworkStream:
        # pyrefly: ignore[missing-attribute]
        stream = await self._inner.connect_tcp(
            str(address), port, within, local_address, socket_options
        )
        return _Bounded(stream)


class _Bounded(AsyncNetworkStream):
    """A connection that is not read on once ``READ_MAX`` bytes have come."""

    def __init__(self, inner: AsyncNetworkStream) -> None:
        self._inner = inner
        self._left = READ_MAX

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._left <= 0:
            raise httpcore2.ReadError("the answer is too long")
        data = await self._inner.read(max_bytes, timeout)
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> AsyncNetworkStream:
        try:
            return _Bounded(await self._inner.start_tls(ssl_context, server_hostname, timeout))
        except BaseException:
            # Cancelled in mid-handshake, the library forgets the connection without closing it.
            await self._inner.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
