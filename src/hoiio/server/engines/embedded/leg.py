"""One leg as the switchboard keeps it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hoiio.server.engines.embedded.line import Line
from hoiio.server.engines.embedded.mixing import Part
from hoiio.server.engines.embedded.tones import Tone
from hoiio.server.engines.protocol import Cause, Dial


@dataclass(slots=True)
class Leg:
    """A leg from its ``Dial`` to its end.

    ``call`` is the stack's handle once the INVITE has left, ``ending`` why we are ending it
    ourselves, ``shown`` whether its phone gave any sign, so that the call can be cancelled or
    hung up. ``tone_from`` is the mixer's tick when it began to ring, ``alone_from`` the one since
    which it is the only one in its room. ``held`` tells whether its phone put us on hold,
    ``frames`` how much of its audio had arrived when last looked at, and ``alive_at`` when its
    phone was last known to be there, by the loop's clock.
    """

    dial: Dial
    call: int | None = None
    line: Line | None = None
    shown: bool = False
    rang: bool = False
    early: bool = False
    answered: bool = False
    held: bool = False
    frames: int = 0
    alive_at: float = 0.0
    ending: Cause | None = None
    room: str | None = None
    muted: bool = False
    digits: bool = False
    alone_tone: bool = False
    tone_from: int | None = None
    alone_from: int | None = None
    timer: asyncio.TimerHandle | None = None
    media_timer: asyncio.TimerHandle | None = None
    keys: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def id(self) -> str:
        """The leg's id, chosen by the controller."""
        return self.dial.leg

    @property
    def up(self) -> bool:
        """Whether it is answered and nothing has begun to end it."""
        return self.answered and self.ending is None

    @property
    def progressing(self) -> bool:
        """Whether its progress can still be heard by another leg."""
        return not self.answered and self.ending is None

    def stop_timers(self) -> None:
        """Nothing more happens by itself."""
        for timer in (self.timer, self.media_timer):
            if timer is not None:
                timer.cancel()

    def part(self, progress: Leg | None) -> Part:
        """Its part in the mix, ``progress`` being the leg whose ringing it hears, if any."""
        early = progress is not None and progress.early
        return Part(
            self.id,
            self.room,
            self.muted,
            hears=progress.id if progress is not None and early else None,
            tone=self._tone(None if early else progress),
        )

    def _tone(self, ringing: Leg | None) -> tuple[Tone, int] | None:
        if ringing is not None and ringing.tone_from is not None:
            return Tone.RINGBACK, ringing.tone_from
        if self.alone_tone and self.alone_from is not None:
            return Tone.ALONE, self.alone_from
        return None
