"""A deck of prices by number prefix: read from CSV, asked by longest prefix."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hoiio import wire
from hoiio.server.billing.charge import Price

RATE_MAX: Final = 1_000_000 * wire.MICROS
"""The dearest rate or fee accepted: a million units, so that sums never leave 64 bits."""

INCREMENT_MAX: Final = 3600
"""The longest increment accepted: an hour, in seconds."""

_REQUIRED: Final = ("prefix", "rate")
_OPTIONAL: Final = ("initial", "increment", "fee")
_PREFIX: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_SECONDS: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_DECIMAL: Final = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]+)?", re.ASCII)
"""Without leading zeros, as the second half of a decimal comma would have them."""


class TariffError(ValueError):
    """A tariff file that cannot be read; the message names the line, the column and the want."""

    def __init__(self, line: int, column: str | None, expected: str) -> None:
        where = f"line {line}" if column is None else f"line {line}, column {column}"
        super().__init__(f"{where}: {expected}")
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Row:
    """What a leg costs to any number that starts with ``prefix``."""

    prefix: str
    price: Price

    @property
    def free(self) -> bool:
        """Whether a call there costs nothing, however long."""
        return self.price.rate == 0 and self.price.fee == 0


class Tariff:
    """Prices of one currency, answered by the longest prefix that a number starts with."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self._prices = dict(prices)
        self._lengths = sorted({len(prefix) for prefix in self._prices}, reverse=True)

    def __len__(self) -> int:
        return len(self._prices)

    def price(self, number: str) -> Price | None:
        """What a leg to an E.164 number costs; None when no row covers it."""
        digits = number.removeprefix("+")
        for length in self._lengths:
            price = self._prices.get(digits[:length])
            if price is not None and length <= len(digits):
                return price
        return None


def parse_tariff(lines: Iterable[str]) -> Sequence[Row]:
    """Read a deck from the lines of a CSV file with the columns ``prefix`` and ``rate``.

    ``initial`` and ``increment`` (seconds, 60 by default) and ``fee`` (nothing by default) may be
    there too. Other columns are ignored, as are a byte order mark and empty lines. A record is as
    wide as the header: with a decimal comma it is wider, and its rate would read as 0. Raises
    ``TariffError`` for the first thing that is wrong: nothing is guessed.
    """
    records = _records(lines)
    line, header = next(records, (1, list[str]()))
    positions = _positions(line, header)
    rows: dict[str, Row] = {}
    for line, record in records:
        _check_width(line, len(record), len(header))
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


def _positions(line: int, header: Sequence[str]) -> Mapping[str, int]:
    """Where the columns stand, those that are there."""
    names = [name.lower() for name in header]
    for column in _REQUIRED:
        if names.count(column) != 1:
            raise TariffError(line, column, f"expected the header to name {column} exactly once")
    for column in _OPTIONAL:
        if names.count(column) > 1:
            raise TariffError(line, column, f"expected the header to name {column} at most once")
    columns = _REQUIRED + _OPTIONAL
    return {column: names.index(column) for column in columns if column in names}


def _check_width(line: int, width: int, expected: int) -> None:
    if width != expected:
        hint = "; a decimal point is a dot" if width > expected else ""
        raise TariffError(line, None, f"expected {expected} columns, found {width}{hint}")


def _row(line: int, record: Sequence[str], positions: Mapping[str, int]) -> Row:
    values = {
        column: record[position] for column, position in positions.items() if record[position]
    }
    for column in _REQUIRED:
        if column not in values:
            raise TariffError(line, column, "expected a value, found none")
    prefix = values["prefix"]
    if not _PREFIX.fullmatch(prefix):
        raise TariffError(line, "prefix", f"expected 1 to 15 digits, found {_shown(prefix)}")
    price = Price(
        rate=_money(line, "rate", values["rate"]),
        initial=_seconds(line, "initial", values.get("initial", "60")),
        increment=_seconds(line, "increment", values.get("increment", "60")),
        fee=_money(line, "fee", values.get("fee", "0")),
    )
    return Row(prefix, price)


def _money(line: int, column: str, text: str) -> int:
    if not _DECIMAL.fullmatch(text):
        expected = f"expected a decimal of 0 or more, such as 0.018, found {_shown(text)}"
        raise TariffError(line, column, expected)
    try:
        amount = wire.parse_money(text)
    except ValueError as error:
        expected = f"expected at most six decimals, found {_shown(text)}"
        raise TariffError(line, column, expected) from error
    if amount > RATE_MAX:
        expected = f"expected at most {wire.format_money(RATE_MAX)}, found {_shown(text)}"
        raise TariffError(line, column, expected)
    return amount


def _seconds(line: int, column: str, text: str) -> int:
    if not _SECONDS.fullmatch(text) or not 1 <= int(text) <= INCREMENT_MAX:
        expected = f"expected whole seconds from 1 to {INCREMENT_MAX}, found {_shown(text)}"
        raise TariffError(line, column, expected)
    return int(text)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
