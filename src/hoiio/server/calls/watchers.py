"""Who watches which call: each is woken when the call's record was committed, and reads it itself.

A watch carries no value, only that there is news, so one that is slow never has anything pile up.
Everything here belongs to the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


class Watch:
    """One watcher's eye on one call."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._over = False

    def wake(self) -> None:
        """There is something to look at."""
        self._news.set()

    def end(self) -> None:
        """There is nothing more to wait for."""
        self._over = True
        self._news.set()

    async def news(self, within: float) -> bool:
        """Wait until there is something to look at, ``within`` seconds at most; False at the end.

        What happened since the last return is not missed: it makes this return at once.
        """
        try:
            async with asyncio.timeout(within):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()
        return not self._over


class Watchers:
    """All who watch; told by whoever commits a change of a call."""

    def __init__(self) -> None:
        self._watches: dict[str, set[Watch]] = {}
        self._closed = False

    def __len__(self) -> int:
        """How many watch."""
        return sum(map(len, self._watches.values()))

    @contextmanager
    def watch(self, ref: str) -> Generator[Watch]:
        """Be woken at each change of a call from now on. Once all is closed, it ends at once."""
        watch = Watch()
        if self._closed:
            watch.end()
        self._watches.setdefault(ref, set()).add(watch)
        try:
            yield watch
        finally:
            others = self._watches[ref]
            others.discard(watch)
            if not others:
                del self._watches[ref]

    def changed(self, ref: str) -> None:
        """A change of this call is durable."""
        for watch in self._watches.get(ref, ()):
            watch.wake()

    def close(self) -> None:
        """End every watch, those to come too: the service stops."""
        self._closed = True
        for watches in self._watches.values():
            for watch in watches:
                watch.end()
