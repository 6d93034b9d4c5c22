"""Transactions on the outbox: notifications wait in it, are taken once, and noted."""

from __future__ import annotations

import sqlite3

from hoiio.server.storage.errors import StorageError
from hoiio.server.storage.protocol import Delivery
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import must
from hoiio.server.storage.sealing import Sealer


def take(db: sqlite3.Connection, sealer: Sealer, limit: int) -> list[Delivery]:
    """Mark the oldest notifications as attempted and return those that can be signed."""
    taken = db.execute(SQL["take_notifications"], {"limit": limit}).fetchall()
    deliveries = (_delivery(db, sealer, key) for (key,) in sorted(taken))
    return [delivery for delivery in deliveries if delivery is not None]


def _delivery(db: sqlite3.Connection, sealer: Sealer, key: int) -> Delivery | None:
    """One of them; None, with the reason noted, when its application's token does not open."""
    _, ref, url, body, app_id, sealed = must(db, "delivery", id=key)
    try:
        return Delivery(key, ref, url, body, sealer.open(sealed, app_id))
    except StorageError as error:
        note(db, key, str(error))
        return None


def note(db: sqlite3.Connection, key: int, outcome: str) -> None:
    """Write how an attempt went."""
    db.execute(SQL["note_outcome"], {"id": key, "outcome": outcome})
