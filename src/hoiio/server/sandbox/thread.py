"""A world on an event loop of its own, in a thread of its own, for a program that has neither."""

from __future__ import annotations

import asyncio
import queue
import tempfile
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from hoiio.server.sandbox.shop import Customer
from hoiio.server.sandbox.world import Letter, World, open_world

T = TypeVar("T")

Receiver = Callable[[Letter], int]
"""Takes a notification; returns the HTTP status that it answers."""

WITHIN: Final = 60.0
"""Seconds that any one thing may take before it is given up as hanging."""

UNHEARD: Final = 500
"""What a receiver answers that failed."""


@dataclass(frozen=True, slots=True)
class _Posted:
    """A notification on its way to the thread that waits for the world."""

    letter: Letter
    answer: Future[int]


class WorldThread:
    """Talks to a world from a plain thread, which is where its notifications arrive.

    One thread at a time may move time or look at notifications; requests over HTTP come from any.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, world: World) -> None:
        self._loop = loop
        self._world = world
        self._posts = queue.SimpleQueue[_Posted | Future[Any]]()
        self._receiver: Receiver | None = None
        self._asking = threading.Lock()
        self._receiving = False

    @property
    def base_url(self) -> str:
        """Where the service answers."""
        return self._world.base_url

    def admit(self, receiver: Receiver) -> Customer:
        """A new customer with credit; ``receiver`` is called in the thread that asks things here.

        Whatever it raises comes out of what was asked, once that is done.
        """
        customer = self._run(self._world.admit(self._post))
        self._receiver = receiver
        return customer

    def dismiss(self) -> None:
        """End what the customer left; nobody is told any more."""
        self._receiver = None
        self._run(self._world.dismiss())

    def advance(self, seconds: float) -> None:
        """Move time on; returns once everything due by then has happened."""
        self._run(self._world.advance(seconds))

    def balance(self) -> int:
        """What the customer can spend, in micro-units."""
        return self._run(self._world.balance())

    def put_down(self, number: str) -> int:
        """Hang up the phones of a number; how many there were."""
        return self._run(self._world.put_down(number))

    def pick_up(self, number: str) -> int:
        """Answer the phones of a number that ring; how many there were."""
        return self._run(self._world.pick_up(number))

    async def _post(self, letter: Letter) -> int:
        posted = _Posted(letter, Future())
        self._posts.put(posted)
        return await asyncio.wrap_future(posted.answer)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Have the world do something, and receive meanwhile what it posts."""
        if self._receiving:
            work.close()
            raise RuntimeError("a receiver cannot move time: the sandbox waits for its answer")
        problems: list[BaseException] = []
        with self._asking:
            doing = asyncio.run_coroutine_threadsafe(work, self._loop)
            doing.add_done_callback(self._posts.put)
            try:
                while (posted := self._next_post(doing)) is not None:
                    if posted.answer.set_running_or_notify_cancel():
                        posted.answer.set_result(self._received(posted, problems))
            except BaseException:
                doing.cancel()
                raise
        result = doing.result()
        if problems:
            raise problems[0]
        return result

    def _next_post(self, doing: Future[Any]) -> _Posted | None:
        """What is posted next; None once the world has done this."""
        try:
            # The end of something else is that of one whose caller gave up.
            while isinstance(told := self._posts.get(timeout=WITHIN), Future):
                if told is doing:
                    return None
        except queue.Empty:
            raise TimeoutError(f"the sandbox was not done within {WITHIN:g} s") from None
        return told

    def _received(self, posted: _Posted, problems: list[BaseException]) -> int:
        if self._receiver is None:
            return UNHEARD
        self._receiving = True
        try:
            return self._receiver(posted.letter)
        except BaseException as problem:  # noqa: BLE001 - pytest.fail() too is the test's to see
            problems.append(problem)
            return UNHEARD
        finally:
            self._receiving = False


@contextmanager
def world_thread() -> Generator[WorldThread]:
    """A world in a temporary folder; all of it is gone when the context ends."""
    with tempfile.TemporaryDirectory(prefix="hoiio-sandbox-") as folder:
        opened = Future[tuple[asyncio.AbstractEventLoop, World]]()
        over: Future[asyncio.Event] = Future()
        thread = threading.Thread(
            target=_live, args=(Path(folder), opened, over), name="hoiio-sandbox", daemon=True
        )
        thread.start()
        loop, world = opened.result(WITHIN)
        try:
            yield WorldThread(loop, world)
        finally:
            loop.call_soon_threadsafe(over.result().set)
            thread.join(WITHIN)


def _live(
    folder: Path,
    opened: Future[tuple[asyncio.AbstractEventLoop, World]],
    over: Future[asyncio.Event],
) -> None:
    async def live() -> None:
        end = asyncio.Event()
        over.set_result(end)
        async with open_world(folder) as world:
            opened.set_result((asyncio.get_running_loop(), world))
            await end.wait()

    try:
        asyncio.run(live())
    except BaseException as problem:
        if opened.done():
            raise
        opened.set_exception(problem)
