"""Transactions on the heartbeat: how a later life of the service knows when this one ended."""

from __future__ import annotations

import sqlite3
from typing import Final

from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import one

NODE: Final = "service"
"""The one node that places calls from a SQLite database."""


def beat(db: sqlite3.Connection, now: int) -> None:
    """Write the heartbeat; the clock of the service that runs now is the one that counts."""
    db.execute(SQL["beat"], {"node": NODE, "at": now})


def last_beat(db: sqlite3.Connection) -> int | None:
    """The latest heartbeat of any node."""
    row = one(db, "last_beat")
    return None if row is None else row[0]
