"""A deck of rates by number prefix: read from CSV, asked by longest prefix."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hoiio import wire

RATE_MAX: Final = 1_000_000 * wire.MICROS
"""The dearest rate accepted: a million units a minute, so that sums never leave 64 bits."""

_COLUMNS: Final = ("prefix", "rate")
_PREFIX: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_DECIMAL: Final = re.compile(r"[0-9]{1,12}(\.[0-9]+)?", re.ASCII)


class TariffError(ValueError):
    """A tariff file that cannot be read; the message names the line, the column and the want."""

    def __init__(self, line: int, column: str | None, expected: str) -> None:
        where = f"line {line}" if column is None else f"line {line}, column {column}"
        super().__init__(f"{where}: {expected}")
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Row:
    """One rate: micro-units a minute for a leg to any number that starts with ``prefix``."""

    prefix: str
    rate: int


class Tariff:
    """Rates of one currency, answered by the longest prefix that a number starts with."""

    def __init__(self, rates: Mapping[str, int]) -> None:
        self._rates = dict(rates)
        self._lengths = sorted({len(prefix) for prefix in self._rates}, reverse=True)

    def __len__(self) -> int:
        return len(self._rates)

    def rate(self, number: str) -> int | None:
        """Micro-units a minute for one leg to an E.164 number; None when no row covers it."""
        digits = number.removeprefix("+")
        for length in self._lengths:
            rate = self._rates.get(digits[:length])
            if rate is not None and length <= len(digits):
                return rate
        return None


def parse_tariff(lines: Iterable[str]) -> Sequence[Row]:
    """Read a deck from the lines of a CSV file with the columns ``prefix`` and ``rate``.

    Other columns are ignored, as are a byte order mark and empty lines. Raises ``TariffError``
    for the first thing that is wrong: nothing is guessed.
    """
    records = _records(lines)
    line, header = next(records, (1, list[str]()))
    positions = _positions(line, header)
    rows: dict[str, Row] = {}
    for line, record in records:
        row = _row(line, record, positions)
        if row.prefix in rows:
            raise TariffError(line, "prefix", f"{row.prefix} stands in an earlier line already")
        rows[row.prefix] = row
    if not rows:
        raise TariffError(line + 1, None, "expected at least one row below the header")
    return list(rows.values())


def _records(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not empty, with the number of the line it starts at."""
    reader = csv.reader(_without_mark(lines), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TariffError(line, None, f"expected comma-separated values ({error})") from error
        if any(value.strip() for value in record):
            yield line, [value.strip() for value in record]


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        yield line.removeprefix("\ufeff") if index == 0 else line


def _positions(line: int, header: Sequence[str]) -> tuple[int, int]:
    names = [name.lower() for name in header]
    for column in _COLUMNS:
        if names.count(column) != 1:
            raise TariffError(line, column, f"expected the header to name {column} exactly once")
    return names.index("prefix"), names.index("rate")


def _row(line: int, record: Sequence[str], positions: tuple[int, int]) -> Row:
    for column, position in zip(_COLUMNS, positions, strict=True):
        if position >= len(record) or not record[position]:
            raise TariffError(line, column, "expected a value, found none")
    prefix, rate = (record[position] for position in positions)
    if not _PREFIX.fullmatch(prefix):
        raise TariffError(line, "prefix", f"expected 1 to 15 digits, found {_shown(prefix)}")
    return Row(prefix, _rate(line, rate))


def _rate(line: int, text: str) -> int:
    if not _DECIMAL.fullmatch(text):
        expected = f"expected a decimal of 0 or more, such as 0.018, found {_shown(text)}"
        raise TariffError(line, "rate", expected)
    try:
        rate = wire.parse_money(text)
    except ValueError as error:
        expected = f"expected at most six decimals, found {_shown(text)}"
        raise TariffError(line, "rate", expected) from error
    if rate > RATE_MAX:
        expected = f"expected at most {wire.format_money(RATE_MAX)} a minute, found {_shown(text)}"
        raise TariffError(line, "rate", expected)
    return rate


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
