"""Transactions on notifications and the heartbeat."""

from __future__ import annotations

import sqlite3
from typing import Final

from hoiio.server.storage.protocol import Delivery
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import must, one
from hoiio.server.storage.sealing import Sealer

NODE: Final = "service"
"""The one node that places calls from a SQLite database."""


def take(db: sqlite3.Connection, sealer: Sealer, limit: int) -> list[Delivery]:
    """Mark the oldest notifications as attempted and return them, oldest first."""
    taken = db.execute(SQL["take_notifications"], {"limit": limit}).fetchall()
    return [_delivery(db, sealer, key) for (key,) in sorted(taken)]


def _delivery(db: sqlite3.Connection, sealer: Sealer, key: int) -> Delivery:
    _, ref, url, body, app_id, sealed = must(db, "delivery", id=key)
    return Delivery(key, ref, url, body, sealer.open(sealed, app_id))


def note(db: sqlite3.Connection, key: int, outcome: str) -> None:
    """Write how an attempt went."""
    db.execute(SQL["note_outcome"], {"id": key, "outcome": outcome})


def beat(db: sqlite3.Connection, now: int) -> None:
    """Write the heartbeat; it never goes back."""
    db.execute(SQL["beat"], {"node": NODE, "at": now})


def last_beat(db: sqlite3.Connection) -> int | None:
    """The latest heartbeat of any node."""
    row = one(db, "last_beat")
    return None if row is None else row[0]
