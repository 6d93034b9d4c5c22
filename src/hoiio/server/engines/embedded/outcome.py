"""What the stack's closing words of a call mean. Pure."""

from __future__ import annotations

import re
from typing import Final

from hoiio.server.engines.protocol import Cause

_STATUS: Final = re.compile(r"([3-6][0-9]{2})(?: |$)")
_MEDIA: Final = re.compile(r"\brtp stream error\b|\brtp timeout\b", re.IGNORECASE)


def read_close(text: str, *, answered: bool) -> tuple[Cause, int | None]:
    """The cause and SIP code of a call that we did not end ourselves.

    ``text`` is the stack's: a status line for a refusal, else an error's description.
    """
    if _MEDIA.search(text):
        return Cause.MEDIA_LOST, None
    if answered:
        return Cause.REMOTE, None
    if (status := _STATUS.match(text)) is not None:
        return Cause.REMOTE, int(status[1])
    return Cause.NO_RESPONSE, None
