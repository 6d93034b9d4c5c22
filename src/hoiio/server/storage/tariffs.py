"""Decks in the database: staged beside the one in use, then switched; read whole and kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

from hoiio.server.billing.charge import Price
from hoiio.server.billing.tariff import Row, Tariff
from hoiio.server.storage.errors import Conflict
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import must, one

CHUNK: Final = 2_000
"""Rows written or dropped in one transaction, so that calls are not kept waiting for a deck."""

PAUSE: Final = 0.015
"""Seconds between two of them, in which a service of another process gets the write lock."""


class TariffCache:
    """Tariffs by currency, as of the deck in use. For one connection's thread only.

    A deck in use never changes, so its id tells whether the copy here is current, whichever
    process imported the newer one.
    """

    def __init__(self) -> None:
        self._decks: dict[str, tuple[int, Tariff]] = {}

    def price(self, db: sqlite3.Connection, currency: str, number: str) -> Price | None:
        """What a leg to a number costs; None when it or the currency is not covered."""
        row = one(db, "deck_in_use", currency=currency)
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


def begin_deck(db: sqlite3.Connection, currency: str, now: int) -> int:
    """A new empty deck that nobody uses yet; its id is never given again."""
    (deck,) = must(db, "next_value", name="deck")
    db.execute(SQL["add_deck"], {"id": deck, "currency": currency, "now": now})
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


def compare(db: sqlite3.Connection, currency: str, deck: int) -> Comparison:
    """Count what a staged deck would change; reads only, so no call waits for it."""
    used = one(db, "deck_in_use", currency=currency)
    previous: int | None = None if used is None else used[0]
    (rows,) = must(db, "deck_rows", deck=deck)
    (before,) = must(db, "deck_rows", deck=previous)
    kept, changed = must(db, "deck_difference", deck=deck, previous=previous)
    return Comparison(previous, rows - kept, before - kept, changed)


def use_deck(db: sqlite3.Connection, currency: str, deck: int, previous: int | None) -> list[int]:
    """Put a staged deck in the place of the one in use; returns the decks that are now stale.

    Raises ``Conflict`` when another one than ``previous`` is in use: an import begun later was
    finished first, or an earlier one since they were compared.
    """
    if one(db, "use_deck", currency=currency, deck=deck, previous=previous) is None:
        raise _overtaken()
    stale = db.execute(SQL["stale_decks"], {"currency": currency, "deck": deck}).fetchall()
    return [old for (old,) in stale]


def drop_some(db: sqlite3.Connection, deck: int) -> bool:
    """Delete a part of a stale deck; False once it is gone."""
    if db.execute(SQL["drop_rates"], {"deck": deck, "limit": CHUNK}).fetchall():
        return True
    db.execute(SQL["drop_deck"], {"deck": deck})
    return False


def _overtaken() -> Conflict:
    return Conflict("another import of this currency's tariff was finished meanwhile")
