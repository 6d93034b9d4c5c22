"""Which INVITEs have had their first provisional answer, a ``100 Trying`` included.

Only from then on can one be cancelled (RFC 3261 section 9.1), and the stack tells of a 100 nowhere
but in its trace.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Final

from hoiio.server.engines.embedded.trace import Follower, call_id

_PROVISIONAL: Final = re.compile(r"RX [^\n]*\nSIP/2\.0 1[0-9][0-9] ")


class FirstAnswers(Follower):
    """Tells once of each call that its INVITE has been answered provisionally."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        super().__init__()
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._awaited: dict[str, int] = {}

    def expect(self, call: int, under: str) -> None:
        """Note the Call-ID under which a call's INVITE leaves."""
        self._awaited[under] = call

    def forget(self, call: int) -> None:
        """It rang, was answered or ended: there is nothing to wait for."""
        for under in [each for each, waiting in self._awaited.items() if waiting == call]:
            del self._awaited[under]

    def take(self, text: str) -> None:
        """Take in one message of the trace, on the stack's own thread."""
        if _PROVISIONAL.match(text) and (under := call_id(text)):
            # On the loop, behind the event that names the call: this thread may be ahead of it.
            self._loop.call_soon_threadsafe(self._answered, under)

    def _answered(self, under: str) -> None:
        if (call := self._awaited.pop(under, None)) is not None:
            self._tell(call)
