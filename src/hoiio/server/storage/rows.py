"""From rows to the values of the contract, and from refs to keys."""

from __future__ import annotations

import re
import sqlite3
from typing import Any, Final

from hoiio.server.billing.guards import Overrides
from hoiio.server.storage.protocol import Account, CallRecord
from hoiio.server.storage.queries import SQL

Row = tuple[Any, ...]

_REF: Final = re.compile(r"AA-C-([1-9][0-9]{0,17})", re.ASCII)
_LIVE: Final = CallRecord.__struct_fields__.index("live")
_UID: Final = re.compile(r"AA-([1-9][0-9]{0,17})", re.ASCII)


def call_id(ref: str) -> int | None:
    """The key of a call's row; None for what is no ref of ours (api rule 6)."""
    match = _REF.fullmatch(ref)
    return int(match[1]) if match else None


def uid(account: int) -> str:
    """An account's id as the outside sees it."""
    return f"AA-{account}"


def account_id(text: str) -> int | None:
    """The key of an account's row from its outside id."""
    match = _UID.fullmatch(text)
    return int(match[1]) if match else None


def call_record(row: Row) -> CallRecord:
    """A record from ``call_columns``."""
    values = list(row)
    values[_LIVE] = bool(values[_LIVE])
    return CallRecord(*values)


def account(db: sqlite3.Connection, row: Row) -> Account:
    """An account from ``account_columns``."""
    key, name, currency, number, points, bonus, concurrent_calls, *limits = row
    requests_per_minute, calls_per_minute, minute_began, minute_calls, trial = limits
    further = db.execute(SQL["numbers_of"], {"account": key}).fetchall()
    return Account(
        id=key,
        name=name,
        currency=currency,
        number=number,
        numbers=tuple(n for (n,) in further),
        points=points,
        bonus=bonus,
        concurrent_calls=concurrent_calls,
        requests_per_minute=requests_per_minute,
        calls_per_minute=calls_per_minute,
        minute_began=minute_began,
        minute_calls=minute_calls,
        trial=bool(trial),
        guards=guard_overrides(db, key),
    )


def guard_overrides(db: sqlite3.Connection, account: int) -> Overrides:
    """What an account has in place of the service's guards."""
    found = must(db, "guard_overrides", account=account)
    refused, allowed, countries, unknown, rate, hour, day, seconds, cost = found
    return Overrides(
        refuse_prefixes=_words(refused),
        allow_prefixes=_words(allowed),
        countries=_words(countries),
        unknown_regions=None if unknown is None else bool(unknown),
        max_rate=rate,
        spend_per_hour=hour,
        spend_per_day=day,
        unconnected_seconds_per_hour=seconds,
        unconnected_cost_per_hour=cost,
    )


def _words(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(text.split())


def one(db: sqlite3.Connection, query: str, **values: object) -> Row | None:
    """The first row of a named query; a statement that returns rows is run to its end."""
    rows: list[Row] = db.execute(SQL[query], values).fetchall()
    return rows[0] if rows else None


def must(db: sqlite3.Connection, query: str, **values: object) -> Row:
    """As ``one``, where a missing row is a broken invariant."""
    row = one(db, query, **values)
    if row is None:
        raise LookupError(f"{query} found no row")
    return row
