"""What is left of an ended call once its phone numbers are masked. Pure.

Numbers are masked as the log does it, and those of the call's own legs however they are written:
with a plus, with an escaped one, with none, also in groups. Digits that stand for a number
otherwise (in its national form, or escaped one by one) are not known for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qsl

from hoiio.server.mask import mask

Fields = Mapping[str, Any]

_NUMBER: Final = re.compile(r"\+([0-9]{4,})", re.ASCII)
_BETWEEN: Final = r"(?:[ .()/+-]|%(?:20|28|29|2F)){0,3}"
"""What may stand between two digits of a number, also in a form's encoding."""


def call(row: Fields) -> Fields:
    """A call's row; its state, which is a machine's and no text of anybody's, by whole numbers."""
    own = _digits((row["dest1"], row["dest2"]))
    changed = {name: _hidden(value, own) for name, value in row.items() if name != "state"}
    return changed | {"state": _hidden(row["state"], own, whole=True)}


def notification(row: Fields) -> Fields:
    """A notification's row; its legs' numbers are the fields of its body."""
    fields = dict(parse_qsl(row["body"].decode("ascii", "replace")))
    own = _digits((fields.get("dest1", ""), fields.get("dest2", "")))
    return {name: _hidden(value, own) for name, value in row.items()}


def _digits(numbers: Iterable[str]) -> list[str]:
    """The digits of those that are not masked yet; the longest first, for one may begin another."""
    found = [match[1] for match in map(_NUMBER.fullmatch, numbers) if match]
    return sorted(found, key=len, reverse=True)


def _hidden(value: Any, own: Iterable[str], *, whole: bool = False) -> Any:
    """A text or bytes without its numbers; bytes that are no text, and keys, as they are."""
    if isinstance(value, bytes):
        with suppress(UnicodeDecodeError):
            return _hidden(value.decode(), own, whole=whole).encode()
    if not isinstance(value, str):
        return value
    for digits in own:
        pattern = rf"(?<![0-9]){digits}(?![0-9])" if whole else _BETWEEN.join(digits)
        value = re.sub(pattern, mask(f"+{digits}")[1:], value, flags=re.IGNORECASE)
    return mask(value)
