"""The mixer thread: every 20 ms it reads every leg's frame, mixes, and writes what each hears."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from hoiio.server.engines.embedded.line import Line
from hoiio.server.engines.embedded.mixing import Part, Plan, lay_out, mix
from hoiio.server.engines.embedded.ringback import FRAME, Samples

TICK: Final = 0.02
_HOPELESS: Final = 5
"""Ticks behind after which the missed ones are skipped: catching up would only pile up delay."""


@dataclass(slots=True)
class MixerStats:
    """Counts since the start; see ``messages.Stats``."""

    ticks: int = 0
    skipped_ticks: int = 0
    frames: int = 0
    missing_frames: int = 0
    dropped_frames: int = 0
    late_max_us: int = 0
    cpu_us: int = 0


class _Job:
    """One arrangement of legs: swapped in as a whole, so that a tick never sees half a change."""

    def __init__(self, plan: Plan, lines: list[Line]) -> None:
        self.plan = plan
        self.lines = lines
        self.frames: Samples = np.zeros((len(lines), FRAME), np.int16)


class Mixer:
    """Mixes the legs it was last told of, until it is stopped."""

    def __init__(self, tone: Samples) -> None:
        self.stats = MixerStats()
        self.tick = 0
        self._tone = tone
        self._job = _Job(lay_out(()), [])
        self._heard: set[Line] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mixer", daemon=True)

    def start(self) -> None:
        """Begin ticking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop ticking; returns once the thread is gone."""
        self._stop.set()
        self._thread.join()

    def arrange(self, parts: Mapping[str, tuple[Part, Line]]) -> None:
        """Mix these legs from the next tick on."""
        plan = lay_out(part for part, _ in parts.values())
        self._job = _Job(plan, [parts[leg][1] for leg in plan.legs])
        self._heard.intersection_update(self._job.lines)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            due = self._wait_until(due + TICK)
            self.step()
            self.stats.cpu_us = time.thread_time_ns() // 1000

    def _wait_until(self, due: float) -> float:
        now = time.monotonic()
        if now < due:
            time.sleep(due - now)
            now = time.monotonic()
        late = now - due
        self.stats.late_max_us = max(self.stats.late_max_us, int(late * 1e6))
        missed = int(late / TICK)
        if missed < _HOPELESS:
            return due
        self.stats.skipped_ticks += missed
        self.tick += missed
        return due + missed * TICK

    def step(self) -> None:
        """One tick."""
        job = self._job
        self.tick += 1
        self.stats.ticks += 1
        if not job.lines:
            return
        self._listen(job)
        for line, row in zip(
            job.lines, mix(job.plan, job.frames, self.tick, self._tone), strict=True
        ):
            if not line.write(row) and line in self._heard:
                self.stats.dropped_frames += 1

    def _listen(self, job: _Job) -> None:
        for line, row in zip(job.lines, job.frames, strict=True):
            if line.read(row):
                self._heard.add(line)
                self.stats.frames += 1
                continue
            row.fill(0)
            if line in self._heard:
                self.stats.frames += 1
                self.stats.missing_frames += 1
