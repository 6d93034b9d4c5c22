"""The books: what moved an account's balance, and the proof that all of it adds up."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hoiio import wire
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import must

CHUNK: Final = 1_000
"""Entries that are read at once: a ledger may be longer than memory."""

_CHECKS: Final[Sequence[tuple[str, str, Callable[[int], str]]]] = (
    ("points", "audit_points", wire.format_money),
    ("bonus", "audit_bonus", wire.format_money),
    ("debit", "audit_debits", wire.format_money),
    ("bill", "audit_bills", wire.format_money),
    ("hold", "audit_holds", str),
    ("cause", "audit_causes", str),
    ("live hold", "audit_live_holds", str),
    ("loose entry", "audit_loose", str),
    ("settlement", "audit_settlements", str),
    ("end", "audit_ends", str),
    ("payer", "audit_payers", str),
    ("live calls", "audit_live_calls", str),
    ("room", "audit_rooms", str),
)
"""What is checked, by which query, and how its figures are written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a balance; ``ref`` is None for what no call caused.

    ``balance`` is the account's after it: points and bonus.
    """

    ref: str | None
    minute: int
    kind: str
    points: int
    bonus: int
    balance: int
    at: int


@dataclass(frozen=True, slots=True)
class Place:
    """How far an account's entries were read: the last one's number, and the balance it left."""

    after: int = 0
    balance: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some entries, and where the next ones begin; no entries: there are none."""

    entries: Sequence[Entry]
    end: Place


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not add up: what was checked, whose it is, and both figures."""

    check: str
    subject: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class Audit:
    """How much was looked at, and what is wrong with it."""

    accounts: int
    calls: int
    live_calls: int
    entries: int
    problems: Sequence[Problem]


def last_entry(db: sqlite3.Connection, account: int) -> int:
    """The number of an account's newest entry; 0 when it has none."""
    (last,) = must(db, "last_entry", account=account)
    return int(last)


def entries(db: sqlite3.Connection, account: int, place: Place, last: int) -> Chunk:
    """The next ``CHUNK`` of an account's entries, oldest first, each with the balance that it left.

    None is newer than ``last``: entries are numbered as they are committed and never change, so
    with the last one of a moment the chunks together are the ledger of that moment.
    """
    after, balance, found = place.after, place.balance, list[Entry]()
    bounds = {"account": account, "after": after, "last": last, "limit": CHUNK}
    for number, ref, minute, kind, points, bonus, at in db.execute(SQL["entries"], bounds):
        after, balance = number, balance + points + bonus
        found.append(Entry(ref, minute, kind, points, bonus, balance, at))
    return Chunk(found, Place(after, balance))


def audit(db: sqlite3.Connection) -> Audit:
    """Prove the books; to be run in one read transaction, so that it sees one moment.

    Balances equal their entries, a settled call's debit equals its own, and its minutes at its rate
    where it is priced by the minute (api rule 19). Every hold of such a call was released; what was
    released or captured by the minute was held, and a live call has its holds or their captures.
    Each call was settled once, what no call caused is a top-up or an adjustment, and the counters
    of live calls and of people in rooms agree with the records.
    """
    accounts, calls, live_calls, entered = must(db, "audit_counts")
    return Audit(accounts, calls, live_calls, entered, list(_problems(db)))


def _problems(db: sqlite3.Connection) -> Iterator[Problem]:
    for check, query, written in _CHECKS:
        for subject, found, expected in db.execute(SQL[query]):
            yield Problem(check, subject, written(found), written(expected))
