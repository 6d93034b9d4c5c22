"""Transactions on applications: their credentials made, changed, taken away and listed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

from hoiio.server.storage.errors import Conflict, Unknown
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import Row, one
from hoiio.server.storage.sealing import Purpose, Sealer


@dataclass(frozen=True, slots=True)
class Listed:
    """An application as an operator sees it, without its secrets. Instants are 0 where none."""

    app_id: str
    account: int
    account_name: str
    revoked: bool
    has_signing_secret: bool
    former_token_until: int
    former_secret_until: int
    created_at: int


def create(
    db: sqlite3.Connection, account: int, app_id: str, *, token: bytes, secret: bytes, now: int
) -> None:
    """New credentials for an account, sealed. Raises ``Conflict`` for an id that is taken."""
    row = one(
        db,
        "add_application",
        account=account,
        app_id=app_id,
        sealed_token=token,
        sealed_secret=secret,
        now=now,
    )
    if row is None:
        raise Conflict(f"there is an application {app_id!r} already")


def rotate(
    db: sqlite3.Connection,
    what: Literal["rotate_token", "rotate_secret"],
    app_id: str,
    sealed: bytes,
    *,
    until: int,
    now: int,
) -> Listed:
    """Put a sealed token or signing secret in another's place, which stays good ``until``.

    Raises ``Unknown``, or ``Conflict`` for a revoked application.
    """
    row = one(db, what, app_id=app_id, sealed=sealed, until=until, now=now)
    found = find(db, app_id)
    if row is None:
        raise Conflict(f"application {app_id!r} is revoked")
    return found


def signing_secret(db: sqlite3.Connection, sealer: Sealer, app_id: str) -> str | None:
    """What an application's notifications are signed with; None where it has no such secret."""
    row = one(db, "signing_secret", app_id=app_id)
    sealed = None if row is None else row[0]
    return None if sealed is None else sealer.open(sealed, app_id, Purpose.SIGNING)


def revoke(db: sqlite3.Connection, app_id: str) -> Listed:
    """Let nobody in any more with these credentials. Raises ``Unknown``."""
    one(db, "revoke", app_id=app_id)
    return find(db, app_id)


def find(db: sqlite3.Connection, app_id: str) -> Listed:
    """One application. Raises ``Unknown``."""
    row = one(db, "application_by_id", app_id=app_id)
    if row is None:
        raise Unknown(f"no application {app_id!r}")
    return _listed(row)


def every(db: sqlite3.Connection, account: int | None) -> list[Listed]:
    """All applications, or those of one account, oldest first."""
    rows = db.execute(SQL["applications"], {"account": account or 0}).fetchall()
    return [_listed(row) for row in rows]


def key_of(db: sqlite3.Connection, app_id: str) -> int | None:
    """The key of an application's row; None when unknown."""
    row = one(db, "application_key", app_id=app_id)
    return None if row is None else row[0]


def _listed(row: Row) -> Listed:
    app_id, account, name, revoked, has_secret, *instants = row
    return Listed(app_id, account, name, bool(revoked), bool(has_secret), *instants)
