"""What a configured value may be: each reader turns what was written into a value.

A value comes from TOML with its type, or from the environment or a flag as text; both are read.
A reader raises ``ValueError`` saying what it expects, in words that follow "must be".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final, NamedTuple, TypeVar, cast

from phonenumbers import SUPPORTED_REGIONS

from hoiio import wire

Reader = Callable[[object], object]
E = TypeVar("E", bound=StrEnum)


class Address(NamedTuple):
    """Where to listen. Port 0 lets the system pick one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", re.ASCII)


def address(value: object) -> Address:
    """``HOST:PORT``; an IPv6 host stands in brackets."""
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[3]) > 65535:
        raise ValueError("HOST:PORT, such as 127.0.0.1:8080")
    return Address(match[1] or match[2], int(match[3]))


def ipv4_address(value: object) -> Address:
    """``HOST:PORT`` with an IPv4 address as host."""
    found = address(value)
    try:
        ipaddress.IPv4Address(found.host)
    except ValueError:
        raise ValueError("an IPv4 address and a port, such as 127.0.0.1:5060") from None
    return found


def whole(low: int, high: int) -> Reader:
    """A whole number within bounds."""

    def read(value: object) -> int:
        number = _number(value)
        if number is None or number != int(number) or not low <= number <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(number)

    return read


def decimal(low: float, high: float, unit: str) -> Reader:
    """A number within bounds, in a unit."""

    def read(value: object) -> float:
        number = _number(value)
        if number is None or not low <= number <= high:
            raise ValueError(f"{unit} from {low:g} to {high:g}")
        return number

    return read


def seconds(low: float, high: float) -> Reader:
    """A time in seconds."""
    return decimal(low, high, "seconds")


_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", re.ASCII)


def _number(value: object) -> float | None:
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    return None


def switch(value: object) -> bool:
    """True or false."""
    switches = {"true": True, "false": False}
    if isinstance(value, str):
        value = switches.get(value.lower())
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004 - readers raise ValueError alone
    return value


def text(value: object) -> str:
    """Any text in one line."""
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("a text in one line")
    return value


def secret(value: object) -> str:
    """Any text in one line, which is shown nowhere."""
    return text(value)


def folder(value: object) -> Path:
    """A folder's path; ``~`` is the home folder."""
    path = text(str(value) if isinstance(value, Path) else value)
    if not path:
        raise ValueError("the path of a folder")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError("a path whose ~ is the home of a user here") from None


def choice(kind: type[E]) -> Reader:
    """One of a few words."""

    def read(value: object) -> E:
        try:
            return kind(str(value))
        except ValueError:
            raise ValueError(f"one of {', '.join(kind)}") from None

    return read


def phone_number(value: object) -> str:
    """A number as E.164."""
    if not isinstance(value, str) or not wire.NUMBER.fullmatch(value):
        raise ValueError("a number such as +6531234567")
    return value


def resolver(value: object) -> Address:
    """``HOST:PORT`` or just the host, an address; port 53 where there is none."""
    given = value if isinstance(value, str) else ""
    host = given.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
        return Address(host, 53)
    except ValueError:
        pass
    try:
        found = address(given)
        ipaddress.ip_address(found.host)
    except ValueError:
        raise ValueError("a resolver's address, such as 127.0.0.1:53") from None
    return found


_PORTS: Final = re.compile(r"([0-9]{1,5})-([0-9]{1,5})", re.ASCII)


def ports(value: object) -> tuple[int, int]:
    """A range of ports, both ends included."""
    match = _PORTS.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 1024 <= int(match[1]) < int(match[2]) <= 65535:
        raise ValueError('a range of ports above 1023, such as "10000-20000"')
    return int(match[1]), int(match[2])


def words(*allowed: str) -> Reader:
    """A list of words, in TOML as a list or, like in the environment, separated by commas."""

    def read(value: object) -> tuple[str, ...]:
        found = tuple(str(word).strip().lower() for word in _items(value))
        if not found or not set(found) <= set(allowed):
            raise ValueError(f"a list of {', '.join(allowed)}")
        return found

    return read


_AMOUNT: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)


