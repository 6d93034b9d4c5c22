"""The engine's child processes: one takes the new calls, older ones end with their last leg."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from hoiio.server.engines.clock import Clock
from hoiio.server.engines.embedded.config import EmbeddedConfig
from hoiio.server.engines.embedded.messages import Message, Quit
from hoiio.server.engines.embedded.ports import free_port, is_free, wait_for_port
from hoiio.server.engines.embedded.process import Child
from hoiio.server.engines.protocol import EngineUnavailable

_log: Final = structlog.get_logger("hoiio.engine")

_PORT_SECONDS: Final = 3.0
_PAUSE: Final = 0.1
_PAUSE_MAX: Final = 5.0


class Children:
    """Starts them, replaces the dead, rolls over from one to the next, lets the empty ones go.

    ``current`` takes the new calls, on ``port``; while ``rolling`` a fresh one is being started
    beside it. ``in_use`` tells whether a child still has legs; ``on_message`` and ``on_gone`` are
    as ``process.Child`` has them.
    """

    def __init__(
        self,
        config: EmbeddedConfig,
        clock: Clock,
        *,
        in_use: Callable[[Child], bool],
        on_message: Callable[[Child, Message], None],
        on_gone: Callable[[Child], None],
    ) -> None:
        self.current: Child | None = None
        self.port = self._home = config.sip_port
        self.stopping = False
        self.rolling = False
        self._config = config
        self._clock = clock
        self._in_use = in_use
        self._on_message = on_message
        self._on_gone = on_gone
        self._all: set[Child] = set()
        self._retired: set[Child] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        return bool(self._all)

    async def start(self) -> None:
        """Start the first one. Raises ``EngineUnavailable`` when SIP cannot listen."""
        if self.port == 0:
            self.port = self._home = free_port(self._config.sip_host)
        self.current = await self._launch(self.port)

    async def stop(self) -> None:
        """End them all."""
        self.stopping = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(child.stop() for child in list(self._all)))

    def roll_over(self) -> None:
        """Have a fresh one take the new calls soon, on another port; the old one drains."""
        if not self.rolling:
            self.rolling = True
            self._spawn(self._roll_over(), "roll over")

    def retire(self, child: Child) -> None:
        """Let a child go, unless it takes the new calls or still has legs."""
        done = child is not self.current and child not in self._retired
        if done and not self._in_use(child):
            self._retired.add(child)
            child.send(Quit())

    async def _roll_over(self) -> None:
        try:
            port = self._home_or(free_port(self._config.sip_host))
            self._take_over(await self._launch(port), port)
        except (EngineUnavailable, OSError) as problem:
            _log.error("engine.roll_over_failed", problem=str(problem))
        finally:
            self.rolling = False
            self._revive_if_dead()

    def _home_or(self, other: int) -> int:
        """The first one's port, which firewalls know, as soon as nobody has it; else the other."""
        return self._home if is_free(self._config.sip_host, self._home) else other

    def _revive_if_dead(self) -> None:
        # A roll-over under way brings a fresh one by itself: never start two.
        if self.current is None and not self.rolling and not self.stopping:
            self._spawn(self._revive(), "revive")

    async def _revive(self) -> None:
        pause = _PAUSE
        while self.current is None:
            try:
                port = self._home_or(self.port)
                self._take_over(await self._launch(port), port)
            except (EngineUnavailable, OSError) as problem:
                _log.error("engine.restart_failed", problem=str(problem))
                await asyncio.sleep(pause)
                pause = min(pause * 2, _PAUSE_MAX)
        _log.info("engine.restarted", pid=self.current.pid)

    async def _launch(self, port: int) -> Child:
        await wait_for_port(self._config.sip_host, port, _PORT_SECONDS)
        child = await Child.launch(
            self._config, port, self._clock, on_message=self._on_message, on_gone=self._gone
        )
        self._all.add(child)
        return child

    def _take_over(self, fresh: Child, port: int) -> None:
        old, self.current, self.port = self.current, fresh, port
        if old is not None:
            self.retire(old)

    def _gone(self, child: Child) -> None:
        if not self.stopping and child not in self._retired:
            _log.error("engine.died", pid=child.pid)
        self._all.discard(child)
        self._retired.discard(child)
        if child is self.current:
            self.current = None
            self._revive_if_dead()
        self._on_gone(child)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
