"""What far ends say in their messages that the SIP stack tells nowhere but in its trace."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from enum import Enum
from typing import Final

from hoiio.server.engines.embedded.sdp import read_audio
from hoiio.server.engines.embedded.trace import Follower, call_id

_PROVISIONAL: Final = re.compile(r"RX [^\n]*\nSIP/2\.0 1[0-9][0-9] ")


class Said(Enum):
    """What a far end said of a call."""

    TRYING = "trying"
    """It has the INVITE, by a 100 at least, which can be cancelled only from then on (RFC 3261
    section 9.1)."""
    ON_HOLD = "on hold"
    """Its audio may stay away from now on."""
    TALKING = "talking"
    """Its audio is to be expected."""


class FarEnds(Follower):
    """Tells, by Call-ID, what is said; of any call, so that a stranger's may be among them."""

    def __init__(self, tell: Callable[[str, Said], None]) -> None:
        super().__init__()
        self._tell = tell
        self._loop = asyncio.get_running_loop()

    def take(self, text: str) -> None:
        """Take in one message of the trace, on the stack's own thread."""
        if not text.startswith("RX ") or (call := call_id(text)) is None:
            return
        # Told on the loop, behind the event that names the call: this thread may be ahead of it.
        if _PROVISIONAL.match(text):
            self._loop.call_soon_threadsafe(self._tell, call, Said.TRYING)
        if (audio := read_audio(text)) is not None:
            said = Said.ON_HOLD if audio.on_hold else Said.TALKING
            self._loop.call_soon_threadsafe(self._tell, call, said)
