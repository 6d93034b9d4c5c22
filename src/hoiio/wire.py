"""The protocol, described once: paths, parameters, statuses, formats.

Pure values and functions, standard library only. The client builds requests and reads answers with
it, the service checks requests and writes answers with it, so the two cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

BASE_URL: Final = "https://secure.hoiio.com/open/"
"""Where the original service lived; every path below is relative to it."""

PATH_PREFIX: Final = "/open/"
SIGNATURE_HEADER: Final = "X-Hoiio-Signature"
WEBHOOK_ID_HEADER: Final = "webhook-id"
WEBHOOK_TIMESTAMP_HEADER: Final = "webhook-timestamp"
WEBHOOK_SIGNATURE_HEADER: Final = "webhook-signature"
SIGNING_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - not a secret itself
FEATURES_HEADER: Final = "Hoiio-Features"
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
FORM: Final = "application/x-www-form-urlencoded"
"""The type of what is posted."""
IDEMPOTENCY: Final = "idempotency"
"""In the comma list of ``Hoiio-Features``: chargeable requests may carry an idempotency key."""
EVENT_STREAM: Final = "events"
"""In the same list: the changes of a call come as a stream of events."""
UPTO: Final = "upto"
"""In the same list: ``upto`` pins a history (api rule 9)."""

TAG_MAX: Final = 256
NOTIFY_URL_MAX: Final = 4000
PAGE_SIZE: Final = 100
ROOM_SIZE: Final = 8
BODY_MAX: Final = 64 * 1024
MAX_DURATION: Final = range(1, 86_401)
TALKTIME_MAX: Final = 99_999

NUMBER: Final = re.compile(r"\+[0-9]{4,15}", re.ASCII)
"""E.164 as the wire carries it: a plus and 4 to 15 digits. Use with ``fullmatch``."""

ROOM: Final = re.compile(r"[A-Za-z0-9._-]{1,32}", re.ASCII)
"""A conference room's id. Use with ``fullmatch``."""

NOTIFY_URL: Final = (
    r"(?ai)(?P<scheme>https?)://(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<rest>(?:[/?#][!#-;=?-\[\]_a-z~]*)?)"
)
"""An absolute http or https URL without credentials, as RFC 3986 wants it: visible ASCII and no
quotes, ``< > \\ ^ ` { | }``. Not compiled, as most programs need none. Use with ``fullmatch``."""

IDEMPOTENCY_KEY: Final = re.compile(r"[!-~]{1,255}", re.ASCII)
"""A sender's name for a chargeable request: visible ASCII characters. Use with ``fullmatch``."""

PRIVATE: Final = frozenset({"private", "p"})
"""Values of ``caller_id`` that withhold the number."""

GMT8: Final = timezone(timedelta(hours=8), "GMT+8")
"""The zone of every date on the wire."""


class Status(StrEnum):
    """Values of ``status``; the only error carrier of the protocol."""

    SUCCESS = "success_ok"
    INVALID_HTTP_METHOD = "error_invalid_http_method"
    MALFORMED_PARAMS = "error_malformed_params"
    INVALID_ACCESS_TOKEN = "error_invalid_access_token"  # noqa: S105 - a status, not a secret
    INVALID_APP_ID = "error_invalid_app_id"
    RATE_LIMIT_EXCEEDED = "error_rate_limit_exceeded"
    INTERNAL_SERVER_ERROR = "error_internal_server_error"
    NOT_FOUND = "error_not_found"
    SERVICE_NOT_AVAILABLE = "error_service_not_available"
    DEST1_INVALID = "error_dest1_invalid"
    DEST2_INVALID = "error_dest2_invalid"
    DEST_INVALID = "error_dest_invalid"
    DEST1_NOT_SUPPORTED = "error_dest1_not_supported"
    DEST2_NOT_SUPPORTED = "error_dest2_not_supported"
    DEST_NOT_SUPPORTED = "error_dest_not_supported"
    DEST_TOO_MANY = "error_dest_too_many"
    SAME_DEST1_DEST2 = "error_same_dest1_dest2"
    CALLER_ID_INVALID = "error_caller_id_invalid"
    INVALID_MAX_DURATION = "error_invalid_max_duration"
    TAG_INVALID_LENGTH = "error_tag_invalid_length"
    INVALID_NOTIFY_URL = "error_invalid_notify_url"
    UNABLE_TO_RESOLVE_NOTIFY_URL = "error_unable_to_resolve_notify_url"
    INSUFFICIENT_CREDIT = "error_insufficient_credit"
    CONCURRENT_CALL_LIMIT_REACHED = "error_concurrent_call_limit_reached"
    NOT_ALLOWED_FOR_TRIAL = "error_not_allowed_for_trial"
    INVALID_ROOM = "error_invalid_room"
    INVALID_ACTION = "error_invalid_action"
    INVALID_TXN_REF = "error_invalid_txn_ref"
    FROM_INVALID = "error_from_invalid"
    TO_INVALID = "error_to_invalid"
    TO_BEFORE_FROM = "error_to_before_from"
    PAGE_INVALID = "error_page_invalid"
    IDEMPOTENCY_KEY_INVALID = "error_idempotency_key_invalid"
    IDEMPOTENCY_KEY_REUSED = "error_idempotency_key_reused"


