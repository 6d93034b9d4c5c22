"""Answers for a person's eyes: bold on a terminal, plain where a program reads them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest

from rich.cells import cell_len, set_cell_size

Row = tuple[str, ...]


Pairs = Iterable[tuple[str, object]]
"""Labels and their values."""


def record(pairs: Pairs) -> None:
    """Print labels and values, one a line, without those that have no value."""
    for line in record_lines(pairs):
        _line(line)


def record_lines(pairs: Pairs) -> list[str]:
    """What :func:`record` prints."""
    rows = [(label, printable(value)) for label, value in pairs if value not in {None, ""}]
    width = max((len(label) for label, _ in rows), default=0)
    return [_bold(label.ljust(width)) + "  " + value for label, value in rows]


def tabbed(head: Row, rows: Iterable[Row]) -> None:
    """Print one row a line for a program: tabs between the cells, the columns' names first."""
    for row in chain([head], rows):
        _line("\t".join(printable(cell) for cell in row))


def aligned(head: Row, rows: Iterable[Row]) -> None:
    """Print columns under their names for a person; a cell may have several lines.

    Nothing is cut or folded: where a terminal is too narrow it wraps the line itself, and what is
    copied from it stays whole.
    """
    names, *blocks = [[_cell_lines(cell) for cell in row] for row in chain([head], rows)]
    columns = zip(names, *blocks, strict=True)
    widths = [max(cell_len(line) for cell in column for line in cell) for column in columns]
    rule = [["-" * width] for width in widths]
    for line in _joined(names, widths):
        _line(_bold(line))
    for block in [rule, *blocks]:
        for line in _joined(block, widths):
            _line(line)


def for_people() -> bool:
    """Whether a terminal shows what is printed, not a program that reads it."""
    return sys.stdout.isatty()


def has_style() -> bool:
    """Whether what is printed may be bold or coloured (https://no-color.org)."""
    return for_people() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def word(value: object) -> None:
    """Print one value alone, so that a script can keep it."""
    _line(printable(value))


def raw(text: str) -> None:
    """Print an answer as it came; a terminal gets nothing that it would obey."""
    _line(_harmless(text) if for_people() else text)


def one_line(fields: Mapping[str, object]) -> None:
    """Print an object as JSON on one line."""
    _line(json.dumps(fields))


def _harmless(text: str) -> str:
    return "".join(char if char.isprintable() or char in "\n\t" else "�" for char in text)


def printable(value: object) -> str:
    """A value on one line, with nothing in it that a terminal would obey."""
    return "".join(char if char.isprintable() else "�" for char in str(value))


def _cell_lines(cell: str) -> list[str]:
    return [printable(line) for line in cell.split("\n")]


def _joined(block: Iterable[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    """The lines of one row, each of its cells filled up to its column's width."""
    for line in zip_longest(*block, fillvalue=""):
        padded = (set_cell_size(text, width) for text, width in zip(line, widths, strict=True))
        yield "  ".join(padded).rstrip()


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if has_style() else text


def _line(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the terminal is its job
