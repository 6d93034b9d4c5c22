"""``hoiio admin backup`` and ``purge``: the database as a whole, while the service runs."""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from hoiio import wire
from hoiio.cli.admin_shared import Answer, Config, Data, Pretty, print_answer, run
from hoiio.cli.console import UsageError
from hoiio.server.storage.sqlite import SqliteStorage

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

Before = Annotated[str, Parameter(name="--before", help="A day or a moment in GMT+8.")]


def backup(
    file: Path, /, *, data: Data = None, config: Config = None, pretty: Pretty = False
) -> None:
    """Copy the database, as it is at one moment, into a new file.

    :param file: Where to; there must be none yet.
    """

    async def work(storage: SqliteStorage) -> Answer:
        return {"file": str(file), "bytes": await storage.backup(file)}

    print_answer(run(work, data, config), pretty=pretty)


def purge(
    *, before: Before, data: Data = None, config: Config = None, pretty: Pretty = False
) -> None:
    """Mask the phone numbers of calls that have ended and are older than a date."""
    until = _instant(before)

    async def work(storage: SqliteStorage) -> Answer:
        return asdict(await storage.purge(until))

    print_answer(run(work, data, config), pretty=pretty)


def _instant(text: str) -> int:
    """The instant of a past day's beginning, or of a moment, in GMT+8 as everywhere in the API."""
    try:
        date = wire.parse_date(f"{text} 00:00:00" if _DAY.fullmatch(text) else text)
    except ValueError as error:
        raise UsageError(
            f"--before must be a date like 2012-01-31 or 2012-01-31 12:06:15, not {text!r}"
        ) from error
    instant = wire.to_micros(date)
    if instant > time.time_ns() // 1_000:
        raise UsageError(f"--before must not be in the future, unlike {text}")
    return instant
