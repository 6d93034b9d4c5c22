"""From what happened to a call to what is written of it: state, statuses, bill, notification.

Pure: storage runs it inside a transaction, and may run it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from hoiio.server.billing import charge
from hoiio.server.calls import machines, transaction
from hoiio.server.calls.inputs import Input
from hoiio.server.calls.result import Result
from hoiio.server.engines.protocol import Command
from hoiio.server.notifications.body import body
from hoiio.server.storage.protocol import CallRecord, Change, Settlement


@dataclass(frozen=True, slots=True)
class Step:
    """What a stored step leaves to do."""

    commands: tuple[Command, ...]
    result: Result | None = None

    @property
    def over(self) -> bool:
        """Whether the call was settled by this step."""
        return self.result is not None


def advance(record: CallRecord, events: Iterable[Input]) -> Change[Step]:
    """What events, in their order, write to a call's record, and what they leave to do."""
    before = machines.decode(record.state)
    after = machines.fold(before, events)
    if not after.over:
        step = Step(machines.became_due(before, after))
        return Change(machines.encode(after), record.status1, record.status2, None, step)
    result = machines.result(after)
    settlement = _settlement(record, result)
    return Change(
        machines.encode(after), result.status1, result.status2, settlement, Step((), result)
    )


def _settlement(record: CallRecord, result: Result) -> Settlement:
    minutes = debit = 0
    if result.answered_at is not None:
        billed = charge.billed_time(result.answered_at, result.ended_at, result.deadline)
        minutes = charge.started_minutes(billed)
        debit = charge.debit(record.prices, billed)
    notification = None
    if record.notify_url:
        ended = replace(
            record,
            status1=result.status1,
            status2=result.status2,
            duration=minutes,
            debit=debit,
        )
        notification = body(transaction.fields(ended), record.notify_url)
    return Settlement(minutes, debit, result.ended_at, notification)
