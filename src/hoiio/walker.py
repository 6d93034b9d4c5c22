"""Who walks through a history: performs the steps of :mod:`hoiio.paging`, once sync, once async."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from hoiio.answer import Answer
from hoiio.driver import asyncio_loop, run, sleep_async
from hoiio.errors import HoiioException
from hoiio.exchange import Exchange, Sleep
from hoiio.paging import Begin, Entries, Finish, Paging

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

    from hoiio.transport import HttpRequest, HttpResponse, Transport

    _Job = tuple[HttpRequest, Future[HttpResponse]]

R = TypeVar("R", bound=Answer)


def walk(transport: Transport, steps: Paging[R]) -> Generator[R]:
    """Go through a history; the next page is fetched in another thread.

    It is read in the thread that it is for: what one processor makes, another is slow to look at.
    So it is not known before whether it has to be asked for again, and any pause counts from there.
    """
    fetcher = _Fetcher(transport)
    ahead: Exchange[R] | None = None
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
                    ahead = step.exchange
                    fetcher.fetch(ahead.begin())
                case Finish():
                    outcome = _result(fetcher, ahead)
                case Entries():
                    yield from step.entries
                case Sleep():
                    time.sleep(step.seconds)
    finally:
        fetcher.stop()


class _Fetcher:
    """A transport that has sent already what it is asked to send first after a ``fetch``.

    It has one thread for all of a walk, which the end of the program does not wait for.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._fetched: Future[HttpResponse] | None = None

    def fetch(self, request: HttpRequest) -> None:
        from concurrent.futures import Future  # noqa: PLC0415 - slow to load

        if not self._is_there():
            self._jobs = SimpleQueue()
            self._thread = threading.Thread(
                target=_fetch, args=(self._transport, self._jobs), name="hoiio-history", daemon=True
            )
            self._thread.start()
        self._fetched = Future()
        self._jobs.put((request, self._fetched))

    def send(self, request: HttpRequest) -> HttpResponse:
        fetched, self._fetched = self._fetched, None
        if fetched is not None and (fetched.done() or self._is_there()):
            return fetched.result()
        return self._transport.send(request)

    def stop(self) -> None:
        self._jobs.put(None)

    def _is_there(self) -> bool:
        # After a fork the child has no such thread.
        return self._thread is not None and self._thread.is_alive()


def _fetch(transport: Transport, jobs: SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        request, future = job
        try:
            future.set_result(transport.send(request))
        except BaseException as error:  # noqa: BLE001 - whoever waits for the page gets it
            future.set_exception(error)
        # Until the next one comes, nobody needs these.
        del job, request, future


def _result(fetcher: _Fetcher, ahead: Exchange[R] | None) -> R | HoiioException:
    if ahead is None:
        raise TypeError("nothing was begun")
    try:
        return run(fetcher, ahead)
    except HoiioException as error:
        return error


async def walk_async(
    run: Callable[[Exchange[R]], Coroutine[Any, Any, R]], steps: Paging[R]
) -> AsyncGenerator[R]:
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
                    ahead = _Ahead(run(step.exchange))
                case Finish():
                    outcome = await _async_result(ahead)
                case Entries():
                    for entry in step.entries:
                        yield entry
                case Sleep():
                    await sleep_async(step.seconds)
    finally:
        if ahead is not None:
            ahead.cancel()


class _Ahead(Generic[R]):
    """A page that is fetched beside all else where there is an asyncio loop to do it."""

    def __init__(self, fetch: Coroutine[Any, Any, R]) -> None:
        loop = asyncio_loop()
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
