"""What arrives at a notify_url: verified first, then read into typed fields.

Pure: a body, headers and a secret go in, a ``Notification`` or ``InvalidNotification`` comes out.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Protocol, cast
from urllib.parse import parse_qsl

from hoiio import wire
from hoiio.answer import typed, utc
from hoiio.errors import InvalidArgument, InvalidNotification, InvalidSignature


class HasItems(Protocol):
    """A mapping of headers, as ``request.headers`` is in most frameworks."""

    def items(self) -> Iterable[tuple[Any, Any]]:
        """Names and values, each text or bytes."""
        ...


Headers = HasItems | Iterable[tuple[Any, Any]]
"""Headers by name in any case, or as WSGI's environ names them; text or bytes."""

Secret = str | Iterable[str]
"""An access token, a signing secret ``whsec_…``, or several of them."""

TOLERANCE: Final = 300
"""Seconds that a notification's timestamp may be off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A call, or one participant's, that has ended. Made by :meth:`parse` only once it is verified.

    The fields are those of a status answer, in the same types; one that was not sent is None.
    """

    webhook_id: str
    """What all attempts of one notification share: remember it, and act on it once. The
    ``webhook-id`` header where a signing secret vouches for it; with an access token, which does
    not sign that header, the digest of the signed body: ``sha256:…``."""
    timestamp: datetime | None
    """When this attempt was made: aware, in UTC. None with an access token, which signs no time."""

    txn_ref: str
    """Of the call, or of the participant."""
    tag: str | None = None
    """What the request gave; empty if it gave none."""
    room: str | None = None
    """Of a conference's participant, where."""
    dest1: str | None = None
    """Who was called first, or the participant."""
    dest2: str | None = None
    """Who was called second; empty for a participant."""
    number: str | None = None
    """A number of the account's that took part, where a service says so."""
    call_status_dest1: str | None = None
    """``answered``, ``unanswered``, ``busy`` or ``failed``."""
    call_status_dest2: str | None = None
    """The same of the second; empty for a participant."""
    date: datetime | None = None
    """When the transaction was admitted: naive, in GMT+8."""
    answered_date: datetime | None = None
    """When the billed talk began: naive, in GMT+8. None if nobody talked."""
    duration: int | None = None
    """Started minutes."""
    currency: str | None = None
    """Of both amounts, such as ``SGD``."""
    rate: float | None = None
    """Currency units a minute."""
    rate_decimal: Decimal | None = None
    """The same, exactly."""
    debit: float | None = None
    """What the call cost."""
    debit_decimal: Decimal | None = None
    """The same, exactly."""

    # Users put secrets into their URLs, so a log line of a notification does not show them.
    params: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """Everything else that was sent: the parameters of the notify_url itself."""

    @property
    def date_utc(self) -> datetime | None:
        """The instant of ``date``, aware, in UTC."""
        return None if self.date is None else utc(self.date)

    @classmethod
    def parse(
        cls,
        body: bytes | str,
        headers: Headers,
        secret: Secret,
        *,
        tolerance: float = TOLERANCE,
        now: float | None = None,
    ) -> Notification:
        """Verify what was posted to a notify_url and read it.

        ``body`` is the raw body, as it came: Flask's ``request.get_data()``, Django's
        ``request.body``, Starlette's ``await request.body()``. ``headers`` are the request's.

        ``secret`` is the application's signing secret ``whsec_…`` (Standard Webhooks), or its
        access token (``X-Hoiio-Signature``, as the original service signed). Several may be given,
        of both kinds; one that fits suffices, so a secret can be changed without a pause.

        Only a signing secret protects from replays: it signs the time too, which may be
        ``tolerance`` seconds from ``now`` (Unix seconds; the clock's). The access token signs the
        body alone. Who has overheard such a notification can send it again for ever, also where
        the token is only one among ``secret``; it is up to you to act once on a ``webhook_id``.

        Raises :class:`InvalidSignature` where no secret fits and :class:`InvalidNotification` where
        what was sent is none, both to be answered with 400; ``ValueError`` or ``TypeError`` where
        the receiver's own code gave no usable secret, body, headers, tolerance or ``now``.
        """
        secrets = _secrets(secret)
        if not isinstance(cast("object", tolerance), int | float):
            raise TypeError(f"tolerance is a number of seconds, such as 300: not {tolerance!r}")
        if not tolerance >= 0:
            raise ValueError("tolerance is a number of seconds, such as 300")
        raw = _raw(body)
        at = time.time() if now is None else _clock(now)
        webhook_id, sent = _verify(raw, _told(headers), secrets, tolerance, at)
        fields, params = _read(raw)
        return cls(webhook_id=webhook_id, timestamp=sent, params=params, **fields)


