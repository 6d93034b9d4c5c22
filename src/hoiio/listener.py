"""Who follows a call: performs the steps of :mod:`hoiio.watching`, once sync, once async."""

from __future__ import annotations

import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
)
from typing import TypeVar, cast

from hoiio.answer import Answer
from hoiio.driver import not_awaitable, sleep_async, unsure
from hoiio.errors import HoiioException, NotConfigured
from hoiio.exchange import Outcome, Sleep
from hoiio.transport import (
    AsyncHttpStream,
    AsyncStreaming,
    AsyncTransport,
    HttpRequest,
    HttpStream,
    Opened,
    Streaming,
    Transport,
)
from hoiio.watching import Close, Open, Step, Tell, Watching

R = TypeVar("R", bound=Answer)


def wait(transport: Transport, steps: Generator[Step, Outcome, R], *, strict: bool = False) -> R:
    """The answer that was waited for; if ``strict``, an error of the API is raised."""
    outcome: Outcome = None
    with ExitStack() as streams:
        listener = _Listener(transport, streams)
        streams.callback(steps.close)
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                answer = cast("R", done.value)
                return answer.raise_for_error() if strict else answer
            outcome = listener.perform(step)


def watch(transport: Transport, steps: Watching[R], *, strict: bool = False) -> Generator[R]:
    """A call, change by change; if ``strict``, an error of the API is raised."""
    outcome: Outcome = None
    with ExitStack() as streams:
        listener = _Listener(transport, streams)
        streams.callback(steps.close)
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration:
                return
            if isinstance(step, Tell):
                outcome = None
                yield step.answer.raise_for_error() if strict else step.answer
            else:
                outcome = listener.perform(step)


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
                    opening = self._transport.stream(step.request)
                    _check(opening, AbstractContextManager, "a context manager of an HttpStream")
                    stream = self._stream.enter_context(opening)
                    _check(stream, HttpStream, "an HttpStream")
                    opened = _opened(stream)
                    _check(stream.pieces, Iterable, "pieces to iterate over")
                    self._pieces = iter(stream.pieces)
                    return opened
                case Close():
                    self._stream.close()
                    return None
                case _:
                    return next(self._pieces, b"")
        except HoiioException as error:
            if isinstance(step, Open) and isinstance(error, NotConfigured):
                raise  # it will not be otherwise the next time
            return error
        except OSError as error:
            return unsure(error)


async def wait_async(
    transport: AsyncTransport, steps: Generator[Step, Outcome, R], *, strict: bool = False
) -> R:
    """The answer that was waited for; if ``strict``, an error of the API is raised."""
    outcome: Outcome = None
    async with AsyncExitStack() as streams:
        listener = _AsyncListener(transport, streams)
        streams.callback(steps.close)
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                answer = cast("R", done.value)
                return answer.raise_for_error() if strict else answer
            outcome = await listener.perform(step)


async def watch_async(
    transport: AsyncTransport, steps: Watching[R], *, strict: bool = False
) -> AsyncGenerator[R]:
    """A call, change by change; if ``strict``, an error of the API is raised."""
    outcome: Outcome = None
    async with AsyncExitStack() as streams:
        listener = _AsyncListener(transport, streams)
        streams.callback(steps.close)
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration:
                return
            if isinstance(step, Tell):
                outcome = None
                yield step.answer.raise_for_error() if strict else step.answer
            else:
                outcome = await listener.perform(step)


class _AsyncListener:
    """Performs the steps of one that watches; at most one stream is open at a time."""

    def __init__(self, transport: AsyncTransport, streams: AsyncExitStack) -> None:
        self._transport = transport
        self._stream = AsyncExitStack()
        streams.push_async_callback(self._close)
        self._pieces: AsyncIterator[bytes] | None = None

    async def _close(self) -> None:
        stream, self._stream = self._stream, AsyncExitStack()
        await stream.aclose()

    async def perform(self, step: Step) -> Outcome:
        try:
            match step:
                case HttpRequest():
                    coming = self._transport.send(step)
                    return await coming if hasattr(coming, "__await__") else not_awaitable(coming)
                case Sleep():
                    await sleep_async(step.seconds)
                    return None
                case Open():
                    if not isinstance(self._transport, AsyncStreaming):
                        return None
                    opening = self._transport.stream(step.request)
                    _check(
                        opening,
                        AbstractAsyncContextManager,
                        "an async context manager of an AsyncHttpStream",
                    )
                    stream = await self._stream.enter_async_context(opening)
                    _check(stream, AsyncHttpStream, "an AsyncHttpStream")
                    opened = _opened(stream)
                    _check(stream.pieces, AsyncIterable, "pieces for async for")
                    self._pieces = aiter(stream.pieces)
                    return opened
                case Close():
                    await self._close()
                    return None
                case _:
                    return b"" if self._pieces is None else await anext(self._pieces, b"")
        except HoiioException as error:
            if isinstance(step, Open) and isinstance(error, NotConfigured):
                raise  # it will not be otherwise the next time
            return error
        except OSError as error:
            return unsure(error)


def _check(given: object, kind: type, should: str) -> None:
    """Raise ``NotConfigured`` for what a transport of one's own gives in place of a stream."""
    if not isinstance(given, kind):
        raise NotConfigured(
            f"the transport's stream gave {type(given).__name__}, not {should}; a transport "
            "without any stream has no such method"
        )


def _opened(stream: HttpStream | AsyncHttpStream) -> Opened:
    if not hasattr(stream.headers, "get"):
        raise NotConfigured(
            "the headers of the transport's stream are a mapping like {'Content-Type': "
            f"'text/event-stream'}}, not {type(stream.headers).__name__}"
        )
    return Opened(str(stream.headers.get("Content-Type", "")))
