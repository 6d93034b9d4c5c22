"""What an account spends, counted against its ceilings in the transaction that spends it.

Held money counts as spent, so calls at once cannot pass a ceiling together. Every function runs
inside the caller's write transaction. A window is an hour of the clock, or a day of GMT+8.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, cast

from hoiio import wire
from hoiio.server.billing.guards import Ceilings, Guard, Overrides
from hoiio.server.storage.protocol import NOTHING, Unconnected
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import guard_overrides, must, one

_HOUR: Final = 3600 * wire.MICROS
_DAY: Final = 24 * _HOUR
_GMT8: Final = 8 * _HOUR

_IN_ORDER: Final = (
    Guard.SPEND_PER_HOUR,
    Guard.SPEND_PER_DAY,
    Guard.UNCONNECTED_SECONDS,
    Guard.UNCONNECTED_COST,
)


_LATE: Final = 1
_HOWEVER_LATE: Final = 2**40


def _window(at: int, late: int = _LATE) -> dict[str, int]:
    return {"hour": at // _HOUR, "day": (at + _GMT8) // _DAY, "late": late}


def take_spend(
    db: sqlite3.Connection,
    account: int,
    amount: int,
    now: int,
    *,
    reserves: Unconnected = NOTHING,
) -> Guard | None:
    """Count an amount as spent at ``now``; the guard that refuses, and then nothing is counted.

    Nothing costs nothing: an amount of 0 passes whatever was spent. A new call-back also
    ``reserves`` the most that it may run up unconnected, so that calls at once cannot pass those
    ceilings together either.
    """
    values = {"account": account, "amount": amount} | asdict(reserves) | _window(now)
    if one(db, "take_spend", **values) is not None:
        return None
    within = must(db, "which_guard", **values)
    return next(guard for guard, passes in zip(_IN_ORDER, within, strict=True) if not passes)


def give_back_spend(db: sqlite3.Connection, account: int, amount: int, taken_at: int) -> None:
    """Count no more what was taken at ``taken_at`` and not spent; of a past window nothing."""
    db.execute(SQL["give_back_spend"], {"account": account, "amount": amount} | _window(taken_at))


def settle_spend(db: sqlite3.Connection, account: int, call: int, debit: int, now: int) -> None:
    """Count an ended call by its debit in place of what was held for it.

    To be called once, when every hold of the call that counted is in the ledger.
    """
    held, last = must(db, "held_for", call=call)
    if debit < held:
        give_back_spend(db, account, held - debit, last)
    elif debit > held:
        values = {"account": account, "amount": debit - held} | _window(now, _HOWEVER_LATE)
        db.execute(SQL["count_spend"], values)


def settle_unconnected(
    db: sqlite3.Connection,
    account: int,
    reserved: Unconnected,
    ran_up: Unconnected,
    *,
    reserved_at: int,
    now: int,
) -> None:
    """Count an ended call-back by what it ran up, in place of what it had reserved."""
    back = {"account": account} | asdict(reserved) | _window(reserved_at)
    db.execute(SQL["give_back_unconnected"], back)
    if ran_up != NOTHING:
        values = {"account": account} | asdict(ran_up) | _window(now, _HOWEVER_LATE)
        db.execute(SQL["count_unconnected"], values)


def use_ceilings(db: sqlite3.Connection, ceilings: Ceilings) -> None:
    """Let these be the service's, for every account without its own."""
    db.execute(SQL["service_ceilings"], asdict(ceilings))


# --- what an operator asks ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account has spent and run up in the windows of one moment."""

    spent_this_hour: int
    spent_today: int
    unconnected_seconds: int
    unconnected_cost: int


def usage(db: sqlite3.Connection, account: int, now: int) -> Usage:
    """What counts at ``now``."""
    return Usage(*must(db, "guard_usage", account=account, **_window(now)))


def change_overrides(
    db: sqlite3.Connection, account: int, change: Callable[[Overrides], Overrides]
) -> Overrides:
    """Write what an account has of its own, from what it had; returns what it has then."""
    after = change(guard_overrides(db, account))
    values = {field.name: _written(getattr(after, field.name)) for field in fields(after)}
    db.execute(SQL["set_guard_overrides"], values | {"account": account})
    return after


def _written(value: Any) -> object:
    if isinstance(value, tuple):
        return " ".join(cast("tuple[str, ...]", value))
    return int(value) if isinstance(value, bool) else value
