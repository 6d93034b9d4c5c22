"""A conference participant as a state machine: ring, on the answer into the room, until an end.

Pure, like ``callback``. Each participant is a transaction of its own; a room is those who are in
it or being called, which storage counts.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from hoiio.server.calls import leg as legs
from hoiio.server.calls.inputs import (
    ControlLost,
    Expired,
    HangUpRequested,
    Input,
    MuteRequested,
)
from hoiio.server.calls.leg import End, Leg
from hoiio.server.calls.result import Result
from hoiio.server.engines.protocol import (
    Answered,
    Bridge,
    Cause,
    Command,
    Dial,
    Ended,
    HangUp,
    RoomId,
)
from hoiio.wire import MICROS


class Participant(msgspec.Struct, frozen=True, tag="participant"):
    """The whole state of a participant."""

    ref: str
    admitted_at: int
    max_seconds: int
    room: RoomId
    leg: Leg
    muted: bool = False
    hung_up: bool = False

    @property
    def ending(self) -> bool:
        """Whether it is being taken down, or is."""
        return self.hung_up or self.over

    @property
    def over(self) -> bool:
        """Whether its leg has ended."""
        return self.leg.end is not None

    @property
    def deadline(self) -> int | None:
        """When it is cut; known once it answered."""
        if self.leg.answered_at is None:
            return None
        return self.leg.answered_at + self.max_seconds * MICROS


def new(
    ref: str,
    admitted_at: int,
    *,
    number: str,
    sees: str | None,
    room: RoomId,
    ring_seconds: float,
    max_seconds: int,
) -> Participant:
    """A participant as it is admitted: not dialled yet, not muted."""
    first, _ = legs.leg_ids(ref)
    leg = Leg(first, number, sees, ring_seconds)
    return Participant(ref, admitted_at, max_seconds, room, leg)


def step(call: Participant, event: Input) -> Participant:
    """The state after an event. What was seen already, or comes too late, changes nothing."""
    if call.over:
        return call
    match event:
        case Answered(leg=leg, at=at):
            # An answer that comes after the hangup crossed our CANCEL: it does not count.
            if leg != call.leg.id or call.hung_up:
                return call
            return replace(call, leg=legs.answered(call.leg, at))
        case Ended(leg=leg):
            return _ended(call, legs.end_of(event)) if leg == call.leg.id else call
        case HangUpRequested():
            return replace(call, hung_up=True)
        case MuteRequested(muted=muted):
            return replace(call, muted=muted)
        case Expired(at=at):
            return _ended(call, End(at, Cause.NOT_DIALLED))
        case ControlLost(at=at):
            return _ended(call, End(at, Cause.ENGINE_LOST))


def _ended(call: Participant, end: End) -> Participant:
    return replace(call, leg=legs.ended(call.leg, end))


def due(call: Participant) -> tuple[Command, ...]:
    """Every command that this state calls for, in the order they are to be sent."""
    if call.over:
        return ()
    if call.hung_up:
        return (HangUp(call.leg.id),)
    dial = Dial(
        call.leg.id,
        call.leg.number,
        call.leg.sees,
        ring_seconds=call.leg.ring_seconds,
        talk_seconds=float(call.max_seconds),
        room=call.room,
    )
    if call.leg.answered_at is None:
        return (dial,)
    return dial, Bridge(call.leg.id, call.room, muted=call.muted, alone_tone=True)


def result(call: Participant) -> Result:
    """What came of it; raises ``ValueError`` while it is not over."""
    end = call.leg.end
    if end is None:
        raise ValueError(f"{call.ref} is not over")
    answered_at = call.leg.answered_at
    # Evidence older than the answer is the answer.
    ended_at = end.at if answered_at is None else max(answered_at, end.at)
    return Result(call.leg.status, "", answered_at, ended_at, call.deadline)