_FIELDS: Final = frozenset(Notification.__dataclass_fields__) - {
    "webhook_id", "timestamp", "params", "rate_decimal", "debit_decimal",
}  # fmt: skip
_TOKEN: Final = re.compile(r"[!-~]+", re.ASCII)
_ID: Final = re.compile(r"[!-\-/-~]{1,255}", re.ASCII)
"""Visible characters without a dot: the dot separates the parts of what is signed."""
_TIMESTAMP: Final = re.compile(r"[1-9][0-9]{0,10}", re.ASCII)
"""Written in one way only, since its text is what is signed."""
_VALUE_MAX: Final = 4096
"""Characters of a header that are looked at."""


def _secrets(secret: Secret) -> tuple[str, ...]:
    """All secrets, signing ones first: what they vouch for is more."""
    if isinstance(cast("object", secret), bytes | bytearray):
        raise ValueError(  # noqa: TRY004 - as for anything else that is no usable secret
            "no secret to verify notifications with: bytes are none, decode it (secret.decode())"
        )
    if not isinstance(cast("object", secret), Iterable):
        raise ValueError(_NONE_GIVEN)  # noqa: TRY004 - None is what an unset variable gives
    given = (secret,) if isinstance(secret, str) else tuple(secret)
    if not given:
        raise ValueError(_NONE_GIVEN)
    for each in given:
        _check_secret(each)
    return tuple(sorted(given, key=lambda each: not each.startswith(wire.SIGNING_SECRET_PREFIX)))


_NONE_GIVEN: Final = (
    "no secret to verify notifications with: give the signing secret (whsec_…) that "
    "'hoiio admin app create' printed, or the application's access token"
)


def _check_secret(secret: object) -> None:
    if not isinstance(secret, str) or not secret:
        raise ValueError(_NONE_GIVEN)
    if not _TOKEN.fullmatch(secret):
        raise ValueError("a secret is visible ASCII characters; take off what stands around it")
    if secret.startswith(wire.SIGNING_SECRET_PREFIX):
        try:
            wire.webhook_signature([secret], "", 0, b"")
        except ValueError:
            raise ValueError(
                "a signing secret is whsec_ and base64, with nothing cut off: copy it again"
            ) from None


def _clock(now: object) -> float:
    """Unix seconds; one that is no number, NaN, is later found out of time."""
    if isinstance(now, int | float) and not isinstance(now, bool) and not abs(now) > _NOW_MAX:
        return now
    raise InvalidArgument(
        "now",
        "Unix seconds like 1327982775, the timestamp() of an aware datetime, "
        f"not this {type(now).__name__}",
    )


_NOW_MAX: Final = 1e12


def _raw(body: object) -> bytes:
    if isinstance(body, str):
        try:
            raw = body.encode()
        except UnicodeEncodeError:
            raise InvalidNotification("the body is no text: pass the raw bytes of it") from None
    elif isinstance(body, bytes | bytearray):
        raw = bytes(body)
    else:
        raise TypeError(
            "body is the raw body, bytes or str, before any form is parsed from it: "
            f"not a {type(body).__name__}"
        )
    if len(raw) > wire.BODY_MAX:
        raise InvalidNotification(f"the body is longer than {wire.BODY_MAX} bytes: answer 400")
    return raw


_NAMES: Final = {
    name.lower(): name
    for name in (
        wire.SIGNATURE_HEADER,
        wire.WEBHOOK_ID_HEADER,
        wire.WEBHOOK_TIMESTAMP_HEADER,
        wire.WEBHOOK_SIGNATURE_HEADER,
    )
}


def _told(headers: Headers) -> dict[str, str]:
    """The headers that matter, by the name that :mod:`hoiio.wire` gives them."""
    told: dict[str, str] = {}
    for given, value in _pairs(headers):
        name = _NAMES.get(_name(given))
        if name is None:
            continue
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if name in told or not isinstance(text, str) or len(text) > _VALUE_MAX:
            raise InvalidSignature(f"{name} must be there once, as text: answer 400")
        told[name] = text
    return told


