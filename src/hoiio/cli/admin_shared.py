"""What the admin commands share: their options, the storage they work on, and their answers."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar, cast

from cyclopts import Parameter

from hoiio import wire
from hoiio.cli.console import UsageError
from hoiio.cli.show import aligned
from hoiio.server.config import ConfigError, load_config
from hoiio.server.storage.data import open_data
from hoiio.server.storage.errors import StorageError
from hoiio.server.storage.sqlite import SqliteStorage

T = TypeVar("T")

Data = Annotated[str | None, Parameter(name="--data", help="The data folder.")]
Config = Annotated[str | None, Parameter(name="--config", help="The service's TOML file.")]
Pretty = Annotated[bool, Parameter(name="--pretty", negative=(), help="Print a table.")]
Answer = Mapping[str, object]
Work = Callable[[SqliteStorage], Awaitable[T]]


def run(work: Work[T], data: str | None, config: str | None, *, create: bool = False) -> T:
    """Do the work on the storage of the data folder that the options name."""
    try:
        folder = load_config({"data": data}, os.environ, config).data
        return asyncio.run(_with_storage(work, folder, create=create))
    except (ConfigError, StorageError) as error:
        raise UsageError(str(error)) from error


async def _with_storage(work: Work[T], folder: Path, *, create: bool) -> T:
    storage = open_data(folder, create=create)
    try:
        return await work(storage)
    finally:
        await storage.close()


def instant(at: int) -> str:
    """Unix microseconds as ISO 8601 in UTC, to the microsecond."""
    moment = datetime.fromtimestamp(at // wire.MICROS, UTC).replace(microsecond=at % wire.MICROS)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def print_answer(answer: Answer, *, pretty: bool, empty: Sequence[str] = ()) -> None:
    """Print one JSON object, or a table: of the list in it where it has one, else of itself.

    ``empty`` names the columns of a list that may have no rows.
    """
    if pretty:
        _print_table(answer, empty)
    else:
        print(json.dumps(answer, ensure_ascii=False))  # noqa: T201 - the answer goes to the terminal


def _print_table(answer: Answer, empty: Sequence[str]) -> None:
    lists = [cast("list[Answer]", value) for value in answer.values() if isinstance(value, list)]
    rows = lists[0] if lists else [answer]
    head = tuple(rows[0]) if rows else tuple(empty)
    shown = [tuple("" if value is None else str(value) for value in row.values()) for row in rows]
    aligned(head, shown)
