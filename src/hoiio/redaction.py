"""Keeps an access token out of an excerpt of what came back, however it is written there. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hoiio.errors import EXCERPT, HIDDEN

if TYPE_CHECKING:
    from hoiio.request import Credentials


def redact(text: str, who: Credentials | None) -> str:
    """The beginning of a text, as much as an excerpt has, without the access token in any spelling.

    A token so short that it is in any text hides all of it.
    """
    if who is None or not who.access_token:
        return text
    if len(who.access_token) < _SECRET_MIN:
        return HIDDEN
    # One that begins within the excerpt ends within this.
    source = text[: EXCERPT + len(who.access_token) * _SPELLING_MAX]
    shown, at = "", 0
    for found in re.finditer("".join(map(_spellings, who.access_token)), source):
        if found.start() >= EXCERPT:
            break
        shown += source[at : found.start()] + HIDDEN
        at = found.end()
    return shown + source[at:EXCERPT]


_SECRET_MIN: Final = 4
_SPELLING_MAX: Final = 80
"""Characters that one becomes at most when it is escaped, even four times."""


def _spellings(char: str) -> str:
    """A pattern of a character: as it is, in a URL, in JSON, in HTML; of bounded length."""
    if char == "\\":
        return r"(?:(?i:%(?:25){0,3}5c|\\u005c|&#0{0,4}92;|&#x0{0,4}5c;)|(?>\\{1,8})|(?<=\\))"
    from html.entities import codepoint2name  # noqa: PLC0415 - only what cannot be read needs it

    code = ord(char)
    # Part of it may be a lone surrogate, of what a command line had.
    in_url = "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))
    units = char.encode("utf-16-be", "surrogatepass").hex()
    in_json = "".join(rf"(?>\\{{1,8}})u{units[n : n + 4]}" for n in range(0, len(units), 4))
    in_html = rf"&#0{{0,4}}{code};|&#x0{{0,4}}{code:x};|&{codepoint2name.get(code, f'#{code}')};"
    plain = "[ +]" if char == " " else re.escape(char)
    return rf"(?:(?i:{in_url}|{in_json}|{in_html})|(?>\\{{0,8}}){plain})"
