"""What can happen to a transaction: the engine's events, and what is asked or found out here."""

from __future__ import annotations

from dataclasses import dataclass

from hoiio.server.engines.protocol import Answered, Ended


@dataclass(frozen=True, slots=True)
class HangUpRequested:
    """The API asked to end it."""


@dataclass(frozen=True, slots=True)
class MuteRequested:
    """The API asked that a participant is heard no more, or is heard again."""

    muted: bool


@dataclass(frozen=True, slots=True)
class Expired:
    """The first INVITE could not be sent in time; it will not be sent late."""

    at: int


@dataclass(frozen=True, slots=True)
class ControlLost:
    """Nobody carries it any more; ``at`` is the last moment that it was known to be up."""

    at: int


@dataclass(frozen=True, slots=True)
class TimePassed:
    """It is time to look at the call: a minute is to be held or captured."""


Input = Answered | Ended | HangUpRequested | MuteRequested | Expired | ControlLost | TimePassed
