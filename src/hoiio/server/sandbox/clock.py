"""A time that stands still until it is moved, with what is to be done by it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from hoiio.server.storage.sqlite import wall_clock
from hoiio.wire import MICROS


@dataclass(slots=True)
class Due:
    """Something to be done at an instant, unless it is cancelled."""

    at: int
    work: Callable[[], None]
    cancelled: bool = field(default=False, init=False)

    def cancel(self) -> None:
        """Do it no more."""
        self.cancelled = True


class MovableClock:
    """Unix time in microseconds that only ``move`` changes; begins with the machine's.

    What is due is done by the running event loop soon, or by ``run_due`` at once, in the order of
    its instants, and of one instant in the order in which it was asked for.
    """

    def __init__(self, start: int | None = None) -> None:
        self._now = wall_clock() if start is None else start
        self._due: list[tuple[int, int, Due]] = []
        self._numbers = itertools.count()

    def now(self) -> int:
        """The instant that it is."""
        return self._now

    def move(self, to: int) -> None:
        """Make it another instant; does nothing that is due by then."""
        self._now = to

    def later(self, seconds: float, work: Callable[[], None]) -> Due:
        """Have something done after some seconds, never before this call returned."""
        due = Due(self._now + round(max(0.0, seconds) * MICROS), work)
        heapq.heappush(self._due, (due.at, next(self._numbers), due))
        if due.at <= self._now:
            asyncio.get_running_loop().call_soon(self.run_due)
        return due

    def next_at(self) -> int | None:
        """When the next thing is due; None for never."""
        while self._due and self._due[0][2].cancelled:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def run_due(self) -> None:
        """Do what is due by now."""
        while (at := self.next_at()) is not None and at <= self._now:
            heapq.heappop(self._due)[2].work()
