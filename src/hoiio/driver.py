"""Who makes the requests: once sync, once async.

The rules are in :mod:`hoiio.exchange`; here is only how to send, to sleep and to hand on.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, TypeVar

from hoiio.answer import Answer
from hoiio.errors import ConnectionFailed, HoiioException, NotConfigured
from hoiio.exchange import Exchange, Sleep

if TYPE_CHECKING:
    import asyncio

    from hoiio.transport import AsyncTransport, HttpRequest, HttpResponse

R = TypeVar("R", bound=Answer)


class Sender(Protocol):
    """What a transport is here."""

    def send(self, request: HttpRequest) -> HttpResponse:
        """As :meth:`hoiio.transport.Transport.send`."""
        ...


def run(transport: Sender, exchange: Exchange[R], *, strict: bool = False) -> R:
    """Make a request, for its answer; if ``strict``, an error of the API is raised."""
    request = exchange.begin()
    while True:
        try:
            outcome = transport.send(request)
        except HoiioException as error:
            result = exchange.heard(error)
        except OSError as error:
            result = exchange.heard(unsure(error))
        else:
            result = exchange.heard(outcome)
        if not isinstance(result, Sleep):
            return result.raise_for_error() if strict else result
        time.sleep(result.seconds)
        request = exchange.again()


def unsure(error: OSError) -> ConnectionFailed:
    """What a transport of one's own should have raised: nobody knows what was sent by then.

    Its own words may hold what was sent, token and all.
    """
    failed = ConnectionFailed(f"the transport raised {type(error).__name__}", maybe_sent=True)
    failed.__cause__ = error
    return failed


def not_awaitable(given: object) -> NotConfigured:
    """What an async transport of one's own should not have given; the request may have arrived."""
    error = NotConfigured(
        f"the transport's send gave {type(given).__name__}, not an awaitable of an HttpResponse: "
        "AsyncClient takes one with 'async def send'"
    )
    error.maybe_sent = True
    return error


async def run_async(transport: AsyncTransport, exchange: Exchange[R], *, strict: bool = False) -> R:
    """The same for asyncio and trio."""
    request = exchange.begin()
    while True:
        try:
            coming = transport.send(request)
            try:
                outcome: HttpResponse | NotConfigured = await coming
            except TypeError:
                if hasattr(coming, "__await__"):
                    raise
                outcome = not_awaitable(coming)
        except HoiioException as error:
            result = exchange.heard(error)
        except OSError as error:
            result = exchange.heard(unsure(error))
        else:
            result = exchange.heard(outcome)
        if not isinstance(result, Sleep):
            return result.raise_for_error() if strict else result
        await sleep_async(result.seconds)
        request = exchange.again()


async def sleep_async(seconds: float) -> None:
    """Under whichever of the two libraries runs this."""
    if asyncio_loop() is not None:
        import asyncio  # noqa: PLC0415 - slow to load

        await asyncio.sleep(seconds)
    else:
        import trio  # noqa: PLC0415 - only its users have it

        await trio.sleep(seconds)


def asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs this; None under trio."""
    import asyncio  # noqa: PLC0415 - slow to load

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
