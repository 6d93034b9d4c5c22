"""Time that never jumps: Unix microseconds from one wall-clock anchor plus monotonic time.

The monotonic clock is the same in every process of a machine, so an engine and its child that
share an anchor agree to the microsecond.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """``anchor`` is Unix time minus monotonic time, in microseconds."""

    anchor: int

    @classmethod
    def anchored_now(cls) -> Clock:
        """A clock that agrees with the wall clock at this moment."""
        return cls((time.time_ns() - time.monotonic_ns()) // 1000)

    def now(self) -> int:
        """Unix time in microseconds."""
        return self.anchor + time.monotonic_ns() // 1000

    def monotonic(self, at: int) -> float:
        """The monotonic second (an event loop's time) at which this instant comes."""
        return (at - self.anchor) / MICROS
