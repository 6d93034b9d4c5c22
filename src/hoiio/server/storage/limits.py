"""What an account may do: calls of a minute, its settings, and the numbers that are its own."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass

from hoiio.server.storage import accounts
from hoiio.server.storage.errors import Conflict, Unknown
from hoiio.server.storage.protocol import MINUTE, Account
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import must, one


@dataclass(frozen=True, slots=True)
class AccountChanges:
    """What an operator changes of an account; None leaves a thing as it is."""

    number: str | None = None
    requests_per_minute: int | None = None
    calls_per_minute: int | None = None
    concurrent_calls: int | None = None
    trial: bool | None = None


def take_call(db: sqlite3.Connection, account: int, now: int) -> bool:
    """Take one of the calls that the account may place in this minute; False when none is left.

    ``Account.next_call_after`` tells by the same rule when there will be one.
    """
    return one(db, "take_call_of_minute", account=account, now=now, minute=MINUTE) is not None


def change(db: sqlite3.Connection, account: int, changes: AccountChanges) -> Account:
    """Change what is given; the account as it is then."""
    trial = None if changes.trial is None else int(changes.trial)
    must(db, "change_account", account=account, **(asdict(changes) | {"trial": trial}))
    return accounts.by_id(db, account)


def add_number(db: sqlite3.Connection, account: int, number: str) -> Account:
    """Make a number the account's own, which it may be already; the account as it is then."""
    if number != accounts.by_id(db, account).number:
        db.execute(SQL["add_number"], {"account": account, "number": number})
    return accounts.by_id(db, account)


def remove_number(db: sqlite3.Connection, account: int, number: str) -> Account:
    """Take a number from the account; the account as it is then.

    Raises ``Conflict`` for its registered number and ``Unknown`` for one that is not its own.
    """
    owner = accounts.by_id(db, account)
    if number == owner.number:
        raise Conflict(
            f"{number} is the registered number of {owner.name!r}; register another one first: "
            "hoiio admin account set ACCOUNT --number NUMBER"
        )
    if one(db, "remove_number", account=account, number=number) is None:
        raise Unknown(f"{number} is none of the numbers of {owner.name!r}")
    return accounts.by_id(db, account)
