"""What a request says: its bytes made into parameters, and each parameter's form checked.

Pure. Parameters come from the query string and from the body, which is read as form data whatever
its Content-Type says (api rule 1); what a value must look like is in api rules 4, 13 and 24.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

import phonenumbers
from phonenumbers import NumberParseException, ValidationResult

from hoiio import wire
from hoiio.server.notifications import target
from hoiio.server.notifications.target import NoTarget, Target
from hoiio.wire import Status

Params = Mapping[str, str]


class Refused(Exception):
    """The request is answered with this status and nothing else happens."""

    def __init__(self, status: str, retry_after: int | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.retry_after = retry_after


# --- from bytes to parameters -----------------------------------------------------------------


def read(query: bytes, body: bytes) -> Params:
    """Every parameter that has a value; the body wins, of a repeated one the first counts.

    Raises ``Refused`` with ``error_malformed_params`` when either is longer than 64 KiB or holds
    bytes that are no text: not UTF-8 once decoded, or NUL, which no database keeps in a text.
    """
    if max(len(query), len(body)) > wire.BODY_MAX:
        raise Refused(Status.MALFORMED_PARAMS)
    params: dict[str, str] = {}
    for source in (body, query):
        for name, value in _pairs(source):
            params.setdefault(name, value)
    return params


def _pairs(form: bytes) -> list[tuple[str, str]]:
    pairs = (field.partition(b"=") for field in form.split(b"&") if field)
    decoded = [(_text(name), _text(value)) for name, _, value in pairs]
    return [(name, value) for name, value in decoded if name and value]


def _text(encoded: bytes) -> str:
    raw = unquote_to_bytes(encoded.replace(b"+", b" "))
    if b"\0" in raw:
        raise Refused(Status.MALFORMED_PARAMS)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Refused(Status.MALFORMED_PARAMS) from None


# --- what a value must look like --------------------------------------------------------------


def number(value: str, refusal: Status) -> str:
    """A number that can be dialled, as E.164; else ``Refused`` with ``refusal`` (api rule 4)."""
    e164 = plus_restored(value)
    if not wire.NUMBER.fullmatch(e164) or not is_possible(e164):
        raise Refused(refusal)
    return e164


def numbers(value: str) -> list[str]:
    """A comma list of different numbers, trimmed; else ``Refused`` (api rule 4)."""
    found = [number(item.strip(" "), Status.DEST_INVALID) for item in value.split(",")]
    if len(set(found)) < len(found):
        raise Refused(Status.DEST_INVALID)
    return found


def plus_restored(value: str) -> str:
    """A leading space is the ``+`` that a sloppy client forgot to encode."""
    return f"+{value[1:]}" if value.startswith(" ") else value


@lru_cache(maxsize=4096)
def is_possible(e164: str) -> bool:
    """Whether the number has a length its country uses; assigned or not is the network's matter."""
    try:
        parsed = phonenumbers.parse(e164)
    except NumberParseException:
        return False
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    return reason == ValidationResult.IS_POSSIBLE


def caller_id(value: str) -> str | None:
    """The number to show, None for ``private``; whose number it is remains to be checked."""
    if value in wire.PRIVATE:
        return None
    e164 = plus_restored(value)
    if not wire.NUMBER.fullmatch(e164):
        raise Refused(Status.CALLER_ID_INVALID)
    return e164


def room(value: str) -> str:
    """A conference room's id (api rule 5)."""
    if not wire.ROOM.fullmatch(value):
        raise Refused(Status.INVALID_ROOM)
    return value


def max_duration(value: str) -> int:
    """Seconds, 1 to 86400 (api rule 13)."""
    seconds = _whole(value)
    if seconds is None or seconds not in wire.MAX_DURATION:
        raise Refused(Status.INVALID_MAX_DURATION)
    return seconds


def tag(value: str) -> str:
    """At most 256 characters, any of them."""
    if len(value) > wire.TAG_MAX:
        raise Refused(Status.TAG_INVALID_LENGTH)
    return value


def date(value: str, refusal: Status) -> int:
    """An instant in Unix microseconds from a GMT+8 date; else ``Refused`` with ``refusal``."""
    try:
        return wire.to_micros(wire.parse_date(value))
    except ValueError:
        raise Refused(refusal) from None


def page(value: str) -> int:
    """A page's number, from 1; one past any end is a page like another, but empty."""
    position = _whole(value)
    if position is None or position < 1:
        raise Refused(Status.PAGE_INVALID)
    return position


_WHOLE_MAX: Final = 10**15
"""Larger numbers read as this one, so that what is computed from them fits any database."""


def _whole(value: str) -> int | None:
    if not (value.isascii() and value.isdigit()):
        return None
    digits = value.lstrip("0") or "0"
    return int(digits) if len(digits) <= 15 else _WHOLE_MAX


# --- where a notification may be asked to go --------------------------------------------------


def notify_url(value: str) -> Target:
    """Where an absolute http or https URL of at most 4000 characters leads."""
    try:
        return target.parse(value)
    except NoTarget:
        raise Refused(Status.INVALID_NOTIFY_URL) from None
