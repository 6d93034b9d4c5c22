"""Every INVITE as it came off the wire, from the stack's trace: events tell 16 headers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Generator
from typing import Final

from hoiio.softphone.invite import Invite, parse

PATIENCE: Final = 2.0
"""Seconds the trace may come later than the stack's event."""

KEPT: Final = 32
"""INVITEs remembered; those of calls that the stack refused by itself are never asked for."""


class Invites(logging.Handler):
    """Collects INVITEs by Call-ID."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._loop = asyncio.get_running_loop()
        self._futures: dict[str, asyncio.Future[Invite]] = {}

    @contextlib.contextmanager
    def collected(self) -> Generator[None]:
        """Listen to the trace meanwhile, and keep it out of any log."""
        trace = logging.getLogger("baresip.native.sip")
        before = trace.level, trace.propagate
        trace.setLevel(logging.DEBUG)
        trace.propagate = False
        trace.addHandler(self)
        try:
            yield
        finally:
            trace.removeHandler(self)
            trace.level, trace.propagate = before

    def emit(self, record: logging.LogRecord) -> None:
        """Called on the stack's log thread with ``RX UDP from -> to``, then the message."""
        direction, _, message = record.getMessage().partition("\n")
        invite = parse(message) if direction.startswith("RX ") else None
        if invite is not None and invite.call_id is not None:
            self._loop.call_soon_threadsafe(self._add, invite.call_id, invite)

    async def take(self, call_id: str) -> Invite | None:
        """The INVITE of a call, None if the trace lost it."""
        try:
            return await asyncio.wait_for(self._future(call_id), PATIENCE)
        except TimeoutError:
            return None
        finally:
            self._futures.pop(call_id, None)

    def _add(self, call_id: str, invite: Invite) -> None:
        future = self._future(call_id)
        if not future.done():  # sent again: the first one counts
            future.set_result(invite)

    def _future(self, call_id: str) -> asyncio.Future[Invite]:
        if call_id not in self._futures:
            while len(self._futures) >= KEPT:
                del self._futures[next(iter(self._futures))]
            self._futures[call_id] = self._loop.create_future()
        return self._futures[call_id]