def param_missing(name: str) -> str:
    """The status for a required parameter that is absent: ``error_dest2_param_missing``."""
    return f"error_{name}_param_missing"


class CallStatus(StrEnum):
    """Values of ``call_status_dest1`` and ``call_status_dest2``."""

    ONGOING = "ongoing"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    BUSY = "busy"
    FAILED = "failed"


class Action(StrEnum):
    """Values of ``action``: what a moderator may do to a participant."""

    KICK = "kick"
    MUTE = "mute"
    UNMUTE = "unmute"


class Endpoint(NamedTuple):
    """One API method: its path below the base URL and its own parameters, in the table's order.

    ``app_id`` and ``access_token`` belong to every endpoint and are not listed.
    """

    path: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    chargeable: bool = False

    @property
    def params(self) -> tuple[str, ...]:
        """All own parameters, required ones first."""
        return self.required + self.optional


CREDENTIALS: Final = ("app_id", "access_token")

CALL: Final = Endpoint(
    "voice/call",
    required=("dest2",),
    optional=("dest1", "caller_id", "max_duration", "tag", "notify_url"),
    chargeable=True,
)
_CONFERENCE_OPTIONAL: Final = ("room", "caller_id", "tag", "notify_url")
CONFERENCE: Final = Endpoint("voice/conference", ("dest",), _CONFERENCE_OPTIONAL, chargeable=True)
CONFERENCE_CALL: Final = Endpoint(
    "conference/call", ("dest",), _CONFERENCE_OPTIONAL, chargeable=True
)
MODERATE: Final = Endpoint("conference/moderate", required=("txn_ref", "action"))
HANGUP: Final = Endpoint("voice/hangup", required=("txn_ref",))
QUERY_STATUS: Final = Endpoint("voice/query_status", required=("txn_ref",))
EVENTS: Final = Endpoint("voice/events", required=("txn_ref",))
GET_HISTORY: Final = Endpoint("voice/get_history", optional=("from", "to", "page", "upto"))
GET_RATE: Final = Endpoint("voice/get_rate", required=("dest1", "dest2"))
GET_BALANCE: Final = Endpoint("user/get_balance")
GET_INFO: Final = Endpoint("user/get_info")

ENDPOINTS: Final = (
    CALL,
    CONFERENCE,
    CONFERENCE_CALL,
    MODERATE,
    HANGUP,
    QUERY_STATUS,
    EVENTS,
    GET_HISTORY,
    GET_RATE,
    GET_BALANCE,
    GET_INFO,
)


class Kind(StrEnum):
    """What type a field of an answer has, beyond plain text."""

    INTEGER = "integer"
    MONEY = "money"
    DATE = "date"
    REFS = "refs"
    LIST = "list"
    ENTRIES = "entries"


FIELDS: Final[dict[str, Kind]] = {
    "duration": Kind.INTEGER,
    "talktime": Kind.INTEGER,
    "entries_count": Kind.INTEGER,
    "total_entries_count": Kind.INTEGER,
    "rate": Kind.MONEY,
    "debit": Kind.MONEY,
    "balance": Kind.MONEY,
    "points": Kind.MONEY,
    "bonus": Kind.MONEY,
    "date": Kind.DATE,
    "answered_date": Kind.DATE,
    "txn_refs": Kind.REFS,
    "caller_ids": Kind.LIST,
    "entries": Kind.ENTRIES,
}
"""Fields that are not plain strings; all others are."""

