"""What the controller may ask of an engine, and what an engine reports.

Instants are Unix time in integer microseconds, stamped by the engine on a clock that never jumps
(a wall-clock anchor taken once, plus monotonic time). Leg ids are chosen by the controller, so a
command that is sent again is harmless: a leg is dialled at most once in its life.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

LegId = str
RoomId = str


# --- commands ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring a number. The engine holds both deadlines from this moment on, whoever else dies.

    ``caller_id`` is the number the callee sees, None to withhold it (RFC 3323). ``ring_seconds``
    runs from now to the answer, ``talk_seconds`` from the answer to the hangup, until a
    ``SetDeadline`` replaces it. ``heard_by`` names a leg of the same room that hears this one's
    progress until its answer or end: a ringback tone while it rings, or the network's own early
    media. ``room`` is the one that it will be bridged into: an engine of several processes dials it
    where that room is, which is in use from its first leg's dial to its last leg's end.
    """

    leg: LegId
    number: str
    caller_id: str | None
    ring_seconds: float
    talk_seconds: float
    heard_by: LegId | None = None
    room: RoomId | None = None


@dataclass(frozen=True, slots=True)
class Bridge:
    """Put an answered leg into a room where all hear each other, or change how it is in there.

    A room is made by its first leg and gone with its last. With ``digits`` the leg's key presses
    are passed on to the others in the room, once each. ``muted`` keeps it from being heard, not
    from hearing. With ``alone_tone`` it hears a quiet tone every 10 s while nobody else is there.
    """

    leg: LegId
    room: RoomId
    digits: bool = False
    muted: bool = False
    alone_tone: bool = False


@dataclass(frozen=True, slots=True)
class SetDeadline:
    """Hang an answered leg up at this instant, instead of at any deadline it had."""

    leg: LegId
    at: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a leg: CANCEL before its answer, BYE after. An unknown or ended leg is ignored."""

    leg: LegId


Command = Dial | Bridge | SetDeadline | HangUp


# --- events -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ringing:
    """The callee's phone rings (SIP 180)."""

    leg: LegId
    at: int


@dataclass(frozen=True, slots=True)
class EarlyMedia:
    """The network plays its own progress audio (SIP 183 with SDP)."""

    leg: LegId
    at: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The callee picked up (SIP 200); media flows from now on."""

    leg: LegId
    at: int


@dataclass(frozen=True, slots=True)
class Digit:
    """A key was pressed (RFC 4733 or INFO)."""

    leg: LegId
    at: int
    digit: str


class Cause(StrEnum):
    """Why a leg ended."""

    REMOTE = "remote"
    """The far end hung up, or refused with the event's ``code``."""
    HUNG_UP = "hung_up"
    """We were told to: ``HangUp``. Also when an answer crossed our CANCEL."""
    RING_TIMEOUT = "ring_timeout"
    """Nobody picked up within ``ring_seconds``."""
    NO_RESPONSE = "no_response"
    """Not even a ringing tone came back within ``ring_seconds``: no network, no phone."""
    DEADLINE = "deadline"
    """The leg's time was over."""
    MEDIA_LOST = "media_lost"
    """No audio arrived for the media time-out: the phone vanished."""
    ENGINE_LOST = "engine_lost"
    """The engine died; ``at`` is the last moment it was known to be alive."""
    NOT_DIALLED = "not_dialled"
    """The INVITE never left: no route, or the engine could not send."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The leg is over; nothing more is reported of it. Sent once for every leg ever dialled.

    ``code`` is the final SIP answer when it was refused; ``rang`` tells whether a 180 or 183 had
    come before. A leg that was answered reports ``Answered`` first, except one whose 200 crossed
    our CANCEL: that one only ends.
    """

    leg: LegId
    at: int
    cause: Cause
    code: int | None = None
    rang: bool = False


Event = Ringing | EarlyMedia | Answered | Digit | Ended
EventSink = Callable[[Event], None]


class EngineUnavailable(Exception):
    """The engine takes no commands now: it is starting, restarting or gone."""


class Engine(Protocol):
    """One way of placing calls. All methods belong to the event loop that called ``start``."""

    @property
    def survives_controller(self) -> bool:
        """Whether calls go on while no controller is there."""
        ...

    @property
    def sip_address(self) -> tuple[str, int]:
        """Host and real port that SIP listens on; known once started."""
        ...

    async def start(self, sink: EventSink) -> None:
        """Come up and report to ``sink``; returns once calls can be placed.

        Raises ``EngineUnavailable`` with a reason an operator understands.
        """
        ...

    async def stop(self) -> None:
        """Hang up every leg, report their ends, and leave nothing running."""
        ...

    def now(self) -> int:
        """The engine's clock: Unix time in microseconds that never jumps. From any thread."""
        ...

    def reaches(self, number: str) -> bool:
        """Whether a route or a trunk leads to this number."""
        ...

    def reserve(self, owner: str, legs: int) -> bool:
        """Take places for legs under the ceiling; False when there is no room or no engine."""
        ...

    def release(self, owner: str) -> None:
        """Give back what ``reserve`` took; harmless when there is nothing."""
        ...

    def send(self, *commands: Command) -> None:
        """Carry out commands in order, without waiting. Their outcome comes as events.

        Raises ``EngineUnavailable`` when none of them was sent.
        """
        ...
