"""``hoiio admin ledger`` and ``audit``: what moved the money, and that all of it adds up."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import AsyncIterator
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

    async def work(storage: SqliteStorage) -> None:
        owner = await storage.account(account)
        entries = storage.ledger(owner.id)
        if csv:
            await _print_csv(entries)
        elif pretty:
            # The columns are as wide as their widest cell: all of them are held.
            listed = [_listed(entry) async for entry in entries]
            print_answer({"entries": listed}, pretty=True, empty=_COLUMNS)
        else:
            await _print_json(owner, entries)

    run(work, data, config)


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


async def _print_json(owner: Account, entries: AsyncIterator[Entry]) -> None:
    """Print one object, its entries as they come; the balance that they lead to stands last."""
    write, between, balance = sys.stdout.write, "", 0
    head = _json({"id": uid(owner.id), "currency": owner.currency})
    write(f'{head.removesuffix("}")}, "entries": [')
    async for entry in entries:
        write(between + _json(_listed(entry)))
        between, balance = ", ", entry.balance
    write(f'], "balance": {_json(wire.format_money(balance))}}}\n')


async def _print_csv(entries: AsyncIterator[Entry]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_COLUMNS)
    async for entry in entries:
        writer.writerow(_cells(entry))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _listed(entry: Entry) -> Answer:
    return dict(zip(_COLUMNS, _cells(entry), strict=True))


def _cells(entry: Entry) -> tuple[str | int | None, ...]:
    """An entry by its columns; what is not a call's has no minute."""
    money = (entry.points, entry.bonus, entry.balance)
    return (
        entry.ref,
        entry.minute if entry.ref else None,
        entry.kind,
        *map(wire.format_money, money),
        instant(entry.at),
    )
