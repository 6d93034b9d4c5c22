"""A call's transactions: admitted with its hold, advanced, settled with its money, listed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from msgspec.structs import asdict

from hoiio import wire
from hoiio.server.billing.guards import Guard
from hoiio.server.storage import guards, idempotency, ledger, limits, rooms
from hoiio.server.storage.protocol import (
    Admission,
    CallRecord,
    Change,
    HistoryPage,
    IdempotencyKey,
    NewCall,
    NextMinute,
    Placed,
    Refusal,
    Settlement,
    T,
    Unconnected,
)
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import call_id, call_record, must, one


class Refused(Exception):
    """Undoes an admission that was begun."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


def admit(db: sqlite3.Connection, admission: Admission) -> list[CallRecord] | Placed:
    """Write calls with their holds, or tell what was placed under their key already.

    Raises ``Refused``, in the order of ``Refusal``.
    """
    if admission.key is None:
        return _admit_all(db, admission)
    taken = idempotency.take(db, admission.application, admission.key, admission.now)
    if taken is None:
        return _earlier(db, admission.application, admission.key)
    records = _admit_all(db, admission)
    idempotency.answer(db, taken, records, admission.now)
    return records


def _earlier(db: sqlite3.Connection, application: int, key: IdempotencyKey) -> Placed:
    earlier = idempotency.earlier(db, application, key)
    if earlier is None:
        raise LookupError("a key that is taken has no row")
    if isinstance(earlier, Refusal):
        raise Refused(earlier)
    return earlier


def _admit_all(db: sqlite3.Connection, admission: Admission) -> list[CallRecord]:
    count, account = len(admission.calls), admission.account
    if not limits.take_call(db, account, admission.now):
        raise Refused(Refusal.CALLS_PER_MINUTE)
    free = one(db, "take_concurrent_calls", account=account, calls=count) is not None
    room = _room(db, admission)
    if not free:
        raise Refused(Refusal.CONCURRENT_CALLS)
    if admission.ceiling_reached:
        raise Refused(Refusal.CEILING)
    return [_admit(db, admission, call, room) for call in admission.calls]


def _room(db: sqlite3.Connection, admission: Admission) -> str:
    if admission.room is None:
        return ""
    room = rooms.take(db, admission.application, admission.room, len(admission.calls))
    if room is None:
        raise Refused(Refusal.ROOM_FULL)
    return room


def _admit(db: sqlite3.Connection, admission: Admission, call: NewCall, room: str) -> CallRecord:
    (key,) = must(db, "next_value", name="call")
    place = one(db, "next_ordinal", application=admission.application, now=admission.now)
    if place is None:
        raise Refused(Refusal.REVOKED)
    ordinal, date = place
    ref = f"AA-C-{key}"
    record = CallRecord(
        ref=ref,
        application=admission.application,
        account=admission.account,
        ordinal=ordinal,
        date=date,
        dest1=call.dest1,
        dest2=call.dest2,
        status1=wire.CallStatus.ONGOING.value,
        status2=wire.CallStatus.ONGOING.value if call.dest2 else "",
        room=room,
        tag=admission.tag,
        notify_url=admission.notify_url,
        currency=admission.currency,
        rate1=call.price1.rate,
        rate2=call.price2.rate,
        duration=None,
        debit=None,
        live=True,
        state=call.state(ref, room),
        initial1=call.price1.initial,
        increment1=call.price1.increment,
        fee1=call.price1.fee,
        initial2=call.price2.initial,
        increment2=call.price2.increment,
        fee2=call.price2.fee,
        reserved_seconds=call.reserves.seconds,
        reserved_cost=call.reserves.cost,
    )
    _add(db, key, record)
    _hold(db, key, admission, call)
    return record


def _add(db: sqlite3.Connection, key: int, record: CallRecord) -> None:
    db.execute(SQL["add_call"], {"id": key} | asdict(record))


def _hold(db: sqlite3.Connection, key: int, admission: Admission, call: NewCall) -> None:
    account, at, amount = admission.account, admission.now, call.hold
    guard = guards.take_spend(db, account, amount, at, reserves=call.reserves)
    if guard is not None:
        raise Refused(Refusal(guard.value))
    if not ledger.hold(db, key, account, minute=1, amount=amount, at=at):
        raise Refused(Refusal.CREDIT)


def advance(db: sqlite3.Connection, ref: str, step: Callable[[CallRecord], Change[T]]) -> T | None:
    """Apply a step to a live call; None when there is none of this ref."""
    key = call_id(ref)
    row = None if key is None else one(db, "live_call", id=key)
    if key is None or row is None:
        return None
    record = call_record(row)
    change = _pay(db, key, record.account, step(record))
    must(
        db,
        "update_call",
        id=key,
        state=change.state,
        status1=change.status1,
        status2=change.status2,
        answered_at=change.answered_at,
    )
    if change.settlement is not None:
        _settle(db, key, record, change.settlement)
    return change.outcome


