"""``hoiio admin ledger`` and ``audit``: what moved the money, and that all of it adds up."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Final

from cyclopts import Parameter

from hoiio import wire
from hoiio.cli.admin_shared import Answer, Config, Data, Pretty, instant, print_answer, run
from hoiio.cli.console import UsageError
from hoiio.server.storage.books import Entry
from hoiio.server.storage.protocol import Account
from hoiio.server.storage.rows import uid
from hoiio.server.storage.sqlite import SqliteStorage

_COLUMNS: Final = ("ref", "minute", "kind", "points", "bonus", "balance", "at")

Csv = Annotated[bool, Parameter(name="--csv", negative=(), help="Print comma-separated values.")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON, the default.")]


def ledger(
    account: str,
    /,
    *,
    csv: Csv = False,
    json: Json = False,
    pretty: Pretty = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """List what moved an account's balance, oldest first.

    :param account: Its id or unique name.
    """
    if csv + json + pretty > 1:
        raise UsageError("--csv, --json and --pretty exclude each other")

    async def work(storage: SqliteStorage) -> tuple[Account, Sequence[Entry]]:
        owner = await storage.account(account)
        return owner, await storage.ledger(owner.id)

    owner, entries = run(work, data, config)
    if csv:
        _print_csv(entries)
    else:
        print_answer(_told(owner, entries), pretty=pretty, empty=_COLUMNS)


def audit(*, pretty: Pretty = False, data: Data = None, config: Config = None) -> int:
    """Prove that the books add up; exit code 1, with a list, where they do not."""

    async def work(storage: SqliteStorage) -> Answer:
        return asdict(await storage.audit())

    found = run(work, data, config)
    figures = {name: value for name, value in found.items() if name != "problems"}
    wrong = bool(found["problems"])
    # The table is of what is wrong, or of how much was found right.
    print_answer({"ok": not wrong, **(figures if pretty and not wrong else found)}, pretty=pretty)
    return int(wrong)


def _told(owner: Account, entries: Sequence[Entry]) -> Answer:
    listed = [dict(zip(_COLUMNS, _cells(entry), strict=True)) for entry in entries]
    balance = entries[-1].balance if entries else 0
    return {
        "id": uid(owner.id),
        "currency": owner.currency,
        "balance": wire.format_money(balance),
        "entries": listed,
    }


def _print_csv(entries: Sequence[Entry]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_cells(entry) for entry in entries)


def _cells(entry: Entry) -> tuple[str | int | None, ...]:
    """An entry by its columns; the minute of what is not for one is left out."""
    money = (entry.points, entry.bonus, entry.balance)
    return (
        entry.ref,
        entry.minute or None,
        entry.kind,
        *map(wire.format_money, money),
        instant(entry.at),
    )
