"""A call-back as a state machine: ring dest1, on its answer ring dest2, bridge, end together.

Pure: ``step`` takes a state and an event and returns the next state; ``due`` tells the commands
that a state calls for, so what is to be sent after an event is what became due by it. Commands may
be sent again without harm.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Final

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
    LegId,
    SetDeadline,
)
from hoiio.wire import MICROS

BRIDGE_GRACE: Final = 10.0
"""Seconds that dest1 may wait beyond dest2's ring time-out (api rule 13)."""


class CallBack(msgspec.Struct, frozen=True, tag="call-back"):
    """The whole state of a call-back."""

    ref: str
    admitted_at: int
    max_seconds: int
    first: Leg
    second: Leg
    hung_up: bool = False
    minutes: Minutes = FIRST
    up_seconds: float = 0.0
    """How long dest2 may be up at first, in seconds: fixed at admission."""

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
    def billed_from(self) -> int | None:
        """When billing started: dest2's answer."""
        return self.second.answered_at

    @property
    def deadline(self) -> int | None:
        """When the engine is to cut both legs; known once dest2 answered."""
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
    numbers: tuple[str, str],
    sees: tuple[str | None, str | None],
    ring_seconds: tuple[float, float],
    max_seconds: int,
    minutes: Minutes = FIRST,
) -> CallBack:
    """A call-back as it is admitted: nothing dialled yet. Pairs are in the order dest1, dest2."""
    first, second = map(Leg, legs.leg_ids(ref), numbers, sees, ring_seconds)
    return CallBack(
        ref,
        admitted_at,
        max_seconds,
        first,
        second,
        minutes=minutes,
        up_seconds=prepaid.up_for(minutes, max_seconds) / MICROS,
    )


def step(call: CallBack, event: Input) -> CallBack:
    """The state after an event. What was seen already, or comes too late, changes nothing."""
    if call.over:
        return call
    match event:
        case Answered(leg=leg, at=at):
            return _answered(call, leg, at)
        case Ended(leg=leg):
            return _ended(call, leg, legs.end_of(event))
        case HangUpRequested():
            return replace(call, hung_up=True)
        case MuteRequested() | TimePassed():
            return call
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
    if leg == call.first.id:
        return replace(call, first=legs.answered(call.first, at))
    if leg == call.second.id and call.second_dialled:
        return replace(call, second=legs.answered(call.second, at))
    return call


def _ended(call: CallBack, leg: LegId, end: End) -> CallBack:
    if leg == call.first.id:
        return replace(call, first=legs.ended(call.first, end))
    if leg == call.second.id and call.second_dialled:
        return replace(call, second=legs.ended(call.second, end))
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
            room=call.ref,
        )
    ]
    if call.second_dialled:
        commands.append(
            Dial(
                call.second.id,
                call.second.number,
                call.second.sees,
                ring_seconds=call.second.ring_seconds,
                talk_seconds=call.up_seconds,
                heard_by=call.first.id,
                room=call.ref,
            )
        )
    if call.deadline is not None:
        commands += [Bridge(leg.id, call.ref, digits=True) for leg in _up(call)]
        commands += [SetDeadline(leg.id, call.deadline) for leg in _up(call)]
    return tuple(commands)


def _up(call: CallBack) -> list[Leg]:
    dialled = (call.first, call.second) if call.second_dialled else (call.first,)
    return [leg for leg in dialled if leg.end is None]


def result(call: CallBack) -> Result:
    """What came of a call; raises ``ValueError`` while it is not over."""
    ends = [leg.end.at for leg in (call.first, call.second) if leg.end is not None]
    if not call.over:
        raise ValueError(f"{call.ref} is not over")
    answered_at = call.second.answered_at
    # Talking stops when the first of the two is gone. Evidence older than the answer is the answer,
    # and an engine that was lost may have been heard of last before the call was admitted.
    ended_at = max(call.admitted_at, *ends)
    if answered_at is not None:
        ended_at = max(answered_at, min(ends))
    return Result(
        call.first.status,
        call.second.status,
        answered_at,
        ended_at,
        call.billed_until,
        _unconnected(call, answered_at, ended_at),
    )


def _unconnected(call: CallBack, answered_at: int | None, ended_at: int) -> int:
    """Microseconds that dest1 was up alone, beyond as many in which the two talked.

    Waiting is not billed, so a dest2 that answers late and hangs up at once is no better than one
    that never does.
    """
    since = call.first.answered_at
    if since is None:
        return 0
    if answered_at is None:
        return max(0, (ended_at if call.first.end is None else call.first.end.at) - since)
    return max(0, (answered_at - since) - (ended_at - answered_at))
