"""What a caller may give for each parameter, and how it is written on the wire. Pure.

What is wrong is refused here, before anything is sent, with the parameter's name and an example.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

from hoiio import wire
from hoiio.errors import InvalidArgument
from hoiio.request import exact

if TYPE_CHECKING:
    from hoiio.watching import Until

_EXAMPLE: Final = "+6511111111"


def country_prefix(prefix: object) -> str | None:
    """A country prefix with its plus: ``+65`` for ``'65'`` or ``'+65'``.

    Raises ``InvalidArgument`` for anything but digits, in a string, with or without a plus.
    """
    if prefix is None:
        return None
    digits = prefix.removeprefix("+") if isinstance(prefix, str) else ""
    if not _PREFIX.fullmatch(digits):
        raise InvalidArgument(
            "prefix", f"not a country prefix like '65' or '+65': {_shown(prefix)}"
        )
    return f"+{digits}"


_PREFIX: Final = re.compile(r"[1-9][0-9]{0,13}", re.ASCII)


def number(name: str, value: object, prefix: str | None) -> str:
    """A number as it is sent: E.164, the prefix put before one without a plus.

    An ``int`` counts as its digits. Raises ``InvalidArgument``, also for one that begins with 00,
    as most of the world dials abroad: behind a prefix it would be another number.
    """
    if isinstance(value, str):
        text = value if type(value) is str else exact(value)
    elif isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _INT_MAX:
        text = int.__repr__(value)
    else:
        raise InvalidArgument(name, f"a number is a str like {_EXAMPLE!r}, not {_kind(value)}")
    if wire.NUMBER.fullmatch(text):
        return text
    if text.isascii() and text.isdigit():
        if text.startswith("00"):
            raise InvalidArgument(
                name, f"{_shown(text)} begins with 00: write a plus instead, like {_EXAMPLE!r}"
            )
        if prefix is None:
            raise InvalidArgument(
                name,
                f"{_shown(text)} has no country code: write it like {_EXAMPLE!r}, or set a prefix, "
                "as in Hoiio.prefix = '65'",
            )
        text = f"{prefix}{text}"
        if wire.NUMBER.fullmatch(text):
            return text
    raise InvalidArgument(
        name, f"{_shown(text)} is no phone number: a plus and 4 to 15 digits, like {_EXAMPLE!r}"
    )


_INT_MAX: Final = 10**15


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
    """The numbers of a conference as a comma list: up to 8, all different."""
    if not values:
        raise InvalidArgument("dests", f"a conference needs a number at least, like {_EXAMPLE!r}")
    if len(values) > wire.ROOM_SIZE:
        raise InvalidArgument(
            "dests", f"{len(values)} numbers; a room holds {wire.ROOM_SIZE}, so give no more"
        )
    numbers = [number("dests", value, prefix) for value in values]
    if len(set(numbers)) < len(numbers):
        twice = next(each for each in numbers if numbers.count(each) > 1)
        raise InvalidArgument("dests", f"{twice!r} is there twice; give each number once")
    return ",".join(numbers)


def other_number(dest1: str | None, value: object, prefix: str | None) -> str:
    """As :func:`number`, for ``dest2``: not the one of ``dest1``."""
    dest2 = number("dest2", value, prefix)
    if dest1 == dest2:
        raise InvalidArgument(
            "dest2",
            f"{dest2!r} is the first number as well; give two, like {_EXAMPLE!r} and {_OTHER!r}",
        )
    return dest2


_OTHER: Final = "+6522222222"


def max_duration(value: object) -> int | None:
    """Seconds, from 1 to 86400."""
    return _whole("max_duration", value, "seconds, from 1 to 86400, like 600", _SECONDS_MOST)


_SECONDS_MOST: Final = wire.MAX_DURATION[-1]


def page(value: object) -> int | None:
    """A page of history, from 1."""
    return _whole("page", value, "a page, from 1, like 2", _PAGE_MAX)


_PAGE_MAX: Final = 999_999_999
"""More than any history has, and within what any service can count."""


def _whole(name: str, value: object, example: str, most: int) -> int | None:
    if value is None:
        return None
    whole = value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        whole = int(value)
    if isinstance(whole, bool) or not isinstance(whole, int) or not 1 <= whole <= most:
        raise InvalidArgument(name, f"not {example}: {_shown(value)}")
    return int(whole)


def tag(value: object) -> str | None:
    """A note that is handed back: at most 256 characters, none of them NUL."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidArgument("tag", f"a tag is a str like 'order-7', not {_kind(value)}")
    if len(value) > wire.TAG_MAX:
        raise InvalidArgument("tag", f"at most {wire.TAG_MAX} characters, not {len(value)}")
    if "\0" in value:
        raise InvalidArgument(
            "tag", f"a tag is text like 'order-7', without a NUL, not {_shown(value)}"
        )
    return value


