"""What the endpoints work with: the rooms behind the API and what the operator set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hoiio.server.billing.guards import NO_RULES, Rules
from hoiio.server.calls.orders import CallOrder, ConferenceOrder
from hoiio.server.calls.watchers import Watchers
from hoiio.server.config import Dest1Sees
from hoiio.server.notifications.check import UrlCheck
from hoiio.server.notifications.target import Target
from hoiio.server.storage.protocol import (
    Application,
    CallRecord,
    IdempotencyKey,
    Placed,
    Refusal,
    Storage,
)


class Calls(Protocol):
    """What the API asks of the controller."""

    async def place_call(
        self, application: Application, order: CallOrder, key: IdempotencyKey | None
    ) -> CallRecord | Placed | Refusal:
        """Admit a call-back and ring dest1; returns as soon as its record is durable.

        ``Placed`` tells of an earlier request with the same key: nobody is rung again.
        """
        ...

    async def place_conference(
        self, application: Application, order: ConferenceOrder, key: IdempotencyKey | None
    ) -> Sequence[CallRecord] | Placed | Refusal:
        """Admit participants and ring them in their order; returns once all are durable.

        ``Placed`` as of ``place_call``.
        """
        ...

    async def hang_up(self, ref: str) -> bool:
        """End a live call; True once it is settled, also when it was already."""
        ...

    async def mute(self, ref: str, *, muted: bool) -> bool:
        """Let a participant be heard no more, or again; True once it is so and durable."""
        ...


class Reach(Protocol):
    """What the API asks of the engine."""

    def reaches(self, number: str) -> bool:
        """Whether a route or a trunk leads to this number."""
        ...

    def now(self) -> int:
        """The clock that calls are admitted by: Unix time in microseconds that never jumps."""
        ...


class NotifyUrls(Protocol):
    """What the API asks before it takes a notify_url."""

    async def check(self, target: Target) -> None:
        """Raise ``Forbidden`` or ``NoReceiver`` for where nothing can be delivered."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that an endpoint may use."""

    storage: Storage
    calls: Calls
    engine: Reach
    dest1_sees: Dest1Sees = Dest1Sees.DEST2
    trunk_number: str | None = None
    notify_urls: NotifyUrls = field(default_factory=UrlCheck)
    rules: Rules = NO_RULES
    watchers: Watchers = field(default_factory=Watchers)
