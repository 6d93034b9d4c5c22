"""Decks in the database: staged beside the one in use, then switched to, now or at a later moment.

A deck is read whole and kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

from hoiio.server.billing.charge import Price
from hoiio.server.billing.tariff import Row, Tariff
from hoiio.server.storage.errors import Conflict, Unknown
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import must, one

CHUNK: Final = 2_000
"""Rows written or dropped in one transaction, so that calls are not kept waiting for a deck."""

PAUSE: Final = 0.015
"""Seconds between two of them, in which a service of another process gets the write lock."""


class TariffCache:
    """Tariffs by currency, as of the deck in use. For one connection's thread only.

    A deck in use never changes, so its id tells whether the copy here is current, whichever
    process imported the newer one, and also when its time came without a write.
    """

    def __init__(self) -> None:
        self._decks: dict[str, tuple[int, Tariff]] = {}

    def price(self, db: sqlite3.Connection, currency: str, number: str, now: int) -> Price | None:
        """What a leg to a number costs at ``now``; None when it or the currency is not covered."""
        row = one(db, "deck_in_use", currency=currency, now=now)
        if row is None:
            return None
        deck, tariff = self._decks.get(currency, (0, _NOTHING))
        if deck != row[0]:
            tariff = _load(db, row[0])
            self._decks[currency] = (row[0], tariff)
        return tariff.price(number)


_NOTHING: Final = Tariff({})


def _load(db: sqlite3.Connection, deck: int) -> Tariff:
    """A deck whole; the many prefixes of one price share it."""
    shared: dict[tuple[int, ...], Price] = {}
    prices: dict[str, Price] = {}
    for prefix, *values in db.execute(SQL["deck_rates"], {"deck": deck}):
        key = tuple(values)
        price = shared.get(key)
        if price is None:
            price = shared[key] = Price(*key)
        prices[prefix] = price
    return Tariff(prices)


def begin_deck(
    db: sqlite3.Connection, currency: str, now: int, starts_at: int | None = None
) -> int:
    """A new empty deck that nobody uses yet; its id is never given again."""
    (deck,) = must(db, "next_value", name="deck")
    start = now if starts_at is None else starts_at
    values = {"id": deck, "currency": currency, "now": now, "starts_at": start}
    db.execute(SQL["add_deck"], values)
    return int(deck)


def fill_deck(db: sqlite3.Connection, deck: int, rows: Iterable[Row]) -> None:
    """Write some of a staged deck's rows."""
    values = ({"deck": deck, "prefix": row.prefix} | asdict(row.price) for row in rows)
    try:
        db.executemany(SQL["add_rate"], values)
    except sqlite3.IntegrityError as error:
        raise _overtaken() from error


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a staged deck would change: how many prefixes, beside which deck in use."""

    previous: int | None
    added: int
    removed: int
    changed: int


def compare(db: sqlite3.Connection, currency: str, deck: int, at: int) -> Comparison:
    """Count what a staged deck would change at a moment; reads only, so no call waits for it."""
    used = one(db, "deck_in_use", currency=currency, now=at)
    previous: int | None = None if used is None else used[0]
    (rows,) = must(db, "deck_rows", deck=deck)
    (before,) = must(db, "deck_rows", deck=previous)
    kept, changed = must(db, "deck_difference", deck=deck, previous=previous)
    return Comparison(previous, rows - kept, before - kept, changed)


def use_deck(
    db: sqlite3.Connection, currency: str, deck: int, previous: int | None, now: int
) -> list[int]:
    """Put a staged deck in the place of the one in use; returns the decks that are now stale.

    Decks with a later start stay. Raises ``Conflict`` when another one than ``previous`` is in use:
    an import begun later was finished first, or an earlier one since they were compared.
    """
    ended = db.execute(SQL["end_started"], {"currency": currency, "now": now}).fetchall()
    in_use = max(ended)[1] if ended else None
    if in_use != previous or (in_use is not None and in_use > deck):
        raise _overtaken()
    if one(db, "start_deck", currency=currency, starts_at=0, deck=deck) is None:
        raise _overtaken()
    return _stale(db, currency, deck)


def start_deck_later(
    db: sqlite3.Connection, currency: str, deck: int, starts_at: int, now: int
) -> list[int]:
    """Let a staged deck be used from a moment on; returns the decks that are stale by ``now``.

    Raises ``Conflict`` when another one starts at that moment, or when it has come already.
    """
    if starts_at <= now:
        raise Conflict("the start came while the deck was stored; import it without one")
    try:
        if one(db, "start_deck", currency=currency, starts_at=starts_at, deck=deck) is None:
            raise Conflict("another deck of this currency starts then; remove it first")
    except sqlite3.IntegrityError as error:
        raise _overtaken() from error
    at = {"currency": currency, "now": now}
    db.execute(SQL["end_replaced"], at)
    # A clock that is set back must not find the time before the oldest deck that is left.
    db.execute(SQL["use_since_ever"], at)
    return _stale(db, currency, deck)


def take_back_deck(db: sqlite3.Connection, currency: str, starts_at: int, now: int) -> int:
    """Let a deck that has not started yet never start; returns it, to be dropped.

    Raises ``Unknown`` when there is none.
    """
    row = one(db, "take_back_deck", currency=currency, starts_at=starts_at, now=now)
    if row is None:
        raise Unknown("no deck of this currency starts then, in the future")
    return int(row[0])


def _stale(db: sqlite3.Connection, currency: str, deck: int) -> list[int]:
    stale = db.execute(SQL["stale_decks"], {"currency": currency, "deck": deck}).fetchall()
    return [old for (old,) in stale]


@dataclass(frozen=True, slots=True)
class Deck:
    """A deck that is used, or will be: ``starts_at`` is when, or when it was imported."""

    currency: str
    rows: int
    starts_at: int
    in_use: bool


def listed(db: sqlite3.Connection, now: int) -> list[Deck]:
    """All decks by currency and start, without those that another one has replaced by ``now``."""
    found: list[Deck] = []
    for currency, deck, starts_at, since, rows in db.execute(SQL["decks_listed"]).fetchall():
        (used, _) = one(db, "deck_in_use", currency=currency, now=now) or (None, None)
        if deck == used or since > now:
            found.append(Deck(currency, rows, starts_at, deck == used))
    return found


def drop_some(db: sqlite3.Connection, deck: int) -> bool:
    """Delete a part of a stale deck; False once it is gone."""
    if db.execute(SQL["drop_rates"], {"deck": deck, "limit": CHUNK}).fetchall():
        return True
    db.execute(SQL["drop_deck"], {"deck": deck})
    return False


def _overtaken() -> Conflict:
    return Conflict("another import of this currency's tariff was finished meanwhile")
