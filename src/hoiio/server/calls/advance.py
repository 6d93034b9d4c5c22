"""From what happened to a call to what is written of it: state, statuses, bill, notification.

Pure: storage runs it inside a transaction, and may run it again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from hoiio.server.billing import charge, prepaid
from hoiio.server.billing.prepaid import Minutes
from hoiio.server.calls import machines, transaction
from hoiio.server.calls.inputs import Input
from hoiio.server.calls.machines import Transaction
from hoiio.server.calls.result import Result
from hoiio.server.calls.unconnected import unconnected
from hoiio.server.engines.protocol import Command
from hoiio.server.notifications.body import body
from hoiio.server.storage.protocol import (
    CallRecord,
    Change,
    NextMinute,
    Settlement,
    Spoken,
)


@dataclass(frozen=True, slots=True)
class Step:
    """What a stored step leaves to do: now, and by ``look_at`` at the latest; None for nothing."""

    commands: tuple[Command, ...]
    result: Result | None = None
    look_at: int | None = None

    @property
    def over(self) -> bool:
        """Whether the call was settled by this step."""
        return self.result is not None


def advance(record: CallRecord, events: Iterable[Input], now: int) -> Change[Step]:
    """What events, in their order, write to a call's record at ``now``, and what they leave to do.

    While it is up its minutes are held and captured as they become due.
    """
    before = machines.decode(record.state)
    after = machines.fold(before, events)
    if not after.over:
        return _go_on(record, before, after, now)
    result = machines.result(after)
    settlement = _settlement(record, result)
    return Change(
        machines.encode(after),
        result.status1,
        result.status2,
        settlement,
        Step((), result),
        answered_at=result.answered_at,
    )


def _go_on(record: CallRecord, before: Transaction, after: Transaction, now: int) -> Change[Step]:
    """The change of a call that is still up: its minutes are paid as they become due."""
    if after.billed_from is None or after.ending:
        return _change(record, before, after, None)
    talked = now - after.billed_from
    minutes = prepaid.captured(after.minutes, talked)
    spoken = Spoken(minutes.captured, now) if minutes.captured > after.minutes.captured else None
    hold = prepaid.hold_due(minutes, record.prices, after.max_seconds, talked)
    if hold is None:
        return _change(record, before, _paid(after, minutes), talked, spoken)
    refused = _change(record, before, _paid(after, prepaid.refused(minutes)), talked, spoken)
    held = _change(record, before, _paid(after, hold.after), talked, spoken)
    if hold.amount == 0:
        return held
    return dataclasses.replace(
        held, next_minute=NextMinute(hold.minute, hold.amount, now, refused, again=minutes.refused)
    )


def _paid(call: Transaction, minutes: Minutes) -> Transaction:
    return replace(call, minutes=minutes)


def _change(
    record: CallRecord,
    before: Transaction,
    after: Transaction,
    talked: int | None,
    spoken: Spoken | None = None,
) -> Change[Step]:
    look_at = None
    if talked is not None and after.billed_from is not None:
        look = prepaid.next_look(after.minutes, after.max_seconds, talked)
        look_at = None if look is None else after.billed_from + look
    step = Step(machines.became_due(before, after), look_at=look_at)
    state = machines.encode(after)
    return Change(
        state,
        record.status1,
        record.status2,
        None,
        step,
        spoken,
        answered_at=after.billed_from,
    )


def _settlement(record: CallRecord, result: Result) -> Settlement:
    minutes = debit = 0
    if result.answered_at is not None:
        billed = charge.billed_time(result.answered_at, result.ended_at, result.billed_until)
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
            answered_at=result.answered_at,
        )
        notification = body(transaction.fields(ended), record.notify_url)
    ran_up = unconnected(record.prices[0], result.unconnected)
    return Settlement(minutes, debit, result.ended_at, notification, ran_up)
