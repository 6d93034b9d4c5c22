"""Posts notifications from the outbox until they arrive, none waiting for another's receiver."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import structlog

from hoiio.server import files
from hoiio.server.notifications import schedule
from hoiio.server.notifications.headers import headers
from hoiio.server.notifications.post import TIMEOUT, Attempt
from hoiio.server.storage.protocol import (
    AttemptRecord,
    Delivery,
    NotificationState,
    Queue,
    Storage,
    Wanted,
)
from hoiio.wire import MICROS

EACH: Final = 4
"""Deliveries under way of one account to one receiver."""
OVERALL: Final = files.DELIVERIES
"""Deliveries under way in all; only so many are ever in memory."""
LEASE: Final = 60.0
"""Seconds after which a delivery of which nothing was noted may be attempted again."""
BACKSTOP: Final = TIMEOUT + 5.0
"""Seconds after which a poster that overstays its own time is cut off."""
GRACE: Final = 2.0
"""Seconds that deliveries under way have when the service stops."""
PUT_OFF: Final = 5.0
"""Seconds after which is tried again what could not be for want of open files."""
LOOK_EVERY: Final = 5.0
"""Seconds between looks at the outbox when nobody says that something is due."""
QUEUED: Final = 500
"""Notifications that are put into their queues in one transaction."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def _wall_clock() -> int:
    return time.time_ns() // 1_000


class Posts(Protocol):
    """What attempts a delivery."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        """Post ``body`` once; whatever the receiver does comes back as an ``Attempt``."""
        ...


def _wait_for_the_next_look(_due_at: int) -> None:
    """Nobody needs to be told: ``LOOK_EVERY`` is soon enough."""


class Deliverer:
    """Leases what is due from the outbox, posts it, and notes what came of it.

    Each account has a queue to each of its receivers, and each queue its own places; no account
    takes more places than it leaves free. Only where there is room is anything leased, from one
    queue after another in turn, so whatever waits for a dead receiver waits in the database and
    keeps nobody else waiting. There is one deliverer to an outbox: leases of another's life end
    when it starts.

    ``put_off`` is told when (Unix microseconds) a notification is due again. ``receivers_clock``
    dates the signatures where ``clock`` is not what receivers go by. One that is never started
    delivers nothing by itself, but for whoever calls ``deliver_due``.
    """

    def __init__(
        self,
        storage: Storage,
        poster: Posts,
        clock: Callable[[], int] = _wall_clock,
        jitter: Callable[[], float] = random.random,
        *,
        overall: int | None = None,
        put_off: Callable[[int], None] = _wait_for_the_next_look,
        receivers_clock: Callable[[], int] | None = None,
    ) -> None:
        self._storage = storage
        self._poster = poster
        self._clock = clock
        self._jitter = jitter
        self._overall = OVERALL if overall is None else overall
        self._put_off = put_off
        self._receivers_clock = receivers_clock or clock
        self._due = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy = Counter[Queue]()
        self._start = 0
        self._turns: dict[int, str] = {}
        self._short = False
        self._ends = 0
        self._loop: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin delivering, what an earlier life left over first."""
        self._loop = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Tell that something may be due now."""
        self._due.set()

    async def deliver_due(self) -> bool:
        """Deliver what somebody told of since the last time; returns once all of it is noted.

        False when nobody told of anything. Not for a deliverer that was started.
        """
        told = self._due.is_set()
        while self._due.is_set():
            self._due.clear()
            await self._begin_due()
            while self._tasks:
                await asyncio.wait(self._tasks)
        return told

    async def stop(self) -> None:
        """Take what is still due and there is room for; all have ``GRACE`` seconds."""
        self._stopping = True
        self._due.set()
        if self._loop is not None:
            await self._loop

    async def _run(self) -> None:
        released = False
        while not self._stopping:
            self._due.clear()
            try:
                if not released:
                    await self._storage.release_notifications()
                    released = True
                await self._begin_due()
            except Exception:
                log.exception("the outbox could not be read; trying again")
            await self._rest()
        await self._finish()

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._due.wait(), LOOK_EVERY)
        except TimeoutError:
            return

    async def _begin_due(self) -> None:
        """Begin deliveries, from the queue after the last one on and once around."""
        while await self._storage.queue_notifications(self._clock(), QUEUED) == QUEUED:
            pass
        ends, self._short = self._ends, len(self._tasks) >= self._overall
        rounds = 2 if self._start or self._turns else 1
        while rounds and (room := self._overall - len(self._tasks)):
            now = self._clock()
            until = now + int(LEASE * MICROS)
            busy = dict(self._busy)
            wanted = Wanted(now, until, room, EACH, busy, self._start, dict(self._turns))
            taken = await self._storage.take_notifications(wanted)
            for delivery in taken.deliveries:
                self._begin(delivery)
            self._start = taken.start
            self._turns |= taken.turns
            self._turns = {account: turn for account, turn in self._turns.items() if turn}
            self._short |= taken.short
            rounds -= self._start == 0
        if self._short and self._ends != ends:
            self.wake()  # there is room now that nobody was told of

    def _begin(self, delivery: Delivery) -> None:
        self._busy[delivery.queue] += 1
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(done, delivery.queue))

    def _ended(self, task: asyncio.Task[None], queue: Queue) -> None:
        """Make room; where there was none, more may be waiting for it."""
        if self._short or self._busy[queue] >= EACH:
            self.wake()
        self._ends += 1
        self._tasks.discard(task)
        self._busy[queue] -= 1
        if not self._busy[queue]:
            del self._busy[queue]

    async def _finish(self) -> None:
        """Deliver what the stop itself has settled; who is late is attempted in the next life."""
        try:
            await self._begin_due()
        except Exception:
            log.exception("the outbox could not be read; what is in it waits for the next start")
        under_way = set(self._tasks)
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _deliver(self, delivery: Delivery) -> None:
        """Attempt one; where that cannot even be noted, its lease brings it back."""
        number = delivery.tries + 1
        begun, clock = self._clock(), time.monotonic()
        try:
            attempt = await self._attempt(delivery)
            if attempt.ours:
                log.warning("notification put off", ref=delivery.ref, reason=attempt.reason)
                due = self._clock() + int(PUT_OFF * MICROS)
                await self._storage.put_off_notification(delivery, due)
                self._put_off(due)
                return
            took = int((time.monotonic() - clock) * MICROS)
            record = AttemptRecord(begun, took, attempt.status, attempt.reason)
            follows = schedule.after(number, attempt, self._clock(), self._jitter())
            outcome = attempt.reason if attempt.status is None else str(attempt.status)
            log.info("notification", ref=delivery.ref, attempt=number, outcome=outcome)
            await self._storage.note_attempt(delivery, record, follows.state, follows.due_at)
            if follows.state is NotificationState.PENDING:
                self._put_off(follows.due_at)
        except Exception:
            log.exception("notification", ref=delivery.ref)

    async def _attempt(self, delivery: Delivery) -> Attempt:
        if delivery.problem:
            return Attempt(None, delivery.problem)
        signed = headers(delivery, self._receivers_clock())
        try:
            async with asyncio.timeout(BACKSTOP):
                return await self._poster.post(delivery.url, delivery.body, signed)
        except TimeoutError:
            return Attempt(None, "timeout")
        except Exception as error:
            # A fault of ours, but one attempt of many: it must not come back each lease for ever.
            log.exception("notification", ref=delivery.ref)
            return Attempt(None, type(error).__name__)
