"""Whether a database was sealed with the secret that lies beside it."""

from __future__ import annotations

import sqlite3

from hoiio.server.storage.errors import StorageError
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import one
from hoiio.server.storage.sealing import Sealer


def prove(db: sqlite3.Connection, sealer: Sealer) -> None:
    """Raise ``StorageError`` for another secret than this database's; seal one that has no seal.

    A database from before there were seals takes the secret that opens any of its tokens, or any
    secret when it has none. Another process may be doing the same.
    """
    if one(db, "seal") is None and _fits(db, sealer):
        db.execute(SQL["add_seal"], {"sealed": sealer.mark()})
    seal = one(db, "seal")
    if seal is None or not sealer.made(seal[0]):
        raise StorageError(
            "this secret did not seal this database; put back the one that it was made with, "
            "also beside a restored backup"
        )


def _fits(db: sqlite3.Connection, sealer: Sealer) -> bool:
    """Whether the secret opens any token that is there; True when there is none."""
    tokens = db.execute(SQL["sealed_tokens"]).fetchall()
    return not tokens or any(sealer.opens(token, app_id) for token, app_id in tokens)
