"""Which BYEs and CANCELs are still unanswered, read off the SIP stack's own trace of messages.

The stack repeats a lost one by itself, but only as long as the process lives, and tells nobody when
it was answered. So before the process exits the trace is followed.
"""

from __future__ import annotations

import re
from typing import Final

from hoiio.server.engines.embedded.trace import Follower, call_id

_START: Final = re.compile(r"(TX|RX) [^\n]*\n(SIP/2\.0 [2-6])?")
_CSEQ: Final = re.compile(r"^CSeq:\s*([0-9]+ (?:BYE|CANCEL))\s*$", re.MULTILINE | re.IGNORECASE)


class Farewells(Follower):
    """Keeps the requests to end a call which nobody has answered yet."""

    def __init__(self) -> None:
        super().__init__()
        self.unanswered: set[tuple[str, str]] = set()

    def take(self, text: str) -> None:
        """Take in one message of the trace."""
        start, call, cseq = _START.match(text), call_id(text), _CSEQ.search(text)
        if start is None or call is None or cseq is None:
            return
        key = (call, cseq[1].upper())
        if start[1] == "TX" and not text.split("\n", 2)[1].startswith("SIP/2.0"):
            self.unanswered.add(key)
        elif start[1] == "RX" and start[2]:
            self.unanswered.discard(key)
