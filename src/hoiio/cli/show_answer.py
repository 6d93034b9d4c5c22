"""How each kind of answer reads on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from textwrap import fill
from typing import Final

from hoiio.cli.show import Pairs, Row, aligned, for_people, record, tabbed, word
from hoiio.response import Response
from hoiio.wire import CallStatus

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
    word(answer.txn_ref or "")


def refs(answer: Response) -> None:
    """A conference's references alone, in the order of its phones."""
    for txn_ref in answer.txn_refs or []:
        word(txn_ref)


def nothing(_: Response) -> None:
    """For a script the exit code says it all."""


def done(what: str) -> Callable[[Response], None]:
    """A success that has nothing else to say."""
    return lambda _: word(what)


def state(answer: Response) -> None:
    """How a call stands, in one word."""
    word(state_of(answer))


def state_of(answer: Response) -> str:
    """``ongoing``, ``answered`` if all have talked, else why a phone did not."""
    if answer.is_live():
        return CallStatus.ONGOING
    legs = [status for status in (answer.call_status_dest1, answer.call_status_dest2) if status]
    missed = [status for status in legs if status != CallStatus.ANSWERED]
    return (missed or legs or [""])[0]


def room(answer: Response) -> None:
    """A conference: its room and each participant's reference."""
    record([("room", answer.room), *(("ref", txn) for txn in answer.txn_refs or [])])


def call(answer: Response) -> None:
    """The record of one call, live or ended."""
    record(call_pairs(answer))


def call_pairs(answer: Response) -> Pairs:
    """What :func:`call` prints."""
    return [
        ("ref", answer.txn_ref),
        ("date", answer.date and f"{answer.date} GMT+8"),
        ("dest1", _leg(answer.dest1, answer.call_status_dest1)),
        ("dest2", _leg(answer.dest2, answer.call_status_dest2)),
        ("room", answer.room),
        ("answered", answer.answered_date and f"{answer.answered_date} GMT+8"),
        ("duration", None if answer.duration is None else f"{answer.duration} min"),
        ("rate", _money(answer.rate_decimal, answer.currency, " a minute")),
        ("cost", _money(answer.debit_decimal, answer.currency)),
        ("tag", answer.tag),
    ]


def calls(entries: Iterable[Response]) -> None:
    """Calls: one a line for a program, as they come; all together and narrower for a person."""
    rows = map(_row, entries)
    if for_people():
        aligned(_stacked(_HISTORY), map(_stacked, rows))
    else:
        tabbed(_HISTORY, rows)


def price(answer: Response) -> None:
    """The price of a minute alone."""
    word(answer.rate_decimal)


def credit(answer: Response) -> None:
    """The credit alone."""
    word(answer.balance_decimal)


def caller_ids(answer: Response) -> None:
    """What a call may show, one a line."""
    for caller_id in answer.caller_ids or []:
        word(caller_id)


def info(answer: Response) -> None:
    """Who the account is."""
    record(
        [
            ("name", answer.name),
            ("number", answer.mobile_number),
            ("caller IDs", ", ".join(answer.caller_ids or [])),
            ("e-mail", answer.email),
            ("country", answer.country),
            ("prefix", answer.prefix),
            ("time zone", answer.time_zone),
            ("currency", answer.currency),
            ("status", answer.user_status),
            ("uid", answer.uid),
        ]
    )


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
