"""Lost ACKs, sent again.

A phone repeats its 200 until it has our ACK, and hangs up after half a minute without one. The SIP
stack answers such a repetition with an empty datagram. So each ACK is read off the stack's own
trace of messages, and sent again by way of the stack's own socket when its 200 comes once more.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from hoiio.server.engines.embedded.farewell import TRACE

Send = Callable[[bytes, tuple[str, int]], object]

_HEAD: Final = re.compile(r"(TX|RX) UDP \S+ -> ([0-9.]+):([0-9]+)\r?\n(ACK |SIP/2\.0 2)")
_CALL: Final = re.compile(r"^Call-ID:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
_CSEQ: Final = re.compile(r"^CSeq:\s*([0-9]+) (?:INVITE|ACK)\s*$", re.MULTILINE | re.IGNORECASE)
_KEPT_SECONDS: Final = 32.0
"""A 2xx is repeated for this long (RFC 3261 section 13.3.1.4)."""
_KEPT: Final = 4096
_DESCRIPTORS: Final = 4096


class Acks(logging.Handler):
    """A log handler that keeps the ACK of each 2xx for as long as that may come again."""

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.DEBUG)
        self._send = send
        self._clock = clock
        self._sent: dict[tuple[str, str], tuple[float, bytes, tuple[str, int]]] = {}

    def attach(self) -> None:
        """Follow the trace, and keep it out of the log."""
        logger = logging.getLogger(TRACE)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take in one message of the trace, on the stack's log thread."""
        self.take(record.getMessage())

    def take(self, text: str) -> None:
        """Take in a line that says which way it went, and the message below it."""
        head, call, cseq = _HEAD.match(text), _CALL.search(text), _CSEQ.search(text)
        if head is None or call is None or cseq is None:
            return
        key = (call[1], cseq[1])
        if head[1] == "TX" and head[4] == "ACK ":
            # The trace leaves the empty line at the end away; none of our ACKs has a body.
            message = text[head.start(4) :].rstrip() + "\r\n\r\n"
            self._keep(key, message.encode(), (head[2], int(head[3])))
        elif head[1] == "RX" and head[4] != "ACK " and key in self._sent:
            with suppress(OSError):
                self._send(*self._sent[key][1:])

    def _keep(self, key: tuple[str, str], message: bytes, address: tuple[str, int]) -> None:
        now = self._clock()
        self._sent[key] = (now, message, address)
        while len(self._sent) > _KEPT or now - self._oldest() > _KEPT_SECONDS:
            del self._sent[next(iter(self._sent))]

    def _oldest(self) -> float:
        return next(iter(self._sent.values()))[0]


def bound_socket(address: tuple[str, int]) -> socket.socket | None:
    """The UDP socket of our own process that is bound to an address, whoever opened it."""
    for descriptor in range(_DESCRIPTORS):
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                found = socket.socket(fileno=os.dup(descriptor))
                if found.type is socket.SOCK_DGRAM and found.getsockname() == address:
                    return found
                found.close()
    return None
