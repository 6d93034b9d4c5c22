"""A call-back as a state machine: ring dest1, on its answer ring dest2, bridge, end together.

Pure: ``step`` takes a state and an event and returns the next state; ``due`` tells the commands
that a state calls for, so what is to be sent after an event is what became due by it. Commands may
be sent again without harm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Final

import msgspec
from msgspec.structs import replace

from hoiio.server.calls.outcome import unanswered_leg
from hoiio.server.engines.protocol import (
    Answered,
    Bridge,
    Cause,
    Command,
    Dial,
    Ended,
    HangUp,
    LegId,
    SetDeadline,
)
from hoiio.wire import MICROS, CallStatus

BRIDGE_GRACE: Final = 10.0
"""Seconds that dest1 may wait beyond dest2's ring time-out (api rule 13)."""

DIAL_WITHIN: Final = 10 * MICROS
"""A call whose first INVITE has not left this long after admission is never dialled."""


class End(msgspec.Struct, frozen=True):
    """How a leg ended: when, why, and with which final SIP answer."""

    at: int
    cause: Cause
    code: int | None = None
    rang: bool = False


class Leg(msgspec.Struct, frozen=True):
    """One phone of the call and what is known of it."""

    id: LegId
    number: str
    sees: str | None
    ring_seconds: float
    answered_at: int | None = None
    end: End | None = None


class CallBack(msgspec.Struct, frozen=True):
    """The whole state of a call-back."""

    ref: str
    admitted_at: int
    max_seconds: int
    first: Leg
    second: Leg
    hung_up: bool = False

    @property
    def ending(self) -> bool:
        """Whether the call is being taken down: nothing is dialled or bridged any more."""
        return self.hung_up or self.first.end is not None or self.second.end is not None

    @property
    def second_dialled(self) -> bool:
        """Whether dest2's INVITE was ever ordered: only ever by dest1's answer."""
        return self.first.answered_at is not None

    @property
    def over(self) -> bool:
        """Whether every leg that was dialled has ended."""
        return self.first.end is not None and (
            not self.second_dialled or self.second.end is not None
        )

    @property
    def deadline(self) -> int | None:
        """When both legs are cut; known once dest2 answered."""
        if self.second.answered_at is None:
            return None
        return self.second.answered_at + self.max_seconds * MICROS


@dataclass(frozen=True, slots=True)
class HangUpRequested:
    """The API asked to end the call."""


@dataclass(frozen=True, slots=True)
class Expired:
    """The first INVITE could not be sent in time; it will not be sent late."""

    at: int


@dataclass(frozen=True, slots=True)
class ControlLost:
    """Nobody carries the call any more; ``at`` is the last moment that it was known to be up."""

    at: int


Input = Answered | Ended | HangUpRequested | Expired | ControlLost


def new(
    ref: str,
    admitted_at: int,
    *,
    numbers: tuple[str, str],
    sees: tuple[str | None, str | None],
    ring_seconds: tuple[float, float],
    max_seconds: int,
) -> CallBack:
    """A call-back as it is admitted: nothing dialled yet. Pairs are in the order dest1, dest2."""
    first, second = map(Leg, legs(ref), numbers, sees, ring_seconds)
    return CallBack(ref, admitted_at, max_seconds, first, second)


def legs(ref: str) -> tuple[LegId, LegId]:
    """The ids of a call's two legs, dest1's first."""
    return f"{ref}-1", f"{ref}-2"


def step(call: CallBack, event: Input) -> CallBack:
    """The state after an event. What was seen already, or comes too late, changes nothing."""
    if call.over:
        return call
    match event:
        case Answered(leg=leg, at=at):
            return _answered(call, leg, at)
        case Ended(leg=leg):
            end = End(event.at, event.cause, event.code, event.rang)
            return _ended(call, leg, end)
        case HangUpRequested():
            return replace(call, hung_up=True)
        case Expired(at=at):
            return _ended(call, call.first.id, End(at, Cause.NOT_DIALLED))
        case ControlLost(at=at):
            return _lost(call, at)


