"""The mixer thread: every 20 ms it reads every leg's frame, mixes, and writes what each hears."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Final

import numpy as np

from hoiio.server.engines.embedded.concealment import conceal, resume
from hoiio.server.engines.embedded.line import Line
from hoiio.server.engines.embedded.loudness import Levels
from hoiio.server.engines.embedded.messages import MixerStats
from hoiio.server.engines.embedded.mixing import Part, Plan, lay_out, mix
from hoiio.server.engines.embedded.tones import FRAME, Samples, Tone

TICK: Final = 0.02
_HOPELESS: Final = 5
"""Ticks behind after which the missed ones are skipped: catching up would only pile up delay."""

_GAP: Final = 10
"""Frames after which a gap is a pause, as on hold, and nothing is missing any more."""


class _Ear:
    """Hears one line, and covers up what is not there in time."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.began = False
        self._last: Samples = np.zeros(FRAME, np.int16)
        self._missing = 0

    def listen(self, row: Samples, stats: MixerStats) -> None:
        """Fill the frame; one that is missing counts from the first that was there."""
        stats.dropped_frames += self.line.skim()
        there = self.line.read(row)
        self.began = self.began or there
        counts = self.began and (there or self._missing < _GAP)
        stats.frames += counts
        if there:
            if self._missing:
                resume(row, self._last, self._missing)
            self._last[:] = row
            self._missing = 0
        else:
            row[:] = conceal(self._last, self._missing)
            stats.missing_frames += counts
            self._missing += 1


class _Job:
    """One arrangement of legs: swapped in as a whole, so that a tick never sees half a change."""

    def __init__(self, plan: Plan, ears: list[_Ear]) -> None:
        self.plan = plan
        self.ears = ears
        self.frames: Samples = np.zeros((len(ears), FRAME), np.int16)
        self.levels = Levels.fresh(len(ears))


class Mixer:
    """Mixes the legs it was last told of, until it is stopped; ``tones`` are tables of frames."""

    def __init__(self, tones: Mapping[Tone, Samples]) -> None:
        self.stats = MixerStats()
        self.tick = 0
        self._tones = tones
        self._ears: dict[Line, _Ear] = {}
        self._mixing = self._job = _Job(lay_out(()), [])
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
        lines = [parts[leg][1] for leg in plan.legs]
        self._ears = {line: self._ears.get(line) or _Ear(line) for line in lines}
        self._job = _Job(plan, [self._ears[line] for line in lines])

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
        self.stats.late_us += int(late * 1e6)
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
        if job is not self._mixing:
            job.levels = self._mixing.levels.rearranged(job.plan.sources(self._mixing.plan))
            self._mixing = job
        self.tick += 1
        self.stats.ticks += 1
        if not job.ears:
            return
        for ear, row in zip(job.ears, job.frames, strict=True):
            ear.listen(row, self.stats)
        rows, job.levels = mix(job.plan, job.frames, self.tick, self._tones, job.levels)
        for ear, row in zip(job.ears, rows, strict=True):
            if not ear.line.write(row) and ear.began:
                self.stats.dropped_frames += 1
