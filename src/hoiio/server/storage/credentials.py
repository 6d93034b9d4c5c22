"""Application ids and access tokens: how new ones are made, and which are accepted."""

from __future__ import annotations

import re
import secrets
import string
import zlib
from typing import Final

_LETTERS: Final = string.ascii_letters + string.digits
_VISIBLE: Final = re.compile(r"[!-~]{1,255}")


def new_app_id() -> str:
    """A random application id."""
    return "".join(secrets.choice(_LETTERS) for _ in range(20))


def new_access_token() -> str:
    """A random access token: a prefix that scanners recognise, 190 random bits, a checksum."""
    body = "".join(secrets.choice(_LETTERS) for _ in range(32))
    return f"hoiio_{body}{checksum(body)}"


def checksum(body: str) -> str:
    """Six characters that tell a mistyped token from a revoked one without asking the service."""
    rest, text = zlib.crc32(body.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, len(_LETTERS))
        text = _LETTERS[digit] + text
    return text


def acceptable(credential: str) -> bool:
    """Whether an existing id or token can be taken over: 1 to 255 visible ASCII characters."""
    return _VISIBLE.fullmatch(credential) is not None
