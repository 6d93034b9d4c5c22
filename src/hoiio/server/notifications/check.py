"""Whether a notify_url may be asked for: judged before anybody is rung (api rule 24)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from time import monotonic
from typing import Final

from hoiio.server.files import LOOK_UPS
from hoiio.server.notifications.egress import Guard, explain
from hoiio.server.notifications.names import Names, NoSuchName, NotFound
from hoiio.server.notifications.shortage import OutOfFiles
from hoiio.server.notifications.target import IPAddress, Target

WITHIN: Final = 1.0
"""Seconds that a request waits for a resolver; a name that takes longer is accepted."""
KEPT: Final = 60.0
"""Seconds that what was found out about a name counts."""
NAMES_MAX: Final = 1024
"""Names that are remembered; of more, those looked up first are forgotten."""


class Found(Enum):
    """What is known of a name, apart from its addresses."""

    NO_SUCH_NAME = auto()
    NOTHING = auto()


class NoReceiver(Exception):
    """A resolver told that there is no such name."""


class Forbidden(Exception):
    """The guard refuses the address; the message says what would allow it."""


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    found: tuple[IPAddress, ...] | Found


class UrlCheck:
    """Judges where URLs lead. What the delivery connects to is judged again, then.

    ``at_once`` is how many names are looked up at the same time; one more waits for its turn, of
    the same second.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        names: Names | None = None,
        clock: Callable[[], float] = monotonic,
        at_once: int = LOOK_UPS,
    ) -> None:
        self._guard = guard or Guard()
        self._names = names or Names()
        self._clock = clock
        self._kept = OrderedDict[str, _Kept]()
        self._places = asyncio.Semaphore(at_once)
        self._asking: dict[str, asyncio.Task[tuple[IPAddress, ...] | Found]] = {}

    async def check(self, target: Target) -> None:
        """Raise ``Forbidden`` or ``NoReceiver`` for where nothing can be delivered.

        A name that nobody tells anything of within ``WITHIN`` seconds passes: it may well have an
        address once the call has ended.
        """
        found = (
            (target.address,) if target.address is not None else await self._look_up(target.host)
        )
        if found is Found.NO_SUCH_NAME:
            raise NoReceiver
        if isinstance(found, tuple) and (refused := self._guard.refused(found)):
            raise Forbidden(explain(refused))

    async def _look_up(self, name: str) -> tuple[IPAddress, ...] | Found:
        """What is known of a name; requests that ask at the same time share one question."""
        kept = self._kept.get(name)
        if kept is not None and self._clock() < kept.until:
            return kept.found
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = asyncio.create_task(self._ask(name))
            asking.add_done_callback(lambda _: self._asking.pop(name))
        return await asyncio.shield(asking)

    async def _ask(self, name: str) -> tuple[IPAddress, ...] | Found:
        found: tuple[IPAddress, ...] | Found
        loop = asyncio.get_running_loop()
        until = loop.time() + WITHIN
        try:
            await asyncio.wait_for(self._places.acquire(), WITHIN)
        except TimeoutError:
            return Found.NOTHING  # nor was anything found out that could be remembered
        try:
            found = await self._names.addresses(name, until - loop.time())
        except NoSuchName:
            found = Found.NO_SUCH_NAME
        except NotFound:
            found = Found.NOTHING
        except OutOfFiles:
            return Found.NOTHING
        finally:
            self._places.release()
        self._kept[name] = _Kept(self._clock() + KEPT, found)
        self._kept.move_to_end(name)
        while len(self._kept) > NAMES_MAX:
            self._kept.popitem(last=False)
        return found
