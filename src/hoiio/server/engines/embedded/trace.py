"""The SIP stack's own trace of messages, followed for what it tells nowhere else.

The trace is on from the start. Its messages come on a thread of the stack's, a few for each call.
"""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from typing import Final

_TRACE: Final = "baresip.native.sip"
"""The logger that the library writes every SIP message to."""

_CALL: Final = re.compile(r"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)


class Follower(logging.Handler, ABC):
    """Reads every message that the stack sends or receives."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)

    def attach(self) -> None:
        """Follow the trace from now on; it stays out of the log."""
        logger = logging.getLogger(_TRACE)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take in one message."""
        self.take(record.getMessage().replace("\r\n", "\n"))

    @abstractmethod
    def take(self, text: str) -> None:
        """Take in a line that says which way it went (``TX`` or ``RX``), and the message below."""


def call_id(text: str) -> str | None:
    """The Call-ID of a message, in the long or the short form of the header."""
    found = _CALL.search(text)
    return found[1] if found else None
