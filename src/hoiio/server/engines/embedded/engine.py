"""The embedded engine as the service holds it: which leg is in which child process.

Normally there is one child. The SIP stack cannot free caller identities, so at ``CALLERS_MAX`` of
them a second child takes the new calls while the first one's calls end by themselves. Legs hear
each other only within one process, so whoever joins a room that is still in use is dialled by the
child that has it, however old that child is.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import structlog

from hoiio.server.engines.clock import Clock
from hoiio.server.engines.embedded.children import Children
from hoiio.server.engines.embedded.config import IDENTITIES_MAX, EmbeddedConfig
from hoiio.server.engines.embedded.messages import Message, Stats
from hoiio.server.engines.embedded.process import Child
from hoiio.server.engines.embedded.routing import build_router
from hoiio.server.engines.protocol import (
    Answered,
    Bridge,
    Cause,
    Command,
    Dial,
    Digit,
    EarlyMedia,
    Ended,
    EngineUnavailable,
    Event,
    EventSink,
    Ringing,
    RoomId,
)

_log: Final = structlog.get_logger("hoiio.engine")

CALLERS_MAX: Final = 700
"""Caller identities of one child before the next takes over.

A child takes ``IDENTITIES_MAX``: the rest is for callers who join an old child's rooms, and for
those who call while the next one starts. Beyond it a leg ends ``NOT_DIALLED``.
"""

_REMEMBERED_LEGS: Final = 20_000


@dataclass(slots=True)
class _Live:
    """A leg that has not ended: which child has it, its room, and whether it rang."""

    child: Child
    room: RoomId | None
    rang: bool = False


class EmbeddedEngine:
    """Places calls from this machine; see ``protocol.Engine`` for what its methods mean.

    At ``callers_max`` caller identities a fresh child takes over. Raises ``ValueError`` when a
    route of the configuration cannot be dialled.
    """

    survives_controller = False

    def __init__(self, config: EmbeddedConfig, *, callers_max: int = CALLERS_MAX) -> None:
        self._config = config
        self._callers_max = callers_max
        self._clock = Clock.anchored_now()
        trunk = config.trunk
        self._router = build_router(
            config.routes,
            (trunk.host, trunk.port) if trunk else None,
            plus=trunk.plus if trunk else True,
        )
        self._children = Children(
            config,
            self._clock,
            in_use=self._in_use,
            on_message=self._on_message,
            on_gone=self._on_gone,
        )
        self._sink: EventSink = _ignore
        self._live: dict[str, _Live] = {}
        self._dialled: OrderedDict[str, None] = OrderedDict()
        self._reserved: dict[str, int] = {}

    @property
    def sip_address(self) -> tuple[str, int]:
        """Host and real port that SIP listens on for new calls; known once started."""
        return self._config.sip_host, self._children.port

    @property
    def pid(self) -> int | None:
        """The child that takes new calls, None while there is none."""
        current = self._children.current
        return current.pid if current else None

    def stats(self) -> Stats | None:
        """The latest figures of the child that takes new calls."""
        current = self._children.current
        return current.stats if current else None

    def now(self) -> int:
        """Unix time in microseconds that never jumps."""
        return self._clock.now()

    def reaches(self, number: str) -> bool:
        """Whether a route or the trunk leads to this number."""
        return self._router.find(number) is not None

    async def start(self, sink: EventSink) -> None:
        """Start the first child. Raises ``EngineUnavailable`` when SIP cannot listen."""
        self._sink = sink
        await self._children.start()

    async def stop(self) -> None:
        """Hang up every leg, report their ends, end the children."""
        await self._children.stop()

    # --- legs ---------------------------------------------------------------------------------

    def reserve(self, owner: str, legs: int) -> bool:
        """Take places for legs under the ceiling; False when there is no room or no child."""
        taken = sum(self._reserved.values()) - self._reserved.get(owner, 0)
        if not self._open() or taken + legs > self._config.max_legs:
            return False
        self._reserved[owner] = legs
        return True

    def _open(self) -> bool:
        current = self._children.current
        if current is None or self._children.stopping:
            return False
        # Every leg that is reserved already may need a caller identity of its own.
        left = IDENTITIES_MAX - self._config.max_legs - current.callers_used
        return not self._children.rolling or left > 0

    def release(self, owner: str) -> None:
        """Give back what ``reserve`` took; harmless when there is nothing."""
        self._reserved.pop(owner, None)

    def send(self, *commands: Command) -> None:
        """Hand commands to the children. Raises ``EngineUnavailable`` when there is none."""
        if self._children.stopping or not self._children:
            raise EngineUnavailable("the SIP engine is not running")
        if any(isinstance(command, Dial) and self._must_wait(command) for command in commands):
            raise EngineUnavailable("the SIP engine is restarting")
        for command in commands:
            if isinstance(command, Dial):
                self._dial(command)
            elif (live := self._live.get(command.leg)) is not None:
                if isinstance(command, Bridge):
                    live.room = command.room
                live.child.send(command)

    def _must_wait(self, command: Dial) -> bool:
        return command.leg not in self._dialled and self._child_for(command.room) is None

    def _dial(self, command: Dial) -> None:
        child = self._child_for(command.room)
        if command.leg in self._dialled or child is None:
            return
        self._remember(command.leg)
        self._live[command.leg] = _Live(child, command.room)
        child.callers.add(command.caller_id)
        child.send(command)
        if child is self._children.current and child.callers_used >= self._callers_max:
            self._children.roll_over()

    def _child_for(self, room: RoomId | None) -> Child | None:
        # From its first dialled leg to its last one's end, a room stays in one process.
        if room is not None:
            for live in self._live.values():
                if live.room == room:
                    return live.child
        return self._children.current

    def _remember(self, leg: str) -> None:
        self._dialled[leg] = None
        if len(self._dialled) > _REMEMBERED_LEGS:
            self._dialled.popitem(last=False)

    # --- what children say --------------------------------------------------------------------

    def _in_use(self, child: Child) -> bool:
        return any(leg.child is child for leg in self._live.values())

    def _on_message(self, child: Child, message: Message) -> None:
        if not isinstance(message, Ringing | EarlyMedia | Answered | Digit | Ended):
            return
        live = self._live.get(message.leg)
        if live is None or live.child is not child:
            return
        if isinstance(message, Ringing | EarlyMedia):
            live.rang = True
        if isinstance(message, Ended):
            del self._live[message.leg]
        self._tell(message)
        if isinstance(message, Ended):
            self._children.retire(child)

    def _on_gone(self, child: Child) -> None:
        lost = [leg for leg, live in self._live.items() if live.child is child]
        # All at once: whoever is told of the first must not find the others still in there.
        ends = [
            Ended(leg, child.last_heard, Cause.ENGINE_LOST, rang=self._live.pop(leg).rang)
            for leg in lost
        ]
        for end in ends:
            self._tell(end)

    def _tell(self, event: Event) -> None:
        try:
            self._sink(event)
        except Exception:  # noqa: BLE001 - whatever the listener raises, the engine must go on
            _log.exception("engine.sink_failed", leg=event.leg)


def _ignore(_event: Event) -> None:
    """Before ``start`` there is nobody to tell."""
