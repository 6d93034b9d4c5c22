"""Which BYEs and CANCELs are still unanswered, read off the SIP stack's own trace of messages.

The stack repeats a lost one by itself, but only as long as the process lives, and tells nobody when
it was answered. So before the process exits the trace is switched on and followed.
"""

from __future__ import annotations

import logging
import re
from typing import Final

TRACE: Final = "baresip.native.sip"
"""The logger that the library writes every SIP message to, once told to."""

_START: Final = re.compile(r"(TX|RX) [^\n]*\n(SIP/2\.0 [2-6])?")
_CALL: Final = re.compile(r"^Call-ID:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
_CSEQ: Final = re.compile(r"^CSeq:\s*([0-9]+ (?:BYE|CANCEL))\s*$", re.MULTILINE | re.IGNORECASE)


class Farewells(logging.Handler):
    """A log handler that keeps the requests to end a call which nobody has answered yet."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.unanswered: set[tuple[str, str]] = set()

    def attach(self) -> None:
        """Follow the trace, and keep it out of the log."""
        logger = logging.getLogger(TRACE)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take in one message of the trace."""
        self.take(record.getMessage().replace("\r\n", "\n"))

    def take(self, text: str) -> None:
        """Take in a line that says which way it went, and the message below it."""
        start, call, cseq = _START.match(text), _CALL.search(text), _CSEQ.search(text)
        if start is None or call is None or cseq is None:
            return
        key = (call[1], cseq[1].upper())
        if start[1] == "TX" and not text.split("\n", 2)[1].startswith("SIP/2.0"):
            self.unanswered.add(key)
        elif start[1] == "RX" and start[2]:
            self.unanswered.discard(key)
