"""Who performs the steps that requests, watching and paging are made of: once sync, once async.

The rules are in :mod:`hoiio.exchange`, :mod:`hoiio.watching` and :mod:`hoiio.paging`; here is only
how to send, sleep, read a stream and do one thing beside another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from hoiio.answer import Answer
from hoiio.errors import HoiioException
from hoiio.exchange import Exchange, Outcome, Sleep
from hoiio.paging import Begin, Entries, Finish, Paging
from hoiio.transport import (
    AsyncStreaming,
    AsyncTransport,
    HttpRequest,
    Opened,
    Streaming,
    Transport,
)
from hoiio.watching import Open, Step, Tell, Watching

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R", bound=Answer)


class Driver:
    """Blocks the thread that it is called in. ``transport`` gives the one to use now."""

    def __init__(self, transport: Callable[[], Transport]) -> None:
        self._transport = transport

    def run(self, exchange: Exchange[R], *, strict: bool = False) -> R:
        """Make a request, for its answer; if ``strict``, an error of the API is raised."""
        send = self._transport().send
        request = exchange.begin()
        while True:
            try:
                outcome = send(request)
            except HoiioException as error:
                result = exchange.heard(error)
            else:
                result = exchange.heard(outcome)
            if not isinstance(result, Sleep):
                return result.raise_for_error() if strict else result
            time.sleep(result.seconds)
            request = exchange.again()

    def wait(self, steps: Generator[Step, Outcome, T]) -> T:
        """Follow a call, for the answer that was waited for."""
        outcome: Outcome = None
        with ExitStack() as streams:
            listener = _Listener(self._transport(), streams)
            streams.callback(steps.close)
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration as done:
                    return cast("T", done.value)
                outcome = listener.perform(step)

    def watch(self, steps: Watching[R]) -> Iterator[R]:
        """Follow a call, change by change."""
        outcome: Outcome = None
        with ExitStack() as streams:
            listener = _Listener(self._transport(), streams)
            streams.callback(steps.close)
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration:
                    return
                if isinstance(step, Tell):
                    outcome = None
                    yield step.answer
                else:
                    outcome = listener.perform(step)

    def walk(self, steps: Paging[R]) -> Iterator[R]:
        """Go through a history; the next page is asked for in a thread of its own."""
        ahead: Future[R] | None = None
        outcome: R | HoiioException | None = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration:
                return
            outcome = None
            match step:
                case Begin():
                    ahead = _set_off(self.run, step.exchange)
                case Finish():
                    outcome = _result(ahead)
                case Entries():
                    yield from step.entries
                case Sleep():
                    time.sleep(step.seconds)


class _Listener:
    """Performs the steps of one that watches; at most one stream is open at a time."""

    def __init__(self, transport: Transport, streams: ExitStack) -> None:
        self._transport = transport
        self._stream = streams.enter_context(ExitStack())
        self._pieces: Iterator[bytes] = iter(())

    def perform(self, step: Step) -> Outcome:
        try:
            match step:
                case HttpRequest():
                    return self._transport.send(step)
                case Sleep():
                    time.sleep(step.seconds)
                    return None
                case Open():
                    if not isinstance(self._transport, Streaming):
                        return None
                    self._stream.close()
                    stream = self._stream.enter_context(self._transport.stream(step.request))
                    self._pieces = stream.pieces
                    return Opened(stream.status_code, stream.headers.get("Content-Type", ""))
                case _:
                    return next(self._pieces, b"")
        except HoiioException as error:
            return error


def _set_off(run: Callable[[Exchange[R]], R], exchange: Exchange[R]) -> Future[R]:
    """Fetch a page in a thread that the end of the program does not wait for."""
    from concurrent.futures import Future  # noqa: PLC0415 - slow to load

    ahead: Future[R] = Future()

    def fetch() -> None:
        try:
            ahead.set_result(run(exchange))
        except BaseException as error:  # noqa: BLE001 - whoever waits for the page gets it
            ahead.set_exception(error)

    threading.Thread(target=fetch, name="hoiio-history", daemon=True).start()
    return ahead


def _result(ahead: Future[R] | None) -> R | HoiioException:
    if ahead is None:
        raise TypeError("nothing was begun")
    try:
        return ahead.result()
    except HoiioException as error:
        return error


class AsyncDriver:
    """For asyncio and trio. ``transport`` gives the one to use now."""

    def __init__(self, transport: Callable[[], AsyncTransport]) -> None:
        self._transport = transport

    async def run(self, exchange: Exchange[R], *, strict: bool = False) -> R:
        """Make a request, for its answer; if ``strict``, an error of the API is raised."""
        send = self._transport().send
        request = exchange.begin()
        while True:
            try:
                outcome = await send(request)
            except HoiioException as error:
                result = exchange.heard(error)
            else:
                result = exchange.heard(outcome)
            if not isinstance(result, Sleep):
                return result.raise_for_error() if strict else result
            await _sleep(result.seconds)
            request = exchange.again()

    async def wait(self, steps: Generator[Step, Outcome, T]) -> T:
        """Follow a call, for the answer that was waited for."""
        outcome: Outcome = None
        async with AsyncExitStack() as streams:
            listener = _AsyncListener(self._transport(), streams)
            streams.callback(steps.close)
            try:
                while True:
                    outcome = await listener.perform(steps.send(outcome))
            except StopIteration as done:
                return cast("T", done.value)

    async def watch(self, steps: Watching[R]) -> AsyncIterator[R]:
        """Follow a call, change by change."""
        outcome: Outcome = None
        async with AsyncExitStack() as streams:
            listener = _AsyncListener(self._transport(), streams)
            streams.callback(steps.close)
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration:
                    return
                if isinstance(step, Tell):
                    outcome = None
                    yield step.answer
                else:
                    outcome = await listener.perform(step)

    async def walk(self, steps: Paging[R]) -> AsyncIterator[R]:
        """Go through a history; under asyncio the next page is asked for in a task of its own.

        Trio has no tasks without a nursery, so there each page is asked for when it is needed.
        """
        ahead: _Ahead[R] | None = None
        outcome: R | HoiioException | None = None
        try:
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration:
                    return
                outcome = None
                match step:
                    case Begin():
                        ahead = _Ahead(self.run(step.exchange))
                    case Finish():
                        outcome = await _async_result(ahead)
                    case Entries():
                        for entry in step.entries:
                            yield entry
                    case Sleep():
                        await _sleep(step.seconds)
        finally:
            if ahead is not None:
                ahead.cancel()


class _Ahead(Generic[R]):
    """A page that is fetched beside all else where there is an asyncio loop to do it."""

    def __init__(self, fetch: Coroutine[Any, Any, R]) -> None:
        loop = _asyncio_loop()
        self._fetch = fetch
        self._task: asyncio.Task[R] | None = None if loop is None else loop.create_task(fetch)
        if self._task is not None:
            # Whoever stops before this page does not want to hear what came of it.
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def result(self) -> R:
        return await (self._fetch if self._task is None else self._task)

    def cancel(self) -> None:
        if self._task is None:
            self._fetch.close()
        else:
            self._task.cancel()


async def _async_result(ahead: _Ahead[R] | None) -> R | HoiioException:
    if ahead is None:
        raise TypeError("nothing was begun")
    try:
        return await ahead.result()
    except HoiioException as error:
        return error


class _AsyncListener:
    """Performs the steps of one that watches; at most one stream is open at a time."""

    def __init__(self, transport: AsyncTransport, streams: AsyncExitStack) -> None:
        self._transport = transport
        self._outer = streams
        self._stream = AsyncExitStack()
        self._outer.push_async_exit(self._close)
        self._pieces: AsyncIterator[bytes] | None = None

    async def _close(self, *_: object) -> None:
        stream, self._stream = self._stream, AsyncExitStack()
        await stream.aclose()

    async def perform(self, step: Step) -> Outcome:
        try:
            match step:
                case HttpRequest():
                    return await self._transport.send(step)
                case Sleep():
                    await _sleep(step.seconds)
                    return None
                case Open():
                    if not isinstance(self._transport, AsyncStreaming):
                        return None
                    await self._close()
                    opening = self._transport.stream(step.request)
                    stream = await self._stream.enter_async_context(opening)
                    self._pieces = stream.pieces
                    return Opened(stream.status_code, stream.headers.get("Content-Type", ""))
                case _:
                    return b"" if self._pieces is None else await anext(self._pieces, b"")
        except HoiioException as error:
            return error


async def _sleep(seconds: float) -> None:
    """Under whichever of the two libraries runs this."""
    if _asyncio_loop() is not None:
        import asyncio  # noqa: PLC0415 - slow to load

        await asyncio.sleep(seconds)
    else:
        import trio  # noqa: PLC0415 - only its users have it

        await trio.sleep(seconds)


def _asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs this; None under trio."""
    import asyncio  # noqa: PLC0415 - slow to load

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
