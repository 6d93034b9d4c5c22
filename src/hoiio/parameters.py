"""What a caller may give for each parameter, and how it is written on the wire. Pure.

What is wrong is refused here, before anything is sent, with the parameter's name and an example.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hoiio import wire
from hoiio.errors import InvalidArgument

_EXAMPLE: Final = "+6511111111"


def country_prefix(prefix: object) -> str | None:
    """A country prefix with its plus: ``+65`` for ``'65'`` or ``'+65'``.

    Raises ``InvalidArgument`` for anything but digits, in a string, with or without a plus.
    """
    if prefix is None:
        return None
    digits = prefix.removeprefix("+") if isinstance(prefix, str) else ""
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidArgument("prefix", f"not a country prefix like '65' or '+65': {prefix!r}")
    return f"+{digits}"


def number(name: str, value: object, prefix: str | None) -> str:
    """A number as it is sent: E.164, the prefix put before one without a plus.

    An ``int`` counts as its digits. Raises ``InvalidArgument``.
    """
    if isinstance(value, str):
        text = value
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    else:
        raise InvalidArgument(name, f"a number is a str like {_EXAMPLE!r}, not {_kind(value)}")
    if wire.NUMBER.fullmatch(text):
        return text
    if text.isascii() and text.isdigit():
        if prefix is None:
            raise InvalidArgument(
                name,
                f"{text!r} has no country code: write it like {_EXAMPLE!r}, or set a prefix, "
                "as in Hoiio.prefix = '65'",
            )
        text = f"{prefix}{text}"
        if wire.NUMBER.fullmatch(text):
            return text
    raise InvalidArgument(
        name, f"{text!r} is no phone number: a plus and 4 to 15 digits, like {_EXAMPLE!r}"
    )


def optional_number(name: str, value: object, prefix: str | None) -> str | None:
    """As :func:`number`; None is left out."""
    return None if value is None else number(name, value, prefix)


def caller_id(value: object, prefix: str | None) -> str | None:
    """A number, or a word that withholds it."""
    if value is None or (isinstance(value, str) and value in wire.PRIVATE):
        return value
    try:
        return number("caller_id", value, prefix)
    except InvalidArgument as error:
        raise InvalidArgument("caller_id", f"{_reason(error)}; or 'private'") from None


def dests(values: tuple[object, ...], prefix: str | None) -> str:
    """The numbers of a conference as a comma list."""
    if not values:
        raise InvalidArgument("dests", f"a conference needs a number at least, like {_EXAMPLE!r}")
    return ",".join(number("dests", value, prefix) for value in values)


def max_duration(value: object) -> int | None:
    """Seconds, from 1."""
    return _whole("max_duration", value, "seconds, like 600")


def page(value: object) -> int | None:
    """A page of history, from 1."""
    return _whole("page", value, "a page, from 1, like 2")


def _whole(name: str, value: object, example: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidArgument(name, f"not {example}: {value!r}")
    return value


def tag(value: object) -> str | None:
    """A note that is handed back: at most 256 characters."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidArgument("tag", f"a tag is a str like 'order-7', not {_kind(value)}")
    if len(value) > wire.TAG_MAX:
        raise InvalidArgument("tag", f"{len(value)} characters; at most {wire.TAG_MAX} are kept")
    return value


def notify_url(value: object) -> str | None:
    """Where to report: an http or https URL of at most 4000 characters."""
    if value is None:
        return None
    example = "a URL like 'https://my.server.com/hoiio'"
    if not isinstance(value, str):
        raise InvalidArgument("notify_url", f"{example}, not {_kind(value)}")
    if len(value) > wire.NOTIFY_URL_MAX:
        raise InvalidArgument("notify_url", f"longer than {wire.NOTIFY_URL_MAX} characters")
    from urllib.parse import urlsplit  # noqa: PLC0415 - slow to load

    try:
        parts = urlsplit(value)
        fits = parts.scheme in {"http", "https"} and parts.hostname
    except ValueError:
        fits = False
    if not fits:
        raise InvalidArgument("notify_url", f"not {example}: {value!r}")
    return value


def room(value: object) -> str | None:
    """A room's name."""
    if value is None or (isinstance(value, str) and wire.ROOM.fullmatch(value)):
        return value
    raise InvalidArgument(
        "room", f"at most 32 letters, digits and . _ -, like 'MY-ROOM', not {value!r}"
    )


def txn_ref(value: object, name: str = "txn_ref") -> str:
    """A call's reference."""
    if isinstance(value, str) and value and len(value) <= _REF_MAX and value.isprintable():
        return value
    raise InvalidArgument(name, f"a reference like 'AA-C-141147', not {value!r}")


_REF_MAX: Final = 256


def action(value: object) -> str:
    """What a moderator does."""
    if isinstance(value, str) and value in set(wire.Action):
        return str(value)
    raise InvalidArgument("action", f"'mute', 'unmute' or 'kick', not {value!r}")


def date(name: str, value: object) -> str | None:
    """A date as it is sent: GMT+8 without a zone or a fraction; a naive one is in GMT+8 already."""
    if value is None:
        return None
    if isinstance(value, datetime):
        try:
            local = value if value.tzinfo is None else value.astimezone(wire.GMT8)
        except OverflowError:
            raise InvalidArgument(name, f"no date that the API has: {value}") from None
        return local.replace(microsecond=0, tzinfo=None).isoformat(sep=" ")
    example = "a datetime, or text like '2012-01-31 12:06:15' in GMT+8"
    if not isinstance(value, str):
        raise InvalidArgument(name, f"{example}, not {_kind(value)}")
    try:
        return wire.parse_date(value).isoformat(sep=" ")
    except ValueError:
        raise InvalidArgument(name, f"not {example}: {value!r}") from None


def idempotency_key(value: object) -> str | None:
    """One's own name for a request that may be sent again."""
    if value is None or (isinstance(value, str) and wire.IDEMPOTENCY_KEY.fullmatch(value)):
        return value
    raise InvalidArgument(
        "idempotency_key", f"1 to 255 visible ASCII characters, like 'order-7', not {value!r}"
    )


def seconds(name: str, value: object) -> float:
    """A time-out."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _SECONDS_MAX:
        return float(value)
    raise InvalidArgument(name, f"seconds, more than 0, like 10, not {value!r}")


_SECONDS_MAX: Final = 1e7


def count(name: str, value: object) -> int:
    """A number of times."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise InvalidArgument(name, f"a number from 0, not {value!r}")


def _kind(value: object) -> str:
    return f"{type(value).__name__} ({value!r})"


def _reason(error: InvalidArgument) -> str:
    return str(error).removeprefix(f"{error.name}: ")