MICROS: Final = 1_000_000
"""Micro-units in one unit of a currency, and microseconds in a second."""


@lru_cache(maxsize=4096)
def format_money(micros: int) -> str:
    """Write an amount of micro-units as a decimal with at least three places: ``0.036``.

    More places are written only where the amount needs them (api rule 2).
    """
    sign = "-" if micros < 0 else ""
    units, rest = divmod(abs(micros), MICROS)
    places = f"{rest:06d}"
    return f"{sign}{units}.{places[:3]}{places[3:].rstrip('0')}"


_MONEY: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6}0*)?", re.ASCII)


def parse_money(text: str) -> int:
    """Read a decimal amount into micro-units, exactly.

    Raises ``ValueError`` for anything but plain decimal digits with at most six places.
    """
    if not _MONEY.fullmatch(text):
        raise ValueError(f"not an amount with at most six decimals: {text!r}")
    units, _, places = text.removeprefix("-").partition(".")
    micros = int(units) * MICROS + int(f"{places[:6]:0<6}")
    return -micros if text.startswith("-") else micros


def format_date(micros: int) -> str:
    """Write an instant (Unix time in microseconds) as the wire's GMT+8 date, without a fraction."""
    hour, rest = divmod(micros // MICROS, 3600)
    minute, second = divmod(rest, 60)
    return f"{_hour(hour)}{_TWO_DIGITS[minute]}:{_TWO_DIGITS[second]}"


# A page of history writes two hundred dates, most of them of few hours.
@lru_cache(maxsize=4096)
def _hour(hours: int) -> str:
    """The start of every date in an hour, counted from the epoch: ``2012-01-31 12:``."""
    return (_EPOCH_GMT8 + timedelta(hours=hours)).isoformat(" ")[: -len("00:00")]


_TWO_DIGITS: Final = tuple(f"{number:02d}" for number in range(60))


_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?", re.ASCII
)


def parse_date(text: str) -> datetime:
    """Read a wire date, with or without a fraction (dropped), as a naive ``datetime`` in GMT+8.

    Raises ``ValueError`` when it is not of the form ``2012-01-31 12:06:15``.
    """
    # The library alone would take more, and not only naive dates: 2012-01-31 12:06:Z and a NUL.
    if _DATE.fullmatch(text) is None:
        raise ValueError(f"not a date like 2012-01-31 12:06:15: {text!r}")
    return datetime.fromisoformat(text[:19])


def to_micros(date: datetime) -> int:
    """The instant of a date as Unix time in microseconds; a naive one is taken as GMT+8."""
    aware = date.replace(tzinfo=GMT8) if date.tzinfo is None else date
    return (aware - _EPOCH) // timedelta(microseconds=1)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_GMT8: Final = _EPOCH.astimezone(GMT8).replace(tzinfo=None)


def signature(access_token: str, body: bytes) -> str:
    """The ``X-Hoiio-Signature`` of a notification: hex HMAC-SHA256 of the raw body."""
    return _hmac(access_token.encode(), body).hex()


def webhook_signature(
    signing_secrets: Iterable[str], message_id: str, timestamp: int, body: bytes
) -> str:
    """The ``webhook-signature`` of a notification: one ``v1,<base64>`` for each secret.

    As Standard Webhooks has it: HMAC-SHA256 of ``id.timestamp.body``, the timestamp Unix seconds.
    Raises ``ValueError`` for what is no ``whsec_<base64>`` or holds no key.
    """
    from base64 import b64encode  # noqa: PLC0415 - a program that only calls needs none of it

    content = f"{message_id}.{timestamp}.".encode() + body
    digests = (_hmac(_signing_key(secret), content) for secret in signing_secrets)
    return " ".join(f"v1,{b64encode(digest).decode()}" for digest in digests)


def _hmac(key: bytes, message: bytes) -> bytes:
    import hmac  # noqa: PLC0415 - a program that only calls needs none of it

    return hmac.digest(key, message, "sha256")


def _signing_key(secret: str) -> bytes:
    from base64 import b64decode  # noqa: PLC0415 - a program that only calls needs none of it

    if not secret.startswith(SIGNING_SECRET_PREFIX):
        raise ValueError("a signing secret begins with whsec_")
    key = b64decode(secret.removeprefix(SIGNING_SECRET_PREFIX), validate=True)
    if not key:
        # Anybody can sign with an empty key.
        raise ValueError("a signing secret has a key after whsec_")
    return key