def _pairs(headers: Headers) -> list[tuple[object, object]]:
    items = getattr(headers, "items", None)
    try:
        given = cast("Iterable[Any]", items() if callable(items) else headers)
        return [(name, value) for name, value in given]
    except (TypeError, ValueError):
        raise TypeError(
            "headers are a mapping, or pairs of a name and a value: pass request.headers"
        ) from None


def _name(given: object) -> str:
    if isinstance(given, bytes):
        given = given.decode("latin-1")
    if not isinstance(given, str):
        return ""
    return given.lower().replace("_", "-").removeprefix("http-")


def _verify(
    raw: bytes, told: dict[str, str], secrets: tuple[str, ...], tolerance: float, now: float
) -> tuple[str, datetime | None]:
    """The verified id and time of what was sent; raises ``InvalidSignature`` where nothing fits."""
    for secret in secrets:
        if secret.startswith(wire.SIGNING_SECRET_PREFIX):
            if (signed := _webhook(secret, raw, told)) is not None:
                return _in_time(*signed, tolerance, now)
        elif _same(told.get(wire.SIGNATURE_HEADER, ""), wire.signature(secret, raw)):
            return f"sha256:{hashlib.sha256(raw).hexdigest()}", None
    if not told.keys() & {wire.SIGNATURE_HEADER, wire.WEBHOOK_SIGNATURE_HEADER}:
        raise InvalidSignature("it carries no signature: answer 400; the service sends one always")
    raise InvalidSignature(
        "no signature fits the body and a secret: answer 400. If the service sent it, pass the "
        "raw body, and the present secret of the application that placed the call"
    )


def _webhook(secret: str, raw: bytes, told: dict[str, str]) -> tuple[str, int] | None:
    """The id and time that this secret vouches for."""
    message_id = told.get(wire.WEBHOOK_ID_HEADER, "")
    timestamp = told.get(wire.WEBHOOK_TIMESTAMP_HEADER, "")
    if not _ID.fullmatch(message_id) or not _TIMESTAMP.fullmatch(timestamp):
        return None
    right = wire.webhook_signature([secret], message_id, int(timestamp), raw)
    given = told.get(wire.WEBHOOK_SIGNATURE_HEADER, "").split(" ")
    fits = any(_same(each, right) for each in given)
    return (message_id, int(timestamp)) if fits else None


def _same(given: str, right: str) -> bool:
    # What is not ASCII gets a backslash, which no signature has.
    return hmac.compare_digest(given.encode("ascii", "backslashreplace"), right.encode())


def _in_time(message_id: str, sent: int, tolerance: float, now: float) -> tuple[str, datetime]:
    # Written so that a clock that is no number lets nothing through.
    if not abs(now - sent) <= tolerance:
        raise InvalidSignature(
            f"it is signed, but {abs(now - sent):.0f} seconds off, more than {tolerance:g}: answer "
            "400. It may be sent again by a stranger; if all are off, set this machine's clock"
        )
    return message_id, datetime.fromtimestamp(sent, UTC)


def _read(raw: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields, typed, and the parameters that are no fields; of a repeated one the first."""
    fields: dict[str, Any] = {}
    params: dict[str, str] = {}
    try:
        for name, value in _pairs_of(raw):
            if name not in _FIELDS:
                params.setdefault(_text(name), _text(value))
            elif name not in fields:
                fields |= _field(name, value)
    except ValueError:
        # Its own message may hold what was sent.
        raise InvalidNotification(f"{_NOT_OURS}: a field has not the form it should") from None
    if not fields.get("txn_ref"):
        raise InvalidNotification(f"{_NOT_OURS}: it has no txn_ref")
    return fields, params


def _field(name: str, value: str) -> dict[str, Any]:
    if name in wire.FIELDS:
        return typed(name, value) if value else {name: None}
    value.encode()  # What is no UTF-8 is a ValueError.
    return {name: value}


_NOT_OURS: Final = "the signature is right, but the body is no notification; answer 400"


def _pairs_of(raw: bytes) -> list[tuple[str, str]]:
    """As :mod:`hoiio.server.notifications.body` writes them; bytes that are no text as surrogates.

    Raises ``ValueError`` for what is not ASCII or has a part without ``=``.
    """
    return parse_qsl(
        raw.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="surrogateescape"
    )


def _text(value: str) -> str:
    """A parameter's text; what its URL held that is no UTF-8 is replaced, so it can be stored."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
