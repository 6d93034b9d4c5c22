"""Text without what nobody is to read in it: phone numbers, tokens, signing secrets. Pure."""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(r"(\+|%2B|\bsips?:|\btel:)([0-9]{4,})", re.ASCII | re.IGNORECASE)
_TOKEN: Final = re.compile(r"(access_token=)[^&\s\"']+")
_OURS: Final = re.compile(r"(hoiio_)[A-Za-z0-9]{38}|(whsec_)[A-Za-z0-9+/=_-]+", re.ASCII)
"""Access tokens and signing secrets as this service makes them, wherever they stand."""


def mask(text: str) -> str:
    """The text with phone numbers as ``+65***111``, short ones ``+***``, and no secrets."""
    return without_tokens(_NUMBER.sub(_hidden, text))


def without_tokens(text: str) -> str:
    """The text with its access tokens and signing secrets as ``***``."""
    return _OURS.sub(r"\1\2***", _TOKEN.sub(r"\1***", text))


def _hidden(number: re.Match[str]) -> str:
    mark, digits = number.groups()
    return f"{mark}***" if len(digits) < 6 else f"{mark}{digits[:2]}***{digits[-3:]}"
