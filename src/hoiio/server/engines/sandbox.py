"""An engine without SIP: phones do what their numbers say, on a clock that is handed in.

For developers, who have no phones at hand, and for their tests, which cannot wait for a minute to
pass. There is no audio and no network; all else is as ``protocol.Engine`` promises. What numbers
mean stands in ``hoiio.sandbox``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import structlog

from hoiio.sandbox import Answers, Refuses, Rings, behaviour
from hoiio.server.engines.clock import Clock
from hoiio.server.engines.protocol import (
    Answered,
    Bridge,
    Cause,
    Command,
    Dial,
    Ended,
    EngineUnavailable,
    Event,
    EventSink,
    HangUp,
    LegId,
    Ringing,
    RoomId,
    SetDeadline,
)
from hoiio.wire import MICROS

LEGS_MAX: Final = 10_000
"""Legs reserved at once: there is no audio that could run short."""

REMEMBERED: Final = 20_000
"""Legs that are known to have been dialled, so that none is dialled twice."""

BUSY_HERE: Final = 486
"""What a phone that rings and is hung up answers."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Timer(Protocol):
    """Something that will be done later, unless it is cancelled."""

    def cancel(self) -> None:
        """Do it no more."""
        ...


class Time(Protocol):
    """A clock, and having things done by it."""

    def now(self) -> int:
        """Unix time in microseconds that never jumps on its own."""
        ...

    def later(self, seconds: float, work: Callable[[], None]) -> Timer:
        """Have something done after some seconds, never before this call returned.

        What is due at one instant is done in the order in which it was asked for.
        """
        ...


class RealTime:
    """The time of this machine, and the event loop that runs."""

    def __init__(self) -> None:
        self._clock = Clock.anchored_now()

    def now(self) -> int:
        """Unix time in microseconds that never jumps."""
        return self._clock.now()

    def later(self, seconds: float, work: Callable[[], None]) -> Timer:
        """Have the running loop do something after some seconds."""
        return asyncio.get_running_loop().call_later(max(0.0, seconds), work)


@dataclass(slots=True)
class Phone:
    """A leg that has not ended: what its far end is, and how it stands."""

    leg: LegId
    number: str
    talk_seconds: float
    rang: bool = False
    answered: bool = False
    room: RoomId | None = None
    muted: bool = False
    timer: Timer | None = None
    """Its next step of its own: its answer, refusal, ring time-out or deadline."""
    drop: Timer | None = None
    """When its number hangs up by itself."""


