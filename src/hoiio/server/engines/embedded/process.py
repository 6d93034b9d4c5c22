"""The child process as its parent sees it: start it, talk to it, notice its death."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from typing import Final

import structlog

from hoiio.server.engines.clock import Clock
from hoiio.server.engines.embedded.audio_log import AudioLog
from hoiio.server.engines.embedded.config import EmbeddedConfig
from hoiio.server.engines.embedded.messages import (
    Alive,
    Begin,
    Broken,
    BrokenPipeMessage,
    Inbox,
    Message,
    Outbox,
    Quit,
    Ready,
    Stats,
)
from hoiio.server.engines.protocol import EngineUnavailable

_log: Final = structlog.get_logger("hoiio.engine")
_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 3.0
_SILENCE_SECONDS: Final = 6.0
_NAP: Final = 0.1
_REASSURE_SECONDS: Final = 1.0
_MODULE: Final = "hoiio.server.engines.embedded.child"


class Child:
    """One running child. ``launch`` makes it; ``on_gone`` is called exactly once, at its death."""

    def __init__(
        self,
        process: Process,
        inbox: Inbox,
        outbox: Outbox,
        clock: Clock,
        *,
        on_message: Callable[[Child, Message], None],
        on_gone: Callable[[Child], None],
    ) -> None:
        self.last_heard = clock.now()
        self.stats: Stats | None = None
        self.callers: set[str | None] = set()
        self._silent_naps = 0
        self._process = process
        self._audio = AudioLog(process.pid)
        self._inbox = inbox
        self._outbox = outbox
        self._clock = clock
        self._on_message = on_message
        self._on_gone = on_gone
        self._tasks = {asyncio.create_task(self._keep_log())}
        self._helpers: list[asyncio.Task[None]] = []

    @property
    def callers_used(self) -> int:
        """How many caller identities it has made, as far as is known here."""
        return max(len(self.callers), self.stats.callers if self.stats else 0)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @classmethod
    async def launch(
        cls,
        config: EmbeddedConfig,
        port: int,
        clock: Clock,
        *,
        on_message: Callable[[Child, Message], None],
        on_gone: Callable[[Child], None],
    ) -> Child:
        """Start a child and wait until it can place calls.

        Raises ``EngineUnavailable`` with the child's own reason.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                _MODULE,
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=PIPE,
            )
        ours.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours)
        child = cls(
            process, Inbox(reader), Outbox(writer), clock, on_message=on_message, on_gone=on_gone
        )
        try:
            await child._begin(Begin(config, port, clock.anchor))
        except BaseException:
            await child.abandon()
            raise
        return child

    def send(self, message: Message) -> None:
        """Hand it a message, without waiting."""
        self._outbox.put(message)

    async def stop(self) -> None:
        """Have it hang everything up and exit; kill it when it doesn't."""
        self.send(Quit())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        self.kill()
        await self.wait()

    def kill(self) -> None:
        """End the process at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def abandon(self) -> None:
        """End a child that never came up."""
        self.kill()
        await self.wait()
        self._outbox.close()

    async def wait(self) -> None:
        """Return once it is gone and all it said has been read."""
        await self._process.wait()
        await asyncio.gather(*self._tasks)

    async def _begin(self, begin: Begin) -> None:
        self.send(begin)
        try:
            async with asyncio.timeout(_START_SECONDS):
                answer = await self._inbox.next()
        except TimeoutError:
            answer = Broken(f"the engine did not start within {_START_SECONDS:g} s")
        if not isinstance(answer, Ready):
            raise EngineUnavailable(
                answer.reason if isinstance(answer, Broken) else "the engine died as it started"
            )
        self.last_heard = self._clock.now()
        self._tasks.add(asyncio.create_task(self._listen()))
        self._helpers += [
            asyncio.create_task(self._watch_silence()),
            asyncio.create_task(self._reassure()),
        ]

    async def _listen(self) -> None:
        try:
            while (message := await self._inbox.next()) is not None:
                self._take(message)
        except BrokenPipeMessage as problem:
            _log.error("engine.pipe_broken", problem=str(problem))
        finally:
            # Whatever went wrong in between, the legs it had are over and somebody must say so.
            self.kill()
            await self._process.wait()
            for helper in self._helpers:
                helper.cancel()
            self._outbox.close()
            self._audio.tell()
            self._on_gone(self)

    def _take(self, message: Message) -> None:
        self._silent_naps = 0
        self.last_heard = max(self.last_heard, getattr(message, "at", 0))
        if isinstance(message, Stats):
            self.stats = message
            self._audio.take(message)
        self._on_message(self, message)

    async def _watch_silence(self) -> None:
        # Counted in naps, not by the clock: if this loop itself stood still, the messages of that
        # time are waiting to be read and the child is not to blame.
        while self._process.returncode is None:
            await asyncio.sleep(_NAP)
            self._silent_naps += 1
            if self._silent_naps * _NAP > _SILENCE_SECONDS:
                _log.error("engine.silent", pid=self.pid)
                self.kill()
                return

    async def _reassure(self) -> None:
        while True:
            self.send(Alive())
            await asyncio.sleep(_REASSURE_SECONDS)

    async def _keep_log(self) -> None:
        stream = self._process.stderr
        if stream is None:
            return
        log = StderrLog(self.pid)
        while chunk := await stream.read(65_536):
            log.take(chunk.decode("utf-8", "replace"), self._clock.now() / 1e6)
        log.take("\n", self._clock.now() / 1e6)


class StderrLog:
    """Passes a child's error output to the log, a few lines a while.

    Its SIP stack prints a line for every malformed packet that anybody cares to send.
    """

    LINES: Final = 20
    LENGTH: Final = 500
    SECONDS: Final = 10.0

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._since = 0.0
        self._lines = 0
        self._dropped = 0
        self._begun = ""

    def take(self, text: str, now: float) -> None:
        """Log what may be logged of this text, at this moment in seconds.

        A line that is not complete waits for its end; an overlong one is cut into several.
        """
        if now - self._since >= self.SECONDS:
            if self._dropped:
                _log.warning("engine.stderr_dropped", pid=self._pid, lines=self._dropped)
            self._since, self._lines, self._dropped = now, 0, 0
        *complete, self._begun = (self._begun + text).split("\n")
        if len(self._begun) > self.LENGTH:
            complete.append(self._begun)
            self._begun = ""
        lines = [line for line in complete if line.strip()]
        allowed = lines[: max(0, self.LINES - self._lines)]
        self._lines += len(allowed)
        self._dropped += len(lines) - len(allowed)
        for line in allowed:
            _log.warning("engine.stderr", pid=self._pid, line=line[: self.LENGTH].rstrip())
