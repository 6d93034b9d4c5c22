"""Posts notifications from the outbox, each to its own receiver, none waiting for another's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import structlog

from hoiio.server.notifications.post import Poster
from hoiio.server.storage.protocol import Delivery, Storage
from hoiio.wire import SIGNATURE_HEADER, signature

BATCH: Final = 100
AT_ONCE: Final = 4
"""Deliveries under way to one receiver; further ones wait for their turn."""
GRACE: Final = 2.0
"""Seconds that deliveries under way have when the service stops."""
LOOK_EVERY: Final = 5.0
"""Seconds between looks at the outbox when nobody says that something is due."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Deliverer:
    """Takes what is due from the outbox and posts it. Each notification is attempted once."""

    def __init__(self, storage: Storage, poster: Poster) -> None:
        self._storage = storage
        self._poster = poster
        self._due = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = WeakValueDictionary[str, asyncio.Semaphore]()
        self._loop: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin delivering, what an earlier life left over first."""
        self._loop = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Tell that something may be due now."""
        self._due.set()

    async def stop(self) -> None:
        """Take what is still due and leave; all have ``GRACE`` seconds to be answered."""
        self._stopping = True
        self._due.set()
        if self._loop is not None:
            await self._loop

    async def _run(self) -> None:
        while not self._stopping:
            try:
                await self._serve()
            except Exception:
                log.exception("notifications cannot be delivered; trying again")
                await self._rest()

    async def _serve(self) -> None:
        """Deliver until the service stops, then what its stop has settled."""
        while not self._stopping:
            await self._begin_due()
            await self._rest()
        await self._begin_due()
        await self._finish()

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._due.wait(), LOOK_EVERY)
        except TimeoutError:
            return
        self._due.clear()

    async def _begin_due(self) -> None:
        while batch := await self._take():
            for delivery in batch:
                task = asyncio.create_task(self._deliver(delivery))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _take(self) -> Sequence[Delivery]:
        try:
            return await self._storage.take_notifications(BATCH)
        except Exception:
            # They stay in the outbox until the next look.
            log.exception("the outbox could not be read; trying again")
            return ()

    async def _finish(self) -> None:
        under_way = set(self._tasks)
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            async with self._turn(delivery.url):
                outcome = await self._post(delivery)
            log.info("notification", ref=delivery.ref, outcome=outcome)
            await self._storage.notification_done(delivery.id, outcome)
        except Exception:
            log.exception("notification", ref=delivery.ref)

    async def _post(self, delivery: Delivery) -> str:
        """Post one notification; returns the HTTP status, or why there was none."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            SIGNATURE_HEADER: signature(delivery.access_token, delivery.body),
        }
        attempt = await self._poster.post(delivery.url, delivery.body, headers)
        return attempt.reason if attempt.status is None else str(attempt.status)

    def _turn(self, url: str) -> asyncio.Semaphore:
        """What bounds the deliveries to a URL's receiver, there while somebody uses it."""
        return self._turns.setdefault(urlsplit(url).netloc, asyncio.Semaphore(AT_ONCE))
