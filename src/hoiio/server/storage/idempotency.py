"""Idempotency keys: taken with the calls that a request places, so that a repetition places none.

A key's row stands or falls with its admission. What is refused leaves none, so an error frees the
key; what is committed can be answered again, also by a service that crashed before it answered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from hoiio import wire
from hoiio.server.storage.protocol import CallRecord, IdempotencyKey, Placed, Refusal
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import must, one

KEPT: Final = 24 * 3600 * wire.MICROS
"""How long a key is kept at least, in microseconds."""

_DROPPED_AT_ONCE: Final = 2
"""Old keys dropped for each new one: more than come, so that few more than a day's are there."""


def take(db: sqlite3.Connection, application: int, key: IdempotencyKey, now: int) -> int | None:
    """Take a key for the request whose transaction this is; None when an earlier one has it."""
    row = one(
        db,
        "take_key",
        application=application,
        endpoint=key.endpoint,
        name=key.name,
        fingerprint=key.fingerprint,
        now=now,
    )
    return None if row is None else row[0]


def earlier(
    db: sqlite3.Connection, application: int, key: IdempotencyKey
) -> Placed | Refusal | None:
    """What an earlier request with this key placed; None when there was none.

    ``Refusal.KEY_REUSED`` when that request asked for something else.
    """
    row = one(db, "key", application=application, endpoint=key.endpoint, name=key.name)
    if row is None:
        return None
    fingerprint, refs, room = row
    if fingerprint != key.fingerprint:
        return Refusal.KEY_REUSED
    return Placed(tuple(refs.split(",")), room)


def answer(db: sqlite3.Connection, taken: int, records: Sequence[CallRecord], now: int) -> None:
    """Note what a request placed under the key that it took, and forget a few keys of old."""
    refs = ",".join(record.ref for record in records)
    must(db, "answer_key", id=taken, refs=refs, room=records[0].room)
    db.execute(SQL["drop_old_keys"], {"before": now - KEPT, "most": _DROPPED_AT_ONCE})
