"""Turns at admission: no account's waiting requests keep the engine's places from the others."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Turns:
    """How many transactions of each account may be under way to their admission at once.

    An admission reserves places of the engine before it is known whether it will be refused, so
    an account has no more of them under way than it may have calls. Others wait in their order.
    """

    def __init__(self) -> None:
        self._under_way = Counter[int]()
        self._waiting = defaultdict[int, deque[tuple[int, int, asyncio.Future[None]]]](deque)

    @asynccontextmanager
    async def turn(self, account: int, count: int, most: int) -> AsyncGenerator[None]:
        """Be under way with ``count`` transactions; more than ``most`` at once only if alone."""
        await self._take(account, count, most)
        try:
            yield
        finally:
            self._give(account, count)

    async def _take(self, account: int, count: int, most: int) -> None:
        if not self._waiting[account] and self._fits(account, count, most):
            self._under_way[account] += count
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[account].append((count, most, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give(account, count)
            raise

    def _give(self, account: int, count: int) -> None:
        self._under_way[account] -= count
        waiting = self._waiting[account]
        while waiting:
            wanted, most, turn = waiting[0]
            if turn.cancelled():
                waiting.popleft()
            elif self._fits(account, wanted, most):
                waiting.popleft()
                self._under_way[account] += wanted
                turn.set_result(None)
            else:
                return
        del self._waiting[account]
        if not self._under_way[account]:
            del self._under_way[account]

    def _fits(self, account: int, count: int, most: int) -> bool:
        under_way = self._under_way[account]
        return under_way == 0 or under_way + count <= most