def fold(call: CallBack, events: Iterable[Input]) -> CallBack:
    """The state after several events that are acted on together.

    Where dest1 answered and the call was given up before that could be acted on, dest2 is not
    dialled at all.
    """
    after = reduce(step, events, call)
    answered_at = after.first.answered_at
    if answered_at is not None and after.ending and not call.second_dialled:
        return _ended(after, after.second.id, End(answered_at, Cause.HUNG_UP))
    return after


def _answered(call: CallBack, leg: LegId, at: int) -> CallBack:
    # An answer that comes while the call is taken down crossed our CANCEL: it does not count.
    if call.ending:
        return call
    if leg == call.first.id and call.first.answered_at is None:
        return replace(call, first=replace(call.first, answered_at=at))
    if leg == call.second.id and call.second_dialled and call.second.answered_at is None:
        return replace(call, second=replace(call.second, answered_at=at))
    return call


def _ended(call: CallBack, leg: LegId, end: End) -> CallBack:
    if leg == call.first.id and call.first.end is None:
        return replace(call, first=replace(call.first, end=end))
    if leg == call.second.id and call.second_dialled and call.second.end is None:
        return replace(call, second=replace(call.second, end=end))
    return call


def _lost(call: CallBack, at: int) -> CallBack:
    end = End(at, Cause.ENGINE_LOST)
    for leg in (call.first, call.second):
        call = _ended(call, leg.id, end)
    return call


def due(call: CallBack) -> tuple[Command, ...]:
    """Every command that this state calls for, in the order they are to be sent."""
    if call.ending:
        return tuple(HangUp(leg.id) for leg in _up(call))
    commands: list[Command] = [
        Dial(
            call.first.id,
            call.first.number,
            call.first.sees,
            ring_seconds=call.first.ring_seconds,
            talk_seconds=call.second.ring_seconds + BRIDGE_GRACE,
        )
    ]
    if call.second_dialled:
        commands.append(
            Dial(
                call.second.id,
                call.second.number,
                call.second.sees,
                ring_seconds=call.second.ring_seconds,
                talk_seconds=float(call.max_seconds),
                heard_by=call.first.id,
            )
        )
    if call.deadline is not None:
        commands += [Bridge(leg.id, call.ref, digits=True) for leg in _up(call)]
        commands += [SetDeadline(leg.id, call.deadline) for leg in _up(call)]
    return tuple(commands)


def became_due(before: CallBack, after: CallBack) -> tuple[Command, ...]:
    """What is to be sent after a step: the commands due now that were not due before."""
    known = due(before)
    return tuple(command for command in due(after) if command not in known)


def _up(call: CallBack) -> list[Leg]:
    dialled = (call.first, call.second) if call.second_dialled else (call.first,)
    return [leg for leg in dialled if leg.end is None]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call that is over: a status for each leg and the time to bill.

    ``answered_at`` is None where nothing is billed; ``ended_at`` is when talking stopped, or when
    the last leg ended if nobody talked. Billing caps it at ``deadline``.
    """

    status1: CallStatus
    status2: CallStatus
    answered_at: int | None
    ended_at: int
    deadline: int | None


def result(call: CallBack) -> Result:
    """What came of a call; raises ``ValueError`` while it is not over."""
    ends = [leg.end.at for leg in (call.first, call.second) if leg.end is not None]
    if not call.over:
        raise ValueError(f"{call.ref} is not over")
    answered_at = call.second.answered_at
    # Talking stops when the first of the two is gone; evidence older than the answer is the answer.
    ended_at = max(ends) if answered_at is None else max(answered_at, min(ends))
    return Result(_status(call.first), _status(call.second), answered_at, ended_at, call.deadline)


def _status(leg: Leg) -> CallStatus:
    if leg.answered_at is not None:
        return CallStatus.ANSWERED
    if leg.end is None:
        return CallStatus.UNANSWERED
    return unanswered_leg(leg.end.cause, leg.end.code, rang=leg.end.rang)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(CallBack)


def encode(call: CallBack) -> bytes:
    """The state as it is stored."""
    return _encoder.encode(call)


def decode(state: bytes) -> CallBack:
    """The state as it was stored; raises ``msgspec.ValidationError`` when it is not one."""
    return _decoder.decode(state)
