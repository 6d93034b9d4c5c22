"""Lost ACKs, sent again.

A phone repeats its 200 until it has our ACK, and hangs up after half a minute without one. The SIP
stack answers such a repetition with an empty datagram. So each ACK is read off the stack's own
trace of messages, and sent again by way of the stack's own socket when its 200 comes once more.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from hoiio.server.engines.embedded.sockets import own_udp_sockets
from hoiio.server.engines.embedded.trace import Follower, call_id

Send = Callable[[bytes, tuple[str, int]], object]

_HEAD: Final = re.compile(r"(TX|RX) UDP \S+ -> ([0-9.]+):([0-9]+)\n(ACK |SIP/2\.0 2)")
_CSEQ: Final = re.compile(r"^CSeq:\s*([0-9]+) (?:INVITE|ACK)\s*$", re.MULTILINE | re.IGNORECASE)
_KEPT_SECONDS: Final = 32.0
"""A 2xx is repeated for this long (RFC 3261 section 13.3.1.4)."""
_KEPT: Final = 4096


class Acks(Follower):
    """Keeps the ACK of each 2xx for as long as that may come again."""

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._send = send
        self._clock = clock
        self._sent: dict[tuple[str, str], tuple[float, bytes, tuple[str, int]]] = {}

    def take(self, text: str) -> None:
        """Take in one message of the trace."""
        head, call, cseq = _HEAD.match(text), call_id(text), _CSEQ.search(text)
        if head is None or call is None or cseq is None:
            return
        key = (call, cseq[1])
        if head[1] == "TX" and head[4] == "ACK ":
            # The trace leaves the empty line at the end away; none of our ACKs has a body.
            lines = text[head.start(4) :].rstrip().split("\n")
            message = "\r\n".join([*lines, "", ""])
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
    found = None
    for sock in own_udp_sockets():
        if found is None and sock.getsockname() == address:
            found = sock
        else:
            sock.close()
    return found
