"""A transaction as the API tells it: the fields of status, history entries and notifications."""

from __future__ import annotations

from hoiio.server.storage.protocol import CallRecord
from hoiio.wire import format_date, format_money


def fields(record: CallRecord) -> dict[str, str]:
    """A record's fields, without ``status``, all as strings (api rules 2, 6 to 8).

    ``duration`` and ``debit`` are absent while the call is up; ``room`` is there for participants.
    ``answered_date`` tells since when the talk is billed, and is absent until then (api rule 25).
    """
    told = {
        "txn_ref": record.ref,
        "tag": record.tag,
        "dest1": record.dest1,
        "dest2": record.dest2,
        "call_status_dest1": record.status1,
        "call_status_dest2": record.status2,
        "date": format_date(record.date),
        "currency": record.currency,
        "rate": format_money(record.rate),
    }
    if record.answered_at is not None:
        told["answered_date"] = format_date(record.answered_at)
    if record.duration is not None and record.debit is not None:
        told["duration"] = str(record.duration)
        told["debit"] = format_money(record.debit)
    if record.room:
        told["room"] = record.room
    return told
