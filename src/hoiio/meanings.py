"""What a refusal means, and what to do about it, for a person at a terminal."""

from __future__ import annotations

import re
from typing import Final

from hoiio.wire import PAGE_SIZE, ROOM_SIZE, TAG_MAX, Status, param_missing

_UNREACHED: Final = (
    "no tariff covers it, no route or trunk leads there, or the operator's guards refuse it; "
    "ask the operator"
)
_MEANINGS: Final[dict[str, str]] = {
    Status.INVALID_HTTP_METHOD: "the service takes only GET and POST; check HOIIO_BASE_URL",
    Status.MALFORMED_PARAMS: "the service could not read the request: shorten it, and take "
    "out what is no text, such as a NUL",
    Status.INVALID_ACCESS_TOKEN: "the access token is wrong, expired or revoked; "
    "check HOIIO_ACCESS_TOKEN",
    Status.INVALID_APP_ID: "the application is unknown or revoked; check HOIIO_APP_ID",
    Status.RATE_LIMIT_EXCEEDED: "too many requests or calls in a minute, or wrong "
    "credentials too often; wait a minute",
    Status.INTERNAL_SERVER_ERROR: "the service failed; ask its operator, whose log says why",
    Status.NOT_FOUND: "the service has no such method; check HOIIO_BASE_URL",
    Status.SERVICE_NOT_AVAILABLE: "the service takes no more calls now, or has lost hold of this "
    "one; try again later",
    param_missing("dest1"): "dest1 is missing, and the account has no registered number to ring "
    "instead; give a number like +6511111111",
    Status.DEST1_INVALID: "the first number is no phone number; write it like +6511111111",
    Status.DEST2_INVALID: "the second number is no phone number; write it like +6522222222",
    Status.DEST_INVALID: "one number is no phone number, or is there twice; "
    "write them like +6511111111",
    Status.DEST1_NOT_SUPPORTED: f"the first number cannot be called: {_UNREACHED}",
    Status.DEST2_NOT_SUPPORTED: f"the second number cannot be called: {_UNREACHED}",
    Status.DEST_NOT_SUPPORTED: f"one of the numbers cannot be called: {_UNREACHED}",
    Status.DEST_TOO_MANY: f"a room holds at most {ROOM_SIZE} phones; call fewer at a time",
    Status.SAME_DEST1_DEST2: "the two numbers are the same; give two different ones",
    Status.CALLER_ID_INVALID: "the caller ID is neither 'private' nor one of the account's, which "
    "its info lists as caller_ids",
    Status.INVALID_MAX_DURATION: "the longest duration is whole seconds, 1 to 86400",
    Status.TAG_INVALID_LENGTH: f"a tag has at most {TAG_MAX} characters",
    Status.INVALID_NOTIFY_URL: "the service cannot send notifications to this URL: write it like "
    "https://my.server.com/hoiio; an address that is not public, the operator has to allow",
    Status.UNABLE_TO_RESOLVE_NOTIFY_URL: "the host of the notification URL does not exist; "
    "check its spelling",
    Status.INSUFFICIENT_CREDIT: "the credit does not pay for the first minute, or a ceiling on "
    "spending is reached; top it up, or ask the operator",
    Status.CONCURRENT_CALL_LIMIT_REACHED: "the account would have more calls up than it may; "
    "end one first",
    Status.NOT_ALLOWED_FOR_TRIAL: "a trial account calls its own numbers only; "
    "its operator can make it active",
    Status.INVALID_ROOM: "a room's name is letters, digits and . _ - only, at most 32",
    Status.INVALID_ACTION: "the action is mute, unmute or kick",
    Status.INVALID_TXN_REF: "there is no such call in this application, or, to moderate, none "
    "that is in a conference now; check the txn_ref",
    Status.FROM_INVALID: "the start is no date like 2012-01-31 12:06:15",
    Status.TO_INVALID: "the end is no date like 2012-01-31 12:06:15",
    Status.TO_BEFORE_FROM: "the end is before the start; exchange them",
    Status.PAGE_INVALID: f"pages, of {PAGE_SIZE} calls each, count from 1",
    Status.IDEMPOTENCY_KEY_INVALID: "an idempotency key is 1 to 255 visible ASCII characters",
    Status.IDEMPOTENCY_KEY_REUSED: "this idempotency key was used for another request; take a new "
    "one, or ask exactly as then",
}
_MISSING: Final = re.compile(r"error_(\w+)_param_missing")


def meaning(status: str) -> str:
    """What a status says in words; empty for one that this client does not know."""
    if status in _MEANINGS:
        return _MEANINGS[status]
    missing = _MISSING.fullmatch(status)
    return f"{missing[1]} is missing" if missing else ""
