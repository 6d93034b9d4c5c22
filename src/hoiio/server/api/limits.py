"""How many requests an application may send in a minute, and when it may send the next one.

A minute is a fixed one that its first request begins. Requests are counted in the memory of this
process; calls are counted by storage, in the admission's own transaction (api rule 21).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from hoiio.server.api.params import Refused
from hoiio.server.storage.protocol import Account, Application
from hoiio.wire import MICROS, Endpoint, Status

WINDOW: Final = 60.0
"""Seconds that a minute has."""


class Queries:
    """Counts the requests of each application to each API, in the minutes that they begin.

    Only applications that proved their token are counted, and a minute that is over is forgotten,
    so nobody can make it grow but by applications that are there. ``clock`` is in seconds and
    never goes back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._minutes: dict[tuple[int, str], tuple[float, int]] = {}

    def __len__(self) -> int:
        """How many minutes are remembered."""
        return len(self._minutes)

    def check(self, application: Application, endpoint: Endpoint) -> None:
        """Count a request; raises ``Refused`` when it is one too many."""
        wait = self.take(application.id, endpoint.path, _limit(application.account, endpoint))
        if wait:
            raise exceeded(wait)

    def take(self, application: int, api: str, limit: int) -> float:
        """Take one of the minute's requests: 0, or the seconds until a minute that has some."""
        now = self._clock()
        self._forget(now)
        began, count = self._minutes.get((application, api), (now, 0))
        if count >= limit:
            return WINDOW - (now - began)  # never more than a minute, however it is rounded
        self._minutes[application, api] = (began, count + 1)
        return 0.0

    def _forget(self, now: float) -> None:
        """Drop the minutes that are over; the oldest is first, as all of them last as long."""
        while self._minutes:
            oldest, (began, _) = next(iter(self._minutes.items()))
            if now - began < WINDOW:
                return
            del self._minutes[oldest]


def _limit(account: Account, endpoint: Endpoint) -> int:
    """Requests a minute. Those that may place calls are as many as calls, if those are more.

    The calls that come of them have a limit of their own; this one is for those that are refused.
    """
    if endpoint.chargeable:
        return max(account.requests_per_minute, account.calls_per_minute)
    return account.requests_per_minute


def check_calls(account: Account, now: int) -> None:
    """Raise ``Refused`` while the account has placed all calls of its minute; takes none.

    ``now`` is the clock that calls are admitted by, in microseconds.
    """
    wait = account.next_call_after(now)
    if wait:
        raise exceeded(wait / MICROS)


def exceeded(seconds: float) -> Refused:
    """The refusal that tells when to come again: in whole seconds, at least one."""
    return Refused(Status.RATE_LIMIT_EXCEEDED, retry_after=max(1, math.ceil(seconds)))
