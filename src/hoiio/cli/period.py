"""Moments as they are typed: so long ago, a day, or a date and a time in GMT+8. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from hoiio import wire
from hoiio.cli.console import UsageError

_AGO: Final = re.compile(r"([0-9]{1,6})([mhdw])", re.ASCII)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?", re.ASCII
)


def moment(option: str, text: str, now: datetime) -> datetime:
    """What ``text`` says, as a naive date in GMT+8; ``now`` is aware.

    Raises ``UsageError`` that names the option and shows what it takes.
    """
    try:
        ago = _AGO.fullmatch(text)
        if ago is not None:
            span = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            return (now.astimezone(wire.GMT8) - span).replace(microsecond=0, tzinfo=None)
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        pass
    raise UsageError(
        f"{option}: 30m, 24h, 7d or 2w ago, or a date in GMT+8 like 2026-11-24 or "
        f'"2026-11-24 10:00:00", not {text!r}'
    )
