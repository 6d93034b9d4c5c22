"""Which INVITEs have had their first provisional answer, a ``100 Trying`` included.

Only from then on can one be cancelled (RFC 3261 section 9.1), and the stack tells of a 100 nowhere
but in its trace of messages. The trace is on only while such an answer is awaited: a trunk sends
its 100 at once, and strangers' messages cost nothing the rest of the time.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final

from hoiio.server.engines.embedded.farewell import TRACE

_PROVISIONAL: Final = re.compile(r"RX [^\n]*\nSIP/2\.0 1[0-9][0-9] ")
_CALL: Final = re.compile(r"^(?:Call-ID|i):[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)

SwitchTrace = Callable[[bool], Awaitable[None]]


class FirstAnswers(logging.Handler):
    """Tells once of each call that its INVITE has been answered provisionally."""

    def __init__(self, switch_trace: SwitchTrace, tell: Callable[[int], None]) -> None:
        super().__init__(logging.DEBUG)
        self._switch_trace = switch_trace
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._awaited: dict[str, int] = {}
        self._dialling = 0
        self._tracing = False
        self._tasks: set[asyncio.Future[None]] = set()

    def attach(self) -> None:
        """Follow the trace, and keep it out of the log."""
        logger = logging.getLogger(TRACE)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(self)

    async def __aenter__(self) -> None:
        """An INVITE is about to leave: the trace is on before it does."""
        self._dialling += 1
        if not self._tracing:
            self._tracing = True
            await self._switch_trace(True)

    async def __aexit__(self, *_: object) -> None:
        """It has left, or could not."""
        self._dialling -= 1
        self._rest()

    def expect(self, call: int, call_id: str) -> None:
        """Note under which Call-ID a call's INVITE leaves."""
        self._awaited[call_id] = call

    def forget(self, call: int) -> None:
        """It rang, was answered or ended: there is nothing to wait for."""
        for call_id in [each for each, waiting in self._awaited.items() if waiting == call]:
            del self._awaited[call_id]
        self._rest()

    def _rest(self) -> None:
        if self._tracing and not self._awaited and not self._dialling:
            self._tracing = False
            task = asyncio.ensure_future(self._switch_trace(False))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def emit(self, record: logging.LogRecord) -> None:
        """Take in one message of the trace, on the stack's own thread."""
        text = record.getMessage()
        if _PROVISIONAL.match(text) and (call_id := _CALL.search(text)):
            self._loop.call_soon_threadsafe(self._answered, call_id[1])

    def _answered(self, call_id: str) -> None:
        if (call := self._awaited.pop(call_id, None)) is not None:
            self._tell(call)
            self._rest()
