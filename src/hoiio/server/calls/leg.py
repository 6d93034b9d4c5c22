"""One phone of a transaction and what is known of it; the same for call-backs and participants.

Pure: each function takes a leg and returns the next one. What was seen already changes nothing.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from hoiio.server.calls.outcome import unanswered_leg
from hoiio.server.engines.protocol import Cause, Ended, LegId
from hoiio.wire import MICROS, CallStatus

DIAL_WITHIN: Final = 10 * MICROS
"""A transaction whose first INVITE has not left this long after admission is never dialled."""


class End(msgspec.Struct, frozen=True):
    """How a leg ended: when, why, and with which final SIP answer."""

    at: int
    cause: Cause
    code: int | None = None
    rang: bool = False


class Leg(msgspec.Struct, frozen=True):
    """A leg from its admission on; ``sees`` is the caller ID shown, None to withhold it."""

    id: LegId
    number: str
    sees: str | None
    ring_seconds: float
    answered_at: int | None = None
    end: End | None = None

    @property
    def status(self) -> CallStatus:
        """What the API tells of it once the transaction is over."""
        if self.answered_at is not None:
            return CallStatus.ANSWERED
        if self.end is None:
            return CallStatus.UNANSWERED
        return unanswered_leg(self.end.cause, self.end.code, rang=self.end.rang)


def leg_ids(ref: str) -> tuple[LegId, LegId]:
    """The ids of a transaction's legs; a participant has the first only."""
    return f"{ref}-1", f"{ref}-2"


def answered(leg: Leg, at: int) -> Leg:
    """The leg after its answer; a second one changes nothing."""
    return leg if leg.answered_at is not None else replace(leg, answered_at=at)


def ended(leg: Leg, end: End) -> Leg:
    """The leg after its end; a second one changes nothing."""
    return leg if leg.end is not None else replace(leg, end=end)


def end_of(event: Ended) -> End:
    """The end that an engine's event tells."""
    return End(event.at, event.cause, event.code, event.rang)