def _pay(db: sqlite3.Connection, key: int, account: int, change: Change[T]) -> Change[T]:
    """Pay the minutes of a change; the one to make without credit for the next where it is out."""
    if change.spoken is not None:
        ledger.capture_spoken(db, key, account, change.spoken.minute, change.spoken.at)
    wanted = change.next_minute
    if wanted is None:
        return change
    return change if _hold_minute(db, key, account, wanted) else wanted.refused


def _hold_minute(db: sqlite3.Connection, key: int, account: int, wanted: NextMinute[T]) -> bool:
    """Hold a further minute; False where credit or a ceiling on spending does not allow it."""
    amount, at = wanted.amount, wanted.at
    guard = guards.take_spend(db, account, amount, at)
    if guard is not None:
        if not wanted.again:
            _tell(guard, key)
        return False
    held = ledger.hold(db, key, account, minute=wanted.minute, amount=amount, at=at)
    if not held:
        guards.give_back_spend(db, account, amount, at)
    return held


def _tell(guard: Guard, key: int) -> None:
    import structlog  # noqa: PLC0415 - the administrator's commands start without it

    log: structlog.stdlib.BoundLogger = structlog.get_logger()
    log.warning("guard refused a minute", guard=guard.value, ref=f"AA-C-{key}")


def _settle(db: sqlite3.Connection, key: int, record: CallRecord, settlement: Settlement) -> None:
    """End a call, settle its money and leave its notification to be delivered."""
    at = settlement.ended_at
    account, application, room = must(
        db,
        "settle_call",
        id=key,
        duration=settlement.duration,
        debit=settlement.debit,
        ended_at=at,
    )
    must(db, "end_concurrent_call", account=account)
    if room:
        rooms.leave(db, application, room)
    ledger.settle(db, key, account, debit=settlement.debit, at=at)
    _count(db, key, record, settlement)
    if settlement.notification is not None:
        body = {"call": key, "body": settlement.notification, "at": at}
        db.execute(SQL["add_notification"], body)


def _count(db: sqlite3.Connection, key: int, record: CallRecord, settlement: Settlement) -> None:
    """Tell the guards what an ended call came to."""
    account, at = record.account, settlement.ended_at
    guards.settle_spend(db, account, key, settlement.debit, at)
    reserved = Unconnected(record.reserved_seconds, record.reserved_cost)
    ran_up = settlement.unconnected
    guards.settle_unconnected(db, account, reserved, ran_up, reserved_at=record.date, now=at)


def record(db: sqlite3.Connection, application: int, ref: str) -> CallRecord | None:
    """One call of this application."""
    key = call_id(ref)
    row = None if key is None else one(db, "one_call", id=key, application=application)
    return None if row is None else call_record(row)


def live_calls(db: sqlite3.Connection) -> list[CallRecord]:
    """Every call that is not settled, oldest first."""
    return [call_record(row) for row in db.execute(SQL["live_calls"])]


def history(
    db: sqlite3.Connection,
    application: int,
    *,
    start: int | None,
    end: int | None,
    page: int,
    upto: str | None,
) -> HistoryPage:
    """A page by ordinals: two index probes bound the list, so any page costs the same.

    An ``upto`` that is no call of this application's pins nothing.
    """
    last = one(db, "last_ordinal", application=application)
    if last is None:
        return HistoryPage(0, ())
    beyond = last[0] + 1
    low = _ordinal_from(db, application, start, beyond)
    high = beyond if end is None else _ordinal_from(db, application, end, beyond)
    high = min(high, _pinned(db, application, upto, beyond))
    total = max(0, high - low)
    top = high - (page - 1) * wire.PAGE_SIZE
    if top <= low:
        return HistoryPage(total, ())
    bounds = {"application": application, "low": max(low, top - wire.PAGE_SIZE), "high": top}
    rows = db.execute(SQL["page_of_calls"], bounds).fetchall()
    return HistoryPage(total, [call_record(row) for row in rows])


def _ordinal_from(db: sqlite3.Connection, application: int, date: int | None, beyond: int) -> int:
    """The ordinal of the first call at or after a date; ``beyond`` when there is none."""
    if date is None:
        row = one(db, "first_ordinal", application=application)
    else:
        row = one(db, "ordinal_from", application=application, date=date)
    return beyond if row is None else row[0]


def _pinned(db: sqlite3.Connection, application: int, upto: str | None, beyond: int) -> int:
    key = None if upto is None else call_id(upto)
    row = None if key is None else one(db, "ordinal_of", id=key, application=application)
    return beyond if row is None else row[0] + 1
