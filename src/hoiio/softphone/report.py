"""What a phone tells: one event a line, as JSON for programs or as a sentence for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO, cast

Fields = dict[str, object]
Report = Callable[[str, Fields], None]
"""Takes the event's name and its fields."""


def reporter(out: TextIO, *, as_json: bool, now: Callable[[], datetime]) -> Report:
    """A report that writes each event to ``out`` at once, stamped with the time it is told."""
    write = as_json_line if as_json else as_sentence

    def report(event: str, fields: Fields) -> None:
        out.write(write(event, now(), fields) + "\n")
        out.flush()

    return report


def as_json_line(event: str, at: datetime, fields: Fields) -> str:
    """One JSON object: ``event``, ``at`` (ISO 8601, UTC), and the event's own fields."""
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"event": event, "at": stamp, **fields}, ensure_ascii=False)


def as_sentence(event: str, at: datetime, fields: Fields) -> str:
    """The same for a person at a terminal, in local time."""
    return f"{at.astimezone():%H:%M:%S}  {_SENTENCES[event](fields)}"


def _listening(fields: Fields) -> str:
    return f"{fields['number']} waits for calls on {fields['address']}"


def _ringing(fields: Fields) -> str:
    return f"ringing: {fields['caller_id'] or 'number withheld'}"


def _hearing(fields: Fields) -> str:
    tones = cast("list[dict[str, float]]", fields["tones"])
    words = ", ".join(f"{tone['hz']} Hz at {tone['level']} dBFS" for tone in tones)
    return f"hearing {words or 'silence'}"


_ENDS = {
    "hung_up": "hung up",
    "remote": "the other side hung up",
    "cancelled": "the caller gave up",
    "refused": "refused",
    "lost": "the other side is gone: no audio arrives",
}

_SENTENCES: dict[str, Callable[[Fields], str]] = {
    "listening": _listening,
    "ringing": _ringing,
    "answered": lambda _: "answered",
    "digit": lambda fields: f"key {fields['digit']}",
    "hearing": _hearing,
    "ended": lambda fields: f"call over: {_ENDS[str(fields['reason'])]}",
}
