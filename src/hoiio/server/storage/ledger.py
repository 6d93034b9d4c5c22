"""A call's money: minutes held, captured once spoken, and the rest of its debit when it ends.

Each function belongs into a transaction that changes the balance with its entries.
"""

from __future__ import annotations

import sqlite3

from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import must, one

WHOLE: int = 0
"""The minute of the entries that stand for a call as a whole."""


def hold(
    db: sqlite3.Connection, call: int, account: int, *, minute: int, amount: int, at: int
) -> bool:
    """Hold a minute of a call; False when the balance does not allow it."""
    must(db, "lock_account", account=account)
    taken = one(db, "hold", call=call, minute=minute, account=account, amount=amount, at=at)
    if taken is None:
        return False
    _change(db, account, *taken)
    return True


def capture_spoken(db: sqlite3.Connection, call: int, account: int, minute: int, at: int) -> None:
    """Make debits of the holds up to a minute: each is released and taken again, as it was."""
    must(db, "lock_account", account=account)
    released = db.execute(SQL["release_holds"], {"call": call, "minute": minute, "at": at})
    for number, points, bonus in released.fetchall():
        entry = {"account": account, "call": call, "minute": number, "at": at}
        db.execute(SQL["capture_minute"], entry | {"points": -points, "bonus": -bonus})


def settle(db: sqlite3.Connection, call: int, account: int, *, debit: int, at: int) -> None:
    """Give back what is still held, then take what of the debit was not captured by the minute.

    Where the call turns out to have ended before a minute that was captured, what was too much
    goes back: to points first, as bonus had been spent first.
    """
    must(db, "lock_account", account=account)
    everything = {"call": call, "minute": None, "at": at}
    for _, points, bonus in db.execute(SQL["release_holds"], everything).fetchall():
        _change(db, account, points, bonus)
    points, bonus = must(db, "captured_by_minute", call=call)
    rest = debit + points + bonus
    taken = must(db, "capture", call=call, account=account, amount=max(0, rest), at=at)
    _change(db, account, *taken)
    if rest < 0:
        back = min(-rest, -points)
        entry = {"account": account, "call": call, "at": at}
        db.execute(SQL["adjust"], entry | {"points": back, "bonus": -rest - back})
        _change(db, account, back, -rest - back)


def _change(db: sqlite3.Connection, account: int, points: int, bonus: int) -> None:
    must(db, "change_balance", account=account, points=points, bonus=bonus)
