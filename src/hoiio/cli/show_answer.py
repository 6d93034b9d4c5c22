"""How each kind of answer reads on a terminal."""

from __future__ import annotations

from decimal import Decimal
from textwrap import fill
from typing import Final

from hoiio.cli.show import Row, aligned, for_people, printable, raw, record, tabbed
from hoiio.response import Response

_HISTORY: Final[Row] = (
    "REF",
    "DATE (GMT+8)",
    "DEST1",
    "STATUS1",
    "DEST2",
    "STATUS2",
    "MINUTES",
    "COST",
    "TAG",
)
_TAG_WIDTH: Final = 18


def ref(answer: Response) -> None:
    """A new call: its reference alone, so that a script can keep it."""
    raw(printable(answer.txn_ref or ""))


def ended(_: Response) -> None:
    """A hangup has nothing else to say."""
    raw("ended")


def room(answer: Response) -> None:
    """A conference: its room and each participant's reference."""
    record([("room", answer.room), *(("ref", txn) for txn in answer.txn_refs or [])])


def call(answer: Response) -> None:
    """The record of one call, live or ended."""
    record(
        [
            ("ref", answer.txn_ref),
            ("date", answer.date and f"{answer.date} GMT+8"),
            ("dest1", _leg(answer.dest1, answer.call_status_dest1)),
            ("dest2", _leg(answer.dest2, answer.call_status_dest2)),
            ("room", answer.room),
            ("duration", None if answer.duration is None else f"{answer.duration} min"),
            ("rate", _money(answer.rate_decimal, answer.currency, " a minute")),
            ("cost", _money(answer.debit_decimal, answer.currency)),
            ("tag", answer.tag),
        ]
    )


def history(answer: Response) -> None:
    """A page of calls: one a line for a program, narrower for a person."""
    rows = [_row(entry) for entry in answer.entries or []]
    if for_people():
        aligned(_stacked(_HISTORY), map(_stacked, rows))
    else:
        tabbed(_HISTORY, rows)


def rate(answer: Response) -> None:
    """The price of a minute and how far the credit goes."""
    record(
        [
            ("rate", _money(answer.rate_decimal, answer.currency, " a minute")),
            ("credit lasts", None if answer.talktime is None else f"{answer.talktime} min"),
        ]
    )


def balance(answer: Response) -> None:
    """The credit and what it is made of."""
    record(
        [
            ("balance", _money(answer.balance_decimal, answer.currency)),
            ("points", _money(answer.points_decimal, answer.currency)),
            ("bonus", _money(answer.bonus_decimal, answer.currency)),
        ]
    )


def _row(entry: Response) -> Row:
    cells = (
        entry.txn_ref,
        entry.date,
        entry.dest1,
        entry.call_status_dest1,
        entry.dest2,
        entry.call_status_dest2,
        entry.duration,
        _money(entry.debit_decimal, entry.currency),
        entry.tag,
    )
    return tuple("" if cell is None else str(cell) for cell in cells)


def _stacked(row: Row) -> Row:
    """A row of the history on two lines: it fits into 80 columns, whatever the numbers."""
    ref, date, dest1, status1, dest2, status2, minutes, cost, tag = row
    return (
        f"{ref}\n{date}",
        f"{dest1} {status1}\n{dest2} {status2}",
        f"{cost}\n{minutes}",
        fill(tag, _TAG_WIDTH),
    )


def _leg(number: str | None, status: str | None) -> str:
    return f"{number} {status or ''}".strip() if number else ""


def _money(amount: Decimal | None, currency: str | None, after: str = "") -> str | None:
    return None if amount is None else f"{amount} {currency or ''}".strip() + after
