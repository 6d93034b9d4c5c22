"""A conference participant as a state machine: ring, on the answer into the room, until an end.

Pure, like ``callback``. Each participant is a transaction of its own; a room is those who are in
it or being called, which storage counts.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from hoiio.server.billing import prepaid
from hoiio.server.billing.prepaid import FIRST, Minutes
from hoiio.server.calls import leg as legs
from hoiio.server.calls.inputs import (
    ControlLost,
    Expired,
    HangUpRequested,
    Input,
    MuteRequested,
    TimePassed,
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
    SetDeadline,
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
    minutes: Minutes = FIRST
    up_seconds: float = 0.0
    """How long it may be up at first, in seconds: fixed at admission."""

    @property
    def ending(self) -> bool:
        """Whether it is being taken down, or is."""
        return self.hung_up or self.over

    @property
    def over(self) -> bool:
        """Whether its leg has ended."""
        return self.leg.end is not None

    @property
    def billed_from(self) -> int | None:
        """When billing started: its answer."""
        return self.leg.answered_at

    @property
    def deadline(self) -> int | None:
        """When the engine is to cut it; known once it answered."""
        if self.billed_from is None:
            return None
        return self.billed_from + prepaid.up_for(self.minutes, self.max_seconds)

    @property
    def billed_until(self) -> int | None:
        """The latest that is billed: what is paid, at most the call's own limit."""
        if self.billed_from is None:
            return None
        return self.billed_from + prepaid.billed_for(self.minutes, self.max_seconds)


def new(
    ref: str,
    admitted_at: int,
    *,
    number: str,
    sees: str | None,
    room: RoomId,
    ring_seconds: float,
    max_seconds: int,
    minutes: Minutes = FIRST,
) -> Participant:
    """A participant as it is admitted: not dialled yet, not muted."""
    first, _ = legs.leg_ids(ref)
    leg = Leg(first, number, sees, ring_seconds)
    return Participant(
        ref,
        admitted_at,
        max_seconds,
        room,
        leg,
        minutes=minutes,
        up_seconds=prepaid.up_for(minutes, max_seconds) / MICROS,
    )


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
        case TimePassed():
            return call
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
        talk_seconds=call.up_seconds,
        room=call.room,
    )
    if call.deadline is None:
        return (dial,)
    bridge = Bridge(call.leg.id, call.room, muted=call.muted, alone_tone=True)
    return dial, bridge, SetDeadline(call.leg.id, call.deadline)


def result(call: Participant) -> Result:
    """What came of it; raises ``ValueError`` while it is not over."""
    end = call.leg.end
    if end is None:
        raise ValueError(f"{call.ref} is not over")
    answered_at = call.leg.answered_at
    # Evidence older than the answer is the answer, or than the admission is the admission.
    ended_at = max(call.admitted_at if answered_at is None else answered_at, end.at)
    return Result(call.leg.status, "", answered_at, ended_at, call.billed_until)
