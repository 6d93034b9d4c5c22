"""The embedded engine as the service holds it: supervises child processes and passes messages.

Normally there is one child. The SIP stack cannot free caller identities, so at ``CALLERS_MAX`` of
them a second child takes the new calls while the first one's calls end by themselves.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

import structlog

from hoiio.server.engines.embedded.clock import Clock
from hoiio.server.engines.embedded.config import EmbeddedConfig
from hoiio.server.engines.embedded.messages import Message, Quit, Stats
from hoiio.server.engines.embedded.ports import free_port, wait_for_port
from hoiio.server.engines.embedded.process import Child
from hoiio.server.engines.embedded.routing import build_router
from hoiio.server.engines.protocol import (
    Answered,
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
)

_log: Final = structlog.get_logger("hoiio.engine")

CALLERS_MAX: Final = 700
"""Caller identities of one child; 1,023 handles are shared by identities and calls."""

_PORT_SECONDS: Final = 3.0
_REMEMBERED_LEGS: Final = 20_000


@dataclass(slots=True)
class _Live:
    """A leg that has not ended: which child has it, and whether it rang."""

    child: Child
    rang: bool = False


class EmbeddedEngine:
    """Places calls from this machine; see ``protocol.Engine`` for what its methods mean.

    Raises ``ValueError`` when a route of the configuration cannot be dialled.
    """

    survives_controller = False

    def __init__(self, config: EmbeddedConfig) -> None:
        self._config = config
        self._clock = Clock.anchored_now()
        trunk = config.trunk
        self._router = build_router(
            config.routes,
            (trunk.host, trunk.port) if trunk else None,
            plus=trunk.plus if trunk else True,
        )
        self._port = config.sip_port
        self._sink: EventSink = _ignore
        self._current: Child | None = None
        self._children: set[Child] = set()
        self._retired: set[Child] = set()
        self._live: dict[str, _Live] = {}
        self._dialled: OrderedDict[str, None] = OrderedDict()
        self._reserved: dict[str, int] = {}
        self._rolling = False
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def sip_address(self) -> tuple[str, int]:
        """Host and real port that SIP listens on; known once started."""
        return self._config.sip_host, self._port

    @property
    def pid(self) -> int | None:
        """The child that takes new calls, None while there is none."""
        return self._current.pid if self._current else None

    def stats(self) -> Stats | None:
        """The latest figures of the child that takes new calls."""
        return self._current.stats if self._current else None

    def now(self) -> int:
        """Unix time in microseconds that never jumps."""
        return self._clock.now()

    def reaches(self, number: str) -> bool:
        """Whether a route or the trunk leads to this number."""
        return self._router.find(number) is not None

    # --- start and stop -----------------------------------------------------------------------

    async def start(self, sink: EventSink) -> None:
        """Start the first child. Raises ``EngineUnavailable`` when SIP cannot listen."""
        self._sink = sink
        if self._port == 0:
            self._port = free_port(self._config.sip_host)
        self._current = await self._launch(self._port)

    async def stop(self) -> None:
        """Hang up every leg, report their ends, end the children."""
        self._stopping = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(child.stop() for child in list(self._children)))

    async def _launch(self, port: int) -> Child:
        await wait_for_port(self._config.sip_host, port, _PORT_SECONDS)
        child = await Child.launch(
            self._config, port, self._clock, on_message=self._on_message, on_gone=self._on_gone
        )
        self._children.add(child)
        return child

    async def _revive(self) -> None:
        pause = 0.1
        while self._current is None:
            try:
                self._take_over(await self._launch(self._port), self._port)
            except (EngineUnavailable, OSError) as problem:
                _log.error("engine.restart_failed", problem=str(problem))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
        _log.info("engine.restarted", pid=self._current.pid)

    def _take_over(self, fresh: Child, port: int) -> None:
        """Let a fresh child take the new calls; the one that did so far ends with its last leg."""
        old, self._current, self._port = self._current, fresh, port
        if old is not None:
            self._retire_when_empty(old)

    async def _roll_over(self) -> None:
        """Have a fresh child take the new calls, on a port of its own, while the old one drains."""
        try:
            port = free_port(self._config.sip_host)
            fresh = await self._launch(port)
        except (EngineUnavailable, OSError) as problem:
            _log.error("engine.roll_over_failed", problem=str(problem))
            return
        finally:
            self._rolling = False
        self._take_over(fresh, port)

    def _retire_when_empty(self, child: Child) -> None:
        done = child is not self._current and child not in self._retired
        if done and not any(leg.child is child for leg in self._live.values()):
            self._retired.add(child)
            child.send(Quit())

    # --- legs ---------------------------------------------------------------------------------

    def reserve(self, owner: str, legs: int) -> bool:
        """Take places for legs under the ceiling; False when there is no room or no child."""
        taken = sum(self._reserved.values()) - self._reserved.get(owner, 0)
        if self._current is None or self._stopping or taken + legs > self._config.max_legs:
            return False
        self._reserved[owner] = legs
        return True

    def release(self, owner: str) -> None:
        """Give back what ``reserve`` took; harmless when there is nothing."""
        self._reserved.pop(owner, None)

    def send(self, *commands: Command) -> None:
        """Hand commands to the children. Raises ``EngineUnavailable`` when there is none."""
        if self._stopping or not self._children:
            raise EngineUnavailable("the SIP engine is not running")
        if self._current is None and any(isinstance(command, Dial) for command in commands):
            raise EngineUnavailable("the SIP engine is restarting")
        for command in commands:
            if isinstance(command, Dial):
                self._dial(command)
            elif (live := self._live.get(command.leg)) is not None:
                live.child.send(command)

    def _dial(self, command: Dial) -> None:
        child = self._child_for(command)
        if command.leg in self._dialled or child is None:
            return
        self._remember(command.leg)
        self._live[command.leg] = _Live(child)
        child.callers.add(command.caller_id)
        child.send(command)
        full = self._current is not None and self._current.callers_used >= CALLERS_MAX
        if full and not self._rolling:
            self._rolling = True
            self._spawn(self._roll_over(), "roll over")

    def _child_for(self, command: Dial) -> Child | None:
        # Legs hear each other only within one process: the second goes where the first one is.
        if command.heard_by is not None and (first := self._live.get(command.heard_by)) is not None:
            return first.child
        return self._current

    def _remember(self, leg: str) -> None:
        self._dialled[leg] = None
        if len(self._dialled) > _REMEMBERED_LEGS:
            self._dialled.popitem(last=False)

    # --- what children say --------------------------------------------------------------------

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
            self._retire_when_empty(child)

    def _on_gone(self, child: Child) -> None:
        lost = [leg for leg, live in self._live.items() if live.child is child]
        if not self._stopping and child not in self._retired:
            _log.error("engine.died", pid=child.pid, legs=len(lost))
        self._children.discard(child)
        self._retired.discard(child)
        if child is self._current:
            self._current = None
            if not self._stopping:
                self._spawn(self._revive(), "revive")
        for leg in lost:
            rang = self._live.pop(leg).rang
            self._tell(Ended(leg, child.last_heard, Cause.ENGINE_LOST, rang=rang))

    def _tell(self, event: Event) -> None:
        try:
            self._sink(event)
        except Exception:  # noqa: BLE001 - whatever the listener raises, the engine must go on
            _log.exception("engine.sink_failed", leg=event.leg)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _ignore(_event: Event) -> None:
    """Before ``start`` there is nobody to tell."""
