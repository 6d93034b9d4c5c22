"""Who is connected: never more than a limit, and who keeps the service waiting goes first. Pure."""

from __future__ import annotations

from typing import Generic, TypeVar

M = TypeVar("M")


class Crowd(Generic[M]):
    """Counts connections, and remembers which of them only wait, in the order they began to.

    A connection waits while the service owes it nothing: its request has not arrived in full. So a
    thousand idle or slow clients never keep out one that has something to say.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[M, None] = {}
        self._served: set[M] = set()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._served)

    def join(self, member: M) -> M | None:
        """Let somebody in; returns who has to go for it, possibly the newcomer, if anybody."""
        self._waiting[member] = None
        if len(self) <= self._limit:
            return None
        return next(iter(self._waiting))

    def served(self, member: M) -> None:
        """Its request has arrived; it is owed an answer."""
        if member in self._waiting:
            del self._waiting[member]
            self._served.add(member)

    def waits(self, member: M) -> None:
        """It has its answer and may ask again, behind all who wait already."""
        if member in self._served:
            self._served.discard(member)
            self._waiting[member] = None

    def leave(self, member: M) -> None:
        """It is gone."""
        self._waiting.pop(member, None)
        self._served.discard(member)
