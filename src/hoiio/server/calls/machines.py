"""Both kinds of transaction behind one set of functions: stored, stepped, commanded, summed up.

Pure. What a kind does is in ``callback`` and ``participant``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import msgspec

from hoiio.server.calls import callback, participant
from hoiio.server.calls.callback import CallBack
from hoiio.server.calls.inputs import Input
from hoiio.server.calls.participant import Participant
from hoiio.server.calls.result import Result
from hoiio.server.engines.protocol import Command

Transaction = CallBack | Participant

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Transaction] = msgspec.json.Decoder(Transaction)


def encode(call: Transaction) -> bytes:
    """The state as it is stored."""
    return _encoder.encode(call)


def decode(state: bytes) -> Transaction:
    """The state as it was stored; raises ``msgspec.ValidationError`` when it is not one."""
    return _decoder.decode(state)


def fold(call: Transaction, events: Iterable[Input]) -> Transaction:
    """The state after several events that are acted on together."""
    if isinstance(call, CallBack):
        return callback.fold(call, events)
    return reduce(participant.step, events, call)


def due(call: Transaction) -> tuple[Command, ...]:
    """Every command that this state calls for, in the order they are to be sent."""
    return callback.due(call) if isinstance(call, CallBack) else participant.due(call)


def became_due(before: Transaction, after: Transaction) -> tuple[Command, ...]:
    """What is to be sent after a step: the commands due now that were not due before."""
    known = due(before)
    return tuple(command for command in due(after) if command not in known)


def result(call: Transaction) -> Result:
    """What came of it; raises ``ValueError`` while it is not over."""
    return callback.result(call) if isinstance(call, CallBack) else participant.result(call)