class SandboxEngine:
    """Pretends to place calls; see ``protocol.Engine`` for what its methods mean."""

    survives_controller = False

    def __init__(self, time: Time, *, max_legs: int = LEGS_MAX) -> None:
        self._time = time
        self._max_legs = max_legs
        self._sink: EventSink | None = None
        self._phones: dict[LegId, Phone] = {}
        self._dialled: dict[LegId, None] = {}
        self._hung_up: dict[LegId, Ended] = {}
        self._reserved: dict[str, int] = {}

    @property
    def sip_address(self) -> tuple[str, int]:
        """Nowhere: there is no SIP."""
        return "", 0

    async def start(self, sink: EventSink) -> None:
        """Report to ``sink`` from now on."""
        self._sink = sink

    async def stop(self) -> None:
        """Hang up every leg, report their ends, and take no more commands."""
        for phone in list(self._phones.values()):
            self._end(phone, Cause.HUNG_UP)
        for leg in list(self._hung_up):
            self._tell_hung_up(leg)
        self._sink = None

    def now(self) -> int:
        """The time that was handed in."""
        return self._time.now()

    def reaches(self, number: str) -> bool:  # noqa: ARG002 - the protocol's
        """Every number is somebody's."""
        return True

    def reserve(self, owner: str, legs: int) -> bool:
        """Take places for legs under the ceiling; False when there is no room or no engine."""
        taken = sum(self._reserved.values()) - self._reserved.get(owner, 0)
        if self._sink is None or taken + legs > self._max_legs:
            return False
        self._reserved[owner] = legs
        return True

    def release(self, owner: str) -> None:
        """Give back what ``reserve`` took; harmless when there is nothing."""
        self._reserved.pop(owner, None)

    def send(self, *commands: Command) -> None:
        """Carry out commands in order; what comes of them is reported later, never from here.

        Raises ``EngineUnavailable`` before ``start`` and after ``stop``.
        """
        if self._sink is None:
            raise EngineUnavailable("the sandbox is not running")
        for command in commands:
            if isinstance(command, Dial):
                self._dial(command)
            elif (phone := self._phones.get(command.leg)) is not None:
                self._command(phone, command)

    # --- what is asked from the phones' side --------------------------------------------------

    def phones(self, number: str) -> list[Phone]:
        """The legs to a number that have not ended, in the order they were dialled."""
        return [phone for phone in self._phones.values() if phone.number == number]

    def pick_up(self, number: str) -> int:
        """Answer the phones of a number that ring; how many."""
        ringing = [phone for phone in self.phones(number) if not phone.answered]
        for phone in ringing:
            self._answer(phone)
        return len(ringing)

    def put_down(self, number: str) -> int:
        """Hang up the phones of a number, or refuse where they ring; how many."""
        found = self.phones(number)
        for phone in found:
            self._end(phone, Cause.REMOTE, None if phone.answered else BUSY_HERE)
        return len(found)

    # --- a leg's life -------------------------------------------------------------------------

    def _dial(self, command: Dial) -> None:
        if command.leg in self._dialled:
            return
        self._remember(command.leg)
        phone = Phone(command.leg, command.number, command.talk_seconds)
        self._phones[command.leg] = phone
        match behaviour(command.number):
            case Refuses(code):
                phone.timer = self._time.later(0, partial(self._end, phone, Cause.REMOTE, code))
            case Answers(seconds):
                phone.timer = self._time.later(0, partial(self._answer, phone, seconds))
            case Rings():
                phone.timer = self._time.later(0, partial(self._ring, phone, command.ring_seconds))

    def _remember(self, leg: LegId) -> None:
        self._dialled[leg] = None
        if len(self._dialled) > REMEMBERED:
            del self._dialled[next(iter(self._dialled))]

    def _ring(self, phone: Phone, seconds: float) -> None:
        phone.rang = True
        phone.timer = self._time.later(seconds, partial(self._end, phone, Cause.RING_TIMEOUT))
        self._tell(Ringing(phone.leg, self.now()))

    def _answer(self, phone: Phone, drop_after: float | None = None) -> None:
        phone.answered = True
        self._hang_up_in(phone, phone.talk_seconds)
        if drop_after is not None:
            phone.drop = self._time.later(drop_after, partial(self._end, phone, Cause.REMOTE))
        self._tell(Answered(phone.leg, self.now()))

    def _command(self, phone: Phone, command: Bridge | SetDeadline | HangUp) -> None:
        match command:
            case HangUp():
                # The phone is free at once; that it is so is told later, as by any engine.
                self._let_go(phone)
                end = Ended(phone.leg, self.now(), Cause.HUNG_UP, rang=phone.rang)
                self._hung_up[phone.leg] = end
                self._time.later(0, partial(self._tell_hung_up, phone.leg))
            case SetDeadline() if phone.answered:
                self._hang_up_in(phone, max(0, command.at - self.now()) / MICROS)
            case Bridge() if phone.answered:
                phone.room, phone.muted = command.room, command.muted
            case _:
                return

    def _hang_up_in(self, phone: Phone, seconds: float) -> None:
        if phone.timer is not None:
            phone.timer.cancel()
        phone.timer = self._time.later(seconds, partial(self._end, phone, Cause.DEADLINE))

    def _end(self, phone: Phone, cause: Cause, code: int | None = None) -> None:
        self._let_go(phone)
        self._tell(Ended(phone.leg, self.now(), cause, code, phone.rang))

    def _tell_hung_up(self, leg: LegId) -> None:
        if (end := self._hung_up.pop(leg, None)) is not None:
            self._tell(end)

    def _let_go(self, phone: Phone) -> None:
        del self._phones[phone.leg]
        for timer in (phone.timer, phone.drop):
            if timer is not None:
                timer.cancel()

    def _tell(self, event: Event) -> None:
        if self._sink is None:
            return
        try:
            self._sink(event)
        except Exception:
            log.exception("the sandbox's listener failed", leg=event.leg)
