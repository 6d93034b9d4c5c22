"""When a notification is attempted again, and when no more: pure arithmetic on values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hoiio.server.notifications.post import Attempt
from hoiio.server.storage.protocol import NotificationState
from hoiio.wire import MICROS

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE

DELAYS: Final = (
    5,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
"""Seconds from one attempt's end to the next; the first is made at once."""

ATTEMPTS: Final = len(DELAYS) + 1

RETRY_AFTER_MAX: Final = 24 * _HOUR
"""Seconds; a receiver that asks for more patience gets this much."""

JITTER: Final = 0.1
"""The most by which a delay is lengthened, so that those that failed together come apart."""

GONE: Final = 410


@dataclass(frozen=True, slots=True)
class Next:
    """What follows an attempt; ``due_at`` (Unix microseconds) is 0 unless it is pending."""

    state: NotificationState
    due_at: int = 0


def after(number: int, attempt: Attempt, now: int, jitter: float) -> Next:
    """What follows attempt ``number`` (from 1) that ended at ``now`` (Unix microseconds).

    Any 2xx is success, 410 is final, all else fails, a redirect included. ``Retry-After`` can only
    lengthen a delay. ``jitter`` is between 0 and 1.
    """
    status = attempt.status
    if status is not None and 200 <= status < 300:
        return Next(NotificationState.DELIVERED)
    if status == GONE or number >= ATTEMPTS:
        return Next(NotificationState.FAILED)
    asked = min(max(attempt.retry_after or 0.0, 0.0), RETRY_AFTER_MAX)
    delay = max(DELAYS[number - 1], asked) * (1 + JITTER * jitter)
    return Next(NotificationState.PENDING, now + int(delay * MICROS))
