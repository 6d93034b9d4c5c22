"""``hoiio admin tariff``: the decks that are used and those to come, and what their starts are."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Annotated, Final

from cyclopts import Parameter

from hoiio import wire
from hoiio.cli.admin_shared import Answer, Config, Data, Pretty, print_answer, run
from hoiio.cli.console import UsageError
from hoiio.server.storage.sqlite import SqliteStorage

Currency = Annotated[str, Parameter(name="--currency", help="Three letters, such as SGD.")]
Starts = Annotated[
    str,
    Parameter(name="--starts", help="A future moment: 'YYYY-MM-DD HH:MM', GMT+8 or an offset."),
]

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_START: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:?[0-9]{2})?",
    re.ASCII,
)
_COLUMNS: Final = ("currency", "rows", "starts", "in_use")


def list_decks(*, data: Data = None, config: Config = None, pretty: Pretty = False) -> None:
    """List the tariffs that are in use or will be: currency, rows, start, in use or not."""

    async def work(storage: SqliteStorage) -> Answer:
        decks = [
            dict(
                zip(
                    _COLUMNS,
                    (deck.currency, deck.rows, told_start(deck.starts_at), deck.in_use),
                    strict=True,
                )
            )
            for deck in await storage.decks()
        ]
        return {"tariffs": decks}

    print_answer(run(work, data, config), pretty=pretty, empty=_COLUMNS)


def remove(
    *,
    starts: Starts,
    currency: Currency = "SGD",
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """Take back a tariff that has not started yet, by its currency and start."""
    check_currency(currency)
    starts_at = future_start(starts)

    async def work(storage: SqliteStorage) -> Answer:
        await storage.remove_tariff(currency, starts_at)
        return {"removed": told_start(starts_at), "currency": currency}

    print_answer(run(work, data, config), pretty=pretty)


def check_currency(currency: str) -> None:
    """Raises ``UsageError`` for what is no currency's code."""
    if not _CURRENCY.fullmatch(currency):
        raise UsageError(f"a currency must be three capital letters, not {currency!r}")


def future_start(text: str) -> int:
    """The instant of a start as it was typed, in GMT+8 unless an offset is given.

    Raises ``UsageError`` for what is no moment, or not in the future.
    """
    instant = _instant(text)
    if instant is None:
        raise UsageError(
            "--starts must be a moment in GMT+8 like '2026-01-31 12:00', or with an offset like "
            f"'2026-01-31 04:00+00:00', not {text!r}"
        )
    if instant <= time.time_ns() // 1_000:
        raise UsageError(f"--starts must be in the future, unlike {text}")
    return instant


def _instant(text: str) -> int | None:
    if not _START.fullmatch(text):
        return None
    try:
        return wire.to_micros(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def told_start(instant: int) -> str:
    """A start as the API writes dates: GMT+8, to the second."""
    return wire.format_date(instant)
