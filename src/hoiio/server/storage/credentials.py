"""Application ids and access tokens: how new ones are made, and which are accepted."""

from __future__ import annotations

import base64
import re
import secrets
import string
import zlib
from typing import Final

from hoiio.wire import SIGNING_SECRET_PREFIX

GUESSABLE: Final = 16
"""Characters below which an access token may be found by guessing."""

_LETTERS: Final = string.ascii_letters + string.digits
_VISIBLE: Final = re.compile(r"[!-~]{1,255}")
_OURS: Final = re.compile(r"hoiio_([A-Za-z0-9]{32})([A-Za-z0-9]{6})", re.ASCII)


def new_app_id() -> str:
    """A random application id."""
    return "".join(secrets.choice(_LETTERS) for _ in range(20))


def new_access_token() -> str:
    """A random access token: a prefix that scanners recognise, 190 random bits, a checksum."""
    body = "".join(secrets.choice(_LETTERS) for _ in range(32))
    return f"hoiio_{body}{checksum(body)}"


def new_signing_secret() -> str:
    """A random secret for signing notifications, as Standard Webhooks writes them: 256 bits."""
    return SIGNING_SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def mistyped(token: str) -> bool:
    """Whether a token has the form of those made here, but not their checksum."""
    match = _OURS.fullmatch(token)
    return match is not None and checksum(match[1]) != match[2]


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


def guessable(token: str) -> bool:
    """Whether a token is so short that limits must keep it from being guessed."""
    return len(token) < GUESSABLE
