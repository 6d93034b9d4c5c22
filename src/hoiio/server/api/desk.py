"""What the endpoints work with: the rooms behind the API and what the operator set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hoiio.server.calls.controller import CallOrder
from hoiio.server.storage.protocol import Application, CallRecord, Refusal, Storage


class Dest1Sees(StrEnum):
    """Whose number dest1 is shown (api rule 11)."""

    DEST2 = "dest2"
    REGISTERED = "registered"
    TRUNK = "trunk"


class Calls(Protocol):
    """What the API asks of the controller."""

    async def place_call(self, application: Application, order: CallOrder) -> CallRecord | Refusal:
        """Admit a call-back and ring dest1; returns as soon as its record is durable."""
        ...

    async def hang_up(self, ref: str) -> bool:
        """End a live call; True once it is settled, also when it was already."""
        ...


class Reach(Protocol):
    """What the API asks of the engine."""

    def reaches(self, number: str) -> bool:
        """Whether a route or a trunk leads to this number."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that an endpoint may use."""

    storage: Storage
    calls: Calls
    engine: Reach
    dest1_sees: Dest1Sees = Dest1Sees.DEST2
    trunk_number: str | None = None
