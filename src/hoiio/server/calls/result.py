"""What came of a transaction that is over, whatever kind it was."""

from __future__ import annotations

from dataclasses import dataclass

from hoiio.wire import CallStatus


@dataclass(frozen=True, slots=True)
class Result:
    """A status for each leg and the time to bill.

    ``status2`` is empty where there is no second leg. ``answered_at`` is None where nothing is
    billed; ``ended_at`` is when talking stopped, or when the last leg ended if nobody talked.
    Billing caps it at ``billed_until``. ``unconnected`` is how long dest1 of a call-back was up
    alone, in microseconds, beyond as long as the two talked.
    """

    status1: CallStatus
    status2: str
    answered_at: int | None
    ended_at: int
    billed_until: int | None
    unconnected: int = 0