def notify_url(value: object) -> str | None:
    """Where to report: an http or https URL of at most 4000 characters, without credentials."""
    if value is None:
        return None
    example = "a URL like 'https://my.server.com/hoiio'"
    if not isinstance(value, str):
        raise InvalidArgument("notify_url", f"{example}, not {_kind(value)}")
    if len(value) > wire.NOTIFY_URL_MAX:
        raise InvalidArgument(
            "notify_url", f"{example} of at most {wire.NOTIFY_URL_MAX} characters"
        )
    found = re.fullmatch(wire.NOTIFY_URL, value)
    if found is None or not (found["port"] is None or 0 < int(found["port"]) < 65536):
        raise InvalidArgument("notify_url", f"not {example}: {_why_no_url(value)}")
    return value


def _why_no_url(value: str) -> str:
    place = re.match(r"https?://([^/?#]*)", value, re.IGNORECASE)
    if place is not None and "@" in place[1]:
        return "a user or password in it would be sent and logged; put a secret into its path"
    if place is not None and not (value.isascii() and value.isprintable() and " " not in value):
        return f"{_shown(value)} has spaces or the like, which a URL writes as %20"
    return _shown(value)


def room(value: object) -> str | None:
    """A room's name."""
    if value is None or (isinstance(value, str) and wire.ROOM.fullmatch(value)):
        return value
    raise InvalidArgument(
        "room", f"at most 32 letters, digits and . _ -, like 'MY-ROOM', not {_shown(value)}"
    )


def txn_ref(value: object, name: str = "txn_ref") -> str:
    """A call's reference."""
    if isinstance(value, str) and value and len(value) <= _REF_MAX and value.isprintable():
        return value if type(value) is str else exact(value)
    raise InvalidArgument(
        name, f"a reference like 'AA-C-141147', at most {_REF_MAX} long, not {_shown(value)}"
    )


_REF_MAX: Final = 256


def action(value: object) -> str:
    """What a moderator does."""
    if isinstance(value, str) and value in set(wire.Action):
        return exact(value)
    raise InvalidArgument("action", f"'mute', 'unmute' or 'kick', not {_shown(value)}")


def date(name: str, value: object) -> str | None:
    """A date as it is sent: GMT+8 without a zone or a fraction; a naive one is in GMT+8 already."""
    if value is None:
        return None
    if isinstance(value, datetime):
        try:
            local = value if value.utcoffset() is None else value.astimezone(wire.GMT8)
        except OverflowError:
            raise InvalidArgument(name, f"no date that the API has: {value}") from None
        return local.replace(microsecond=0, tzinfo=None).isoformat(sep=" ")
    example = "a datetime, or text like '2012-01-31 12:06:15' in GMT+8"
    if not isinstance(value, str):
        raise InvalidArgument(name, f"{example}, not {_kind(value)}")
    try:
        return wire.parse_date(value).isoformat(sep=" ")
    except ValueError:
        raise InvalidArgument(name, f"not {example}: {_shown(value)}") from None


def period(from_: object, to: object, first: str = "from_") -> tuple[str | None, str | None]:
    """Two dates as they are sent, the second not before the first; ``first`` names that one."""
    start, end = date(first, from_), date("to", to)
    # Written alike, they sort as the instants do.
    if start is not None and end is not None and end < start:
        raise InvalidArgument(
            "to", f"{end!r} is before {first!r}, {start!r}, in GMT+8; exchange them"
        )
    return start, end


def idempotency_key(value: object) -> str | None:
    """One's own name for a request that may be sent again."""
    if value is None:
        return None
    if isinstance(value, str) and wire.IDEMPOTENCY_KEY.fullmatch(value):
        return exact(value)
    raise InvalidArgument(
        "idempotency_key", f"1 to 255 visible ASCII characters, like 'order-7', not {_shown(value)}"
    )


def seconds(name: str, value: object) -> float:
    """A time-out."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _SECONDS_MAX:
        return float(value)
    raise InvalidArgument(
        name,
        f"seconds, more than 0 and less than {_SECONDS_MAX:,.0f}, like 10, not {_shown(value)}",
    )


_SECONDS_MAX: Final = 1e7


def count(name: str, value: object) -> int:
    """A number of times."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise InvalidArgument(name, f"a whole number from 0, like 2, not {_shown(value)}")


def method(value: object) -> None:
    """How requests are sent."""
    if not (isinstance(value, str) and value in {"POST", "GET"}):
        raise InvalidArgument("method", f"'POST' or 'GET', not {_shown(value)}")


def time_out(value: object) -> float | None:
    """How long to wait; None for as long as it takes."""
    return None if value is None else seconds("timeout", value)


def until(value: object) -> Until:
    """How far a call is waited for."""
    if isinstance(value, str) and value in {"answered", "ended"}:
        return "answered" if value == "answered" else "ended"
    raise InvalidArgument("until", f"'answered' or 'ended', not {_shown(value)}")


def _kind(value: object) -> str:
    return f"{type(value).__name__} ({_shown(value)})"


def _shown(value: object) -> str:
    """A value in a message, its beginning if it is long."""
    try:
        text = repr(value)
    except ValueError:
        return "a number too large to be written"  # CPython's own bound for an int
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


_SHOWN_MAX: Final = 100


def _reason(error: InvalidArgument) -> str:
    return str(error).removeprefix(f"{error.name}: ")
