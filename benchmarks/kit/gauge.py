"""How the service's processes grow: samples while it works, and whether they drifted."""

import os
import statistics
import threading
import time
from dataclasses import dataclass

from kit.process import children, cpu_seconds, files, memory, threads


@dataclass(frozen=True)
class Sample:
    """One look: memory in MB of service and engine, open files and threads of both together."""

    at: float
    service: float
    engine: float
    files: int
    threads: int


class Gauge:
    """Looks at the service and its engine every few seconds, from a thread of its own."""

    def __init__(self, pid, every):
        self.pid = pid
        self.samples = []
        self._began, self._cpu = time.monotonic(), self._used()
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.wait(self._every):
            self.samples.append(self.look())

    def look(self):
        engines = children(self.pid)
        each = [self.pid, *engines]
        return Sample(
            time.monotonic(),
            memory(self.pid) / 1e6,
            sum(map(memory, engines)) / 1e6,
            sum(map(files, each)),
            sum(map(threads, each)),
        )

    def _used(self):
        return [cpu_seconds(self.pid), sum(map(cpu_seconds, children(self.pid)))]

    def cpu(self):
        """Milliseconds of CPU a second since the last time: of the service, of its engine."""
        before, began = self._cpu, self._began
        self._cpu, self._began = self._used(), time.monotonic()
        lasted = self._began - began
        return [(now - then) / lasted * 1000 for now, then in zip(self._cpu, before, strict=True)]

    def stretches(self):
        """Medians of the first settled sixth of the samples, and of the last."""
        sixth = max(1, len(self.samples) // 6)
        return _median(self.samples[sixth : 2 * sixth]), _median(self.samples[-sixth:])


def _median(samples):
    return Sample(
        *(
            statistics.median(getattr(sample, name) for sample in samples)
            for name in Sample.__dataclass_fields__
        )
    )


def drift(first, last, share):
    """Problems: memory that grew by more than this share between two stretches."""
    for name in ("service", "engine"):
        before, after = getattr(first, name), getattr(last, name)
        if after > before * (1 + share):
            yield f"memory of the {name} grew from {before:.1f} to {after:.1f} MB"


def left_over(before, after):
    """Problems: files and threads that are more than there were when nothing had happened yet."""
    for name in ("files", "threads"):
        then, now = getattr(before, name), getattr(after, name)
        if now > then:
            yield f"{name} left over: {then} idle before, {now} idle after"


def load():
    return os.getloadavg()[0]
