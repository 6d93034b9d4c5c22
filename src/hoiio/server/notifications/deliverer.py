"""Posts notifications from the outbox, each to its own receiver, none waiting for another's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import structlog

from hoiio.server.storage.protocol import Delivery, Storage
from hoiio.wire import SIGNATURE_HEADER, signature

if TYPE_CHECKING:
    import httpx2

BATCH: Final = 100
AT_ONCE: Final = 4
"""Deliveries under way to one receiver; further ones wait for their turn."""
TIMEOUT: Final = 15.0
"""Seconds that a receiver has to answer, all in all, from a delivery's turn on."""
GRACE: Final = 2.0
"""Seconds that deliveries under way have when the service stops."""
LOOK_EVERY: Final = 5.0
"""Seconds between looks at the outbox when nobody says that something is due."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Deliverer:
    """Takes what is due from the outbox and posts it. Each notification is attempted once."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
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
                async with _client() as client:
                    await self._serve(client)
            except Exception:
                log.exception("notifications cannot be delivered; trying again")
                await self._rest()

    async def _serve(self, client: httpx2.AsyncClient) -> None:
        """Deliver until the service stops, then what its stop has settled."""
        while not self._stopping:
            await self._begin_due(client)
            await self._rest()
        await self._begin_due(client)
        await self._finish()

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._due.wait(), LOOK_EVERY)
        except TimeoutError:
            return
        self._due.clear()

    async def _begin_due(self, client: httpx2.AsyncClient) -> None:
        while batch := await self._take():
            for delivery in batch:
                task = asyncio.create_task(self._deliver(client, delivery))
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

    async def _deliver(self, client: httpx2.AsyncClient, delivery: Delivery) -> None:
        try:
            async with self._turn(delivery.url):
                outcome = await post(client, delivery)
            log.info("notification", ref=delivery.ref, outcome=outcome)
            await self._storage.notification_done(delivery.id, outcome)
        except Exception:
            log.exception("notification", ref=delivery.ref)

    def _turn(self, url: str) -> asyncio.Semaphore:
        """What bounds the deliveries to a URL's receiver, there while somebody uses it."""
        return self._turns.setdefault(urlsplit(url).netloc, asyncio.Semaphore(AT_ONCE))


def _client() -> httpx2.AsyncClient:
    """A client that keeps no cookies, as customers share it, and makes no delivery wait."""
    # httpx2 takes a tenth of a second to import: not on the way to the first call.
    import httpx2  # noqa: PLC0415

    return httpx2.AsyncClient(
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
    )


async def post(client: httpx2.AsyncClient, delivery: Delivery) -> str:
    """Post one notification; returns what came of it: the HTTP status, or why there was none."""
    import httpx2  # noqa: PLC0415 - see _client

    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        SIGNATURE_HEADER: signature(delivery.access_token, delivery.body),
    }
    try:
        async with (
            asyncio.timeout(TIMEOUT),
            client.stream(
                "POST", delivery.url, content=delivery.body, headers=headers, timeout=TIMEOUT
            ) as response,
        ):
            # The answer's body is of no interest and may be endless: it is not read.
            return str(response.status_code)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return type(error).__name__
