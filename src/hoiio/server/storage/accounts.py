"""Transactions on accounts, applications and credit."""

from __future__ import annotations

import sqlite3

from hoiio.server.storage.errors import Conflict, Unknown
from hoiio.server.storage.protocol import Account, Application
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import account, account_id, must, one
from hoiio.server.storage.sealing import Sealer


def application(
    db: sqlite3.Connection, sealer: Sealer, app_id: str, now: int
) -> Application | None:
    """An application with its tokens opened, a former one while it is good, and its account."""
    row = one(db, "application", app_id=app_id, now=now)
    if row is None:
        return None
    key, app_id, sealed, former, revoked, *owner = row
    return Application(
        id=key,
        app_id=app_id,
        access_token=sealer.open(sealed, app_id),
        revoked=bool(revoked),
        account=account(db, tuple(owner)),
        former_token=None if former is None else sealer.open(former, app_id),
    )


def find(db: sqlite3.Connection, name_or_id: str) -> Account:
    """An account by its id (``AA-1``) or its unique name. Raises ``Unknown``."""
    key = account_id(name_or_id)
    if key is None:
        row = one(db, "account_by_name", name=name_or_id)
    else:
        row = one(db, "account_by_id", id=key)
    if row is None:
        raise Unknown(f"no account {name_or_id!r}")
    return account(db, row)


def by_id(db: sqlite3.Connection, key: int) -> Account:
    """An account that is known to be there."""
    return account(db, must(db, "account_by_id", id=key))


def every(db: sqlite3.Connection) -> list[Account]:
    """All accounts, oldest first."""
    return [account(db, row) for row in db.execute(SQL["accounts"]).fetchall()]


def create(
    db: sqlite3.Connection, name: str, *, number: str | None, currency: str, credit: int, now: int
) -> Account:
    """A new account with its first credit. Raises ``Conflict`` for a name that is taken."""
    row = one(db, "add_account", name=name, currency=currency, number=number, now=now)
    if row is None:
        raise Conflict(f"there is an account {name!r} already")
    if credit:
        top_up(db, row[0], credit, now)
    return by_id(db, row[0])


def top_up(db: sqlite3.Connection, key: int, amount: int, now: int) -> None:
    """Add points, with the entry that says so."""
    points, bonus = must(db, "top_up", account=key, points=amount, at=now)
    must(db, "change_balance", account=key, points=points, bonus=bonus)
