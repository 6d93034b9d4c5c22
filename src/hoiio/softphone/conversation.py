"""One call on the phone, from its first ring to its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from baresip.call import DigitEvent
from baresip.errors import AudioNotActive, AudioRestarted, StaleHandleError
from baresip.events import Event, StackEvent

from hoiio.softphone import tones
from hoiio.softphone.report import Report
from hoiio.softphone.stack import Call

FRAME_BYTES: Final = 2 * tones.FRAME
TICK: Final = 0.02
AHEAD: Final = 3 * FRAME_BYTES
"""Audio kept written ahead, so that a busy machine does not interrupt the tone."""

SETTLE: Final = 1.0
"""Seconds from the answer to the first key: the other side may still be joining people."""

BETWEEN_KEYS_MS: Final = 150


class Reply(StrEnum):
    """What a phone does when it rings."""

    ANSWER = "answer"
    BUSY = "busy"
    RING_ON = "ring on"


class Reason(StrEnum):
    """Why a call on the phone ended."""

    HUNG_UP = "hung_up"
    REMOTE = "remote"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Manner:
    """How the phone treats its calls: delays in seconds, the tone in Hz (0 for silence)."""

    reply: Reply = Reply.ANSWER
    answer_after: float = 0.0
    tone: float = 440.0
    press: str = ""
    hang_up_after: float | None = None
    media_timeout: float = 10.0


class Conversation:
    """A call while it lasts: await ``run`` to its end."""

    def __init__(self, call: Call, manner: Manner, report: Report) -> None:
        self._call = call
        self._manner = manner
        self._report = report
        self._reason: Reason | None = None
        self._answering = False
        self._up = asyncio.Event()
        self._audible = asyncio.Event()
        self._over = asyncio.Event()
        self._close_text = ""
        call.on(self._on_event)
        call.on_dtmf(self._on_digit)

    async def run(self) -> None:
        """Reply, talk, and report the end; returns when the call is over."""
        async with asyncio.TaskGroup() as tasks:
            live = tasks.create_task(self._live())
            await self._over.wait()
            live.cancel()
        self._report("ended", {"reason": str(self._why())})

    async def end(self) -> None:
        """Hang up, or refuse when it still rings; over in a second, whatever the caller does."""
        await self._end(Reason.HUNG_UP if self._answering else Reason.REFUSED)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._over.wait()
        self._over.set()

    async def _end(self, reason: Reason) -> None:
        self._reason = reason
        action = self._call.reject if reason is Reason.REFUSED else self._call.hangup
        await _unless_gone(action())

    async def _live(self) -> None:
        if self._manner.reply is Reply.BUSY:
            await self._end(Reason.REFUSED)
        elif self._manner.reply is Reply.ANSWER:
            await asyncio.sleep(self._manner.answer_after)
            self._answering = True
            await _unless_gone(self._call.answer())
            # Python 3.11 forgets a cancellation that comes together with the stack's reply.
            if not self._over.is_set():
                await self._up.wait()
                await self._talk()

    async def _talk(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for part in (self._sound(), self._press(), self._leave(), self._watch()):
                tasks.create_task(part)

    async def _sound(self) -> None:
        """Play the tone and listen, on the stack's own clock; tell once a second what is heard."""
        played, ticks, ear = 0, 0, bytearray()
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            ticks += 1
            await asyncio.sleep(began + ticks * TICK - clock())
            with contextlib.suppress(AudioNotActive, AudioRestarted):  # around a re-INVITE
                played = self._play(played)
                ear += self._call.audio.read(tones.RATE)
            if ticks % 50 == 0:
                self._tell(bytes(ear[-2 * tones.RATE :]))
                ear.clear()

    def _play(self, played: int) -> int:
        """Write what is missing; returns how many samples were played in all."""
        audio = self._call.audio
        missing = AHEAD - audio.info().tx_buffered
        while self._manner.tone and missing > 0:
            audio.write(tones.play(self._manner.tone, played))  # pyright: ignore[reportUnknownMemberType] - bytes-like
            played += tones.FRAME
            missing -= FRAME_BYTES
        return played

    def _tell(self, pcm: bytes) -> None:
        heard = tones.heard(np.frombuffer(pcm, dtype=np.int16))
        told = [{"hz": round(tone.hz), "level": round(tone.level, 1)} for tone in heard]
        self._report("hearing", {"tones": told})

    async def _press(self) -> None:
        if self._manner.press:
            await asyncio.sleep(SETTLE)
            await _unless_gone(self._call.send_dtmf(self._manner.press, BETWEEN_KEYS_MS))

    async def _leave(self) -> None:
        if self._manner.hang_up_after is not None:
            await asyncio.sleep(self._manner.hang_up_after)
            await self._end(Reason.HUNG_UP)

    async def _watch(self) -> None:
        """The stack misses a peer that never sent anything: look for its first packet."""
        try:
            async with asyncio.timeout(self._manner.media_timeout):
                await self._audible.wait()
        except TimeoutError:
            await self._end(Reason.LOST)

    def _on_event(self, event: StackEvent) -> None:
        match event.event:
            case Event.CALL_ESTABLISHED:
                self._up.set()
                self._report("answered", {})
            case Event.CALL_RTPESTAB:
                self._audible.set()
            case Event.CALL_CLOSED:
                self._close_text = event.text or ""
                self._over.set()
            case _:
                pass

    def _on_digit(self, pressed: DigitEvent) -> None:
        self._report("digit", {"digit": pressed.digit})

    def _why(self) -> Reason:
        if self._reason is not None:
            return self._reason
        if self._close_text == "rtp stream error":
            return Reason.LOST
        return Reason.REMOTE if self._up.is_set() else Reason.CANCELLED


async def _unless_gone(action: Coroutine[object, object, None]) -> None:
    """The call may have ended a moment ago: there is nothing left to do then."""
    with contextlib.suppress(StaleHandleError):
        await action
