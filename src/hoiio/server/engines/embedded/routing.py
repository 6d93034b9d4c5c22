"""Which SIP address a number is dialled at. Pure.

Nothing but a plus and digits gets into a user part; addresses are built strictly because the SIP
stack corrupts its heap on some that it cannot dial.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hoiio import wire

_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL}){{0,9}}", re.ASCII)
"""A host name or an IPv4 address. Use with ``fullmatch``."""

PORT: Final = 5060
"""SIP's port where a URI has none (RFC 3261 section 19.1.2)."""

_ROUTE: Final = re.compile(r"sip:(?:(\+?[0-9]{1,15})@)?([^@:;?]+?)(?::([0-9]{1,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send an INVITE: the user part, host and UDP port, and whether it is the trunk."""

    user: str
    host: str
    port: int
    by_trunk: bool = False

    def uri(self, host: str | None = None) -> str:
        """The SIP URI, with ``host`` (an address it was resolved to) in place of the name."""
        return f"sip:{self.user}@{host or self.host}:{self.port}"


def check_number(number: str) -> str:
    """The number itself. Raises ``ValueError`` unless it is a plus and 4 to 15 digits."""
    if not wire.NUMBER.fullmatch(number):
        raise ValueError(f"not a number like +6511111111: {number!r}")
    return number


def parse_route(number: str, uri: str) -> Target:
    """Read one static route.

    ``sip:+6511111111@host:port`` (with or without the plus) or ``sip:host:port``, where the number
    itself becomes the user part; without a port it is ``PORT``. Raises ``ValueError`` for
    everything else.
    """
    check_number(number)
    match = _ROUTE.fullmatch(uri)
    if match is None or not HOST.fullmatch(match[2]) or not 1 <= int(match[3] or PORT) <= 65535:
        raise ValueError(
            f"the route of {number} is neither sip:host:port nor sip:+digits@host:port: {uri!r}"
        )
    return Target(match[1] or number, match[2], int(match[3] or PORT))


@dataclass(frozen=True, slots=True)
class Router:
    """Finds the way to a number: its own route, else the trunk, else none.

    ``trunk`` is the trunk's host and port, ``plus`` whether it wants numbers with theirs.
    """

    routes: Mapping[str, Target]
    trunk: tuple[str, int] | None = None
    plus: bool = True

    def find(self, number: str) -> Target | None:
        """The target of a number, None when nothing leads there or it is no number."""
        if not wire.NUMBER.fullmatch(number):
            return None
        if (route := self.routes.get(number)) is not None:
            return route
        if self.trunk is None:
            return None
        user = number if self.plus else number.removeprefix("+")
        return Target(user, *self.trunk, by_trunk=True)


def build_router(
    routes: Mapping[str, str], trunk: tuple[str, int] | None, *, plus: bool = True
) -> Router:
    """A router over routes as the operator wrote them. Raises ``ValueError`` for a bad one."""
    return Router({number: parse_route(number, uri) for number, uri in routes.items()}, trunk, plus)