def amount(value: object) -> int:
    """An amount in currency units, read into micro-units."""
    plain = isinstance(value, int | float | str) and not isinstance(value, bool)
    written = f"{value:.6f}" if plain and isinstance(value, float) else str(value)
    if not plain or not _AMOUNT.fullmatch(written):
        raise ValueError("an amount in currency units, such as 12.50")
    return wire.parse_money(written)


_PREFIX: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)


def prefixes(value: object) -> tuple[str, ...]:
    """A list of digit prefixes, which may be empty; a plus before one is dropped."""
    found = tuple(str(item).strip().removeprefix("+") for item in _listed(value))
    if not all(_PREFIX.fullmatch(prefix) for prefix in found):
        raise ValueError('a list of prefixes of 1 to 15 digits, such as ["1900", "4487"]')
    return found


def countries(value: object) -> tuple[str, ...]:
    """A list of country codes (ISO 3166-1 alpha-2), which may be empty.

    Each is one that the numbering plan knows: any other would let nobody be called.
    """
    expected = 'a list of two-letter country codes, such as ["SG", "MY"]'
    found = tuple(str(item).strip().upper() for item in _listed(value))
    if not all(_COUNTRY.fullmatch(code) for code in found):
        raise ValueError(expected)
    unknown = [code for code in found if code not in SUPPORTED_REGIONS]
    if unknown:
        raise ValueError(f"{expected} (no country has the code {unknown[0]})")
    return found


def _listed(value: object) -> list[object]:
    if not isinstance(value, list | str):
        raise ValueError("a list")  # noqa: TRY004 - readers raise ValueError alone
    return [item for item in _items(cast("object", value)) if item != ""]


def cadence(value: object) -> tuple[float, ...]:
    """Seconds on, off, on, off..., repeated."""
    parts = [_number(part.strip() if isinstance(part, str) else part) for part in _items(value)]
    found = tuple(part for part in parts if part is not None and 0.01 <= part <= 60)
    if not found or len(found) != len(parts) or len(found) % 2:
        raise ValueError("seconds of sound and silence in turn, such as [0.4, 0.2, 0.4, 2.0]")
    return found


def _items(value: object) -> list[object]:
    if isinstance(value, str):
        return list(value.split(","))
    return cast("list[object]", value) if isinstance(value, list) else []


def networks(value: object) -> tuple[IPv4Network | IPv6Network, ...]:
    """A list of networks, in TOML as a list or separated by commas; a bare address is one too."""
    expected = "a list of networks such as 10.0.0.0/8 or fd12:3456::/32, no bits after the prefix"
    if not isinstance(value, str | list | tuple):
        raise ValueError(expected)  # noqa: TRY004 - readers raise ValueError alone
    items = cast("Sequence[object]", value.split(",") if isinstance(value, str) else value)
    try:
        return tuple(_network(item) for item in items)
    except ValueError:
        raise ValueError(expected) from None


def _network(item: object) -> IPv4Network | IPv6Network:
    if not isinstance(item, str) or "%" in item:
        raise ValueError
    network = ipaddress.ip_network(item.strip())
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise ValueError  # it would match nothing: such addresses are judged as IPv4
    return network


_URI: Final = re.compile(r"sip:(\+?[0-9]{1,15}@)?[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?", re.ASCII)


def routes(value: object) -> Mapping[str, str]:
    """Where single numbers are reached: a table, or ``NUMBER=SIPURI`` separated by commas.

    A SIP URI is no more than ``sip:``, digits and ``@`` if any, a host, and a port if any.
    """
    expected = 'numbers and where to reach them, such as "+6511111111" = "sip:192.0.2.7:5060"'
    if isinstance(value, str):
        entries = (entry.strip().partition("=") for entry in value.split(","))
        value = {number: uri for number, _, uri in entries}
    if not isinstance(value, Mapping):
        raise ValueError(expected)  # noqa: TRY004 - readers raise ValueError alone
    found = cast("Mapping[object, object]", value)
    for number, uri in found.items():
        if not (isinstance(number, str) and wire.NUMBER.fullmatch(number)):
            raise ValueError(expected)
        if not (isinstance(uri, str) and _URI.fullmatch(uri)):
            raise ValueError(expected)
    return cast("dict[str, str]", dict(found))
