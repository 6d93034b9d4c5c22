"""Answers for a person's eyes: in colour on a terminal, plain where a program reads them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import chain

Row = tuple[str, ...]


def record(lines: Iterable[tuple[str, object]]) -> None:
    """Print labels and values, one a line, without those that have no value."""
    rows = [(label, printable(value)) for label, value in lines if value not in {None, ""}]
    width = max((len(label) for label, _ in rows), default=0)
    for label, value in rows:
        _line(_bold(label.ljust(width)) + "  " + value)


def table(head: Row, rows: Sequence[Row]) -> None:
    """Print columns under their names: aligned on a terminal, tabs between them elsewhere."""
    clean = [tuple(printable(cell) for cell in row) for row in rows]
    if not sys.stdout.isatty():
        for row in chain([head], clean):
            _line("\t".join(row))
        return
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - slow to load, for terminals only
    from rich.console import Console  # noqa: PLC0415 - slow to load, for terminals only
    from rich.table import Table  # noqa: PLC0415 - slow to load, for terminals only
    from rich.text import Text  # noqa: PLC0415 - slow to load, for terminals only

    shown = Table(*head, box=SIMPLE_HEAD)
    for row in clean:
        shown.add_row(*(Text(cell) for cell in row))
    Console().print(shown)


def raw(text: str) -> None:
    """Print an answer as it came."""
    _line(text)


def printable(value: object) -> str:
    """A value on one line, with nothing in it that a terminal would obey."""
    return "".join(char if char.isprintable() else "�" for char in str(value))


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() else text


def _line(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the terminal is its job
