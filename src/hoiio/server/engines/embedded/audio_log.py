"""How well a child carries the audio of its calls, told in the log once a minute."""

from __future__ import annotations

from typing import Final

import structlog

from hoiio.server.engines.clock import MICROS
from hoiio.server.engines.embedded.messages import MixerStats, Stats

_log: Final = structlog.get_logger("hoiio.engine")


class AudioLog:
    """Sums up a child's figures: a line a minute while calls are up, a warning when it is bad."""

    SECONDS: Final = 60
    MISSING_MAX: Final = 0.01
    """Share of missing frames above which the operator is warned.

    A busy hour has some: the stack stands still for a hangup, which costs other legs a frame.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._told = MixerStats()
        self._told_at: int | None = None
        self._latest: Stats | None = None
        self._late_max_us = 0

    def take(self, stats: Stats) -> None:
        """Take a report in, and tell about the last minute when it is over."""
        self._latest = stats
        self._late_max_us = max(self._late_max_us, stats.mixer.late_max_us)
        if self._told_at is None:
            self._told_at = stats.at
        if stats.at - self._told_at >= self.SECONDS * MICROS:
            self.tell()

    def tell(self) -> None:
        """Tell about the time since the last line, if any audio was carried in it."""
        if self._latest is None:
            return
        now, before = self._latest.mixer, self._told
        frames = now.frames - before.frames
        missing = now.missing_frames - before.missing_frames
        if frames:
            write = _log.warning if missing > self.MISSING_MAX * frames else _log.info
            write(
                "engine.audio",
                pid=self._pid,
                legs=self._latest.legs,
                frames=frames,
                missing=missing,
                dropped=now.dropped_frames - before.dropped_frames,
                skipped_ticks=now.skipped_ticks - before.skipped_ticks,
                late_max_ms=round(self._late_max_us / 1000, 1),
            )
        self._told, self._told_at, self._late_max_us = now, self._latest.at, 0
