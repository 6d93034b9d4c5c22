"""What a notify_url says, read once and strictly. Pure.

The request's check and the delivery both read a URL here and nowhere else, and the connection is
made from what was read. So there is no second parser that could understand a URL differently.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from hoiio import wire

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS: Final = {"http": 80, "https": 443}

_URL: Final = re.compile(wire.NOTIFY_URL)
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)
_NUMERIC: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_NAME_MAX: Final = 253


class NoTarget(Exception):
    """The text is no URL that anything could be posted to."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: ``host`` is in lower case, without brackets or the root's dot."""

    scheme: str
    host: str
    port: int
    path: str
    """The path and the query, as they stand in the request's first line."""
    address: IPAddress | None
    """What the host is when it is an address; None when it is a name to look up."""

    @property
    def authority(self) -> str:
        """The ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str) -> Target:
    """An absolute http or https URL of at most 4000 characters, without credentials.

    Written as RFC 3986 wants it: ASCII, no spaces, no zone, and an IPv4 address only as four
    decimal numbers: what a system's own parser takes for an address (``2130706433``, ``0x7f.1``,
    ``0177.0.0.1``, ``127.1``, ``127.0.0.1.``) is refused, not guessed at. Raises ``NoTarget``.
    """
    found = _URL.fullmatch(url) if len(url) <= wire.NOTIFY_URL_MAX else None
    if found is None:
        raise NoTarget
    scheme, six, name, rest = found["scheme"].lower(), found["six"], found["name"], found["rest"]
    port = PORTS[scheme] if found["port"] is None else int(found["port"])
    if not 0 < port < 65536:
        raise NoTarget
    host, address = _name(name.lower()) if name else _address(six)
    path = rest.partition("#")[0]
    return Target(scheme, host, port, path if path.startswith("/") else f"/{path}", address)


def _address(text: str) -> tuple[str, IPAddress]:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise NoTarget from None
    return str(address), address


def _name(text: str) -> tuple[str, IPAddress | None]:
    host = text.removesuffix(".")
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        try:
            return text, ipaddress.IPv4Address(text)
        except ValueError:
            raise NoTarget from None
    if len(host) > _NAME_MAX or not all(_LABEL.fullmatch(label) for label in labels):
        raise NoTarget
    return host, None
