"""What an INVITE says: every header in order, and the caller ID a phone would show. Pure.

RFC 3261 section 7.3: names ignore case and may be compact, a line that starts with a blank
continues the one before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

Header = tuple[str, str]

_COMPACT: Final = {"f": "from", "t": "to", "i": "call-id", "v": "via", "m": "contact"}
_USER: Final = re.compile(r"sips?:([^@>]*)@|tel:([^;>]*)", re.IGNORECASE)
_DIGITS: Final = re.compile(r"\+?[0-9]{3,15}")
_FOLD: Final = re.compile(r"\r?\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Invite:
    """A request to ring: its headers as they came, folded lines joined."""

    headers: tuple[Header, ...]

    def get(self, name: str) -> str | None:
        """The first value of a header, asked for by its long name."""
        wanted = name.lower()
        return next((value for key, value in self.headers if _long(key) == wanted), None)

    @property
    def call_id(self) -> str | None:
        """What names the call on the wire."""
        return self.get("Call-ID")

    @property
    def caller_id(self) -> str | None:
        """The number in From with its plus, None when it is withheld or no number."""
        return caller_id(self.get("From") or "")


def parse(message: str) -> Invite | None:
    """Read a SIP message; None when it does not open a call (a re-INVITE has a tag in To)."""
    head = re.split(r"\r?\n\r?\n", message, maxsplit=1)[0]
    lines = _FOLD.sub(" ", head).splitlines()
    if not lines or not lines[0].startswith("INVITE "):
        return None
    invite = Invite(tuple(_header(line) for line in lines[1:] if ":" in line))
    return None if ";tag=" in (invite.get("To") or "").lower() else invite


def caller_id(address: str) -> str | None:
    """The number in an address such as ``"Ann" <sip:+6511111111@host>;tag=1``."""
    addressed = address[address.rfind("<") + 1 :]
    match = _USER.search(addressed)
    if match is None:
        return None
    user = (match[1] or match[2] or "").replace("%2B", "+").split(";")[0]
    return "+" + user.lstrip("+") if _DIGITS.fullmatch(user) else None


def _header(line: str) -> Header:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _long(name: str) -> str:
    return _COMPACT.get(name.lower(), name.lower())
