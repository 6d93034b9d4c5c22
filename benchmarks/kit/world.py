"""What all stories of the soak share: phones, clients, the counts, and what a record must say."""

import math
import queue
import random
import threading
import time
from contextlib import contextmanager


class World:
    """What all stories share; ``problems`` and the counts are complete once they have ended."""

    def __init__(self, crowd, clients, numbers, notify_url, until, seed):
        self.crowd = crowd
        self.clients = clients
        self.notify_url = notify_url
        self.until = until
        self.random = random.Random(seed)
        self.placed = []
        self.problems = []
        self.taken = 0
        self.up = set()
        self.leg_seconds = 0.0
        self.longest = 0.0
        self.kinds = {}
        self._free = list(numbers)
        self._lock = threading.Lock()
        self._told = {number: queue.SimpleQueue() for number in numbers}
        threading.Thread(target=self._deliver, daemon=True).start()

    def problem(self, text):
        problem = f"{time.strftime('%H:%M:%S')} {text}"
        print(f"  problem: {problem}", flush=True)
        with self._lock:
            self.problems.append(problem)

    def note(self, kind, *refs):
        with self._lock:
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            self.placed += refs

    @contextmanager
    def phones(self, count):
        """Numbers of phones that nobody else uses meanwhile."""
        with self._lock:
            numbers = [self._free.pop(0) for _ in range(count)]
            self.taken += count
        try:
            yield numbers
        finally:
            with self._lock:
                self._free += numbers
                self.taken -= count
                self.up.difference_update(numbers)

    def report(self, number, within):
        """What this phone tells of its call; None when it tells nothing in time."""
        try:
            told = self._told[number].get(timeout=within)
        except queue.Empty:
            return None
        with self._lock:
            self.up.discard(number)
            if told["answered"] is not None:
                self.leg_seconds += told["ended"] - told["answered"]
                self.longest = max(self.longest, told["ended"] - told["answered"])
        return told

    def ringing(self, *numbers):
        """These count among the legs that are up from now on."""
        with self._lock:
            self.up.update(numbers)

    def talk(self):
        """Seconds that a call lasts: mostly short, some of minutes, none far beyond the end."""
        seconds = self.random.choice(
            [self.random.uniform(4, 45)] * 6
            + [self.random.uniform(45, 130)] * 3
            + [self.random.uniform(130, 400)]
        )
        return round(min(seconds, max(4.0, self.until - time.monotonic() + 2)), 2)

    def _deliver(self):
        while True:
            report = self.crowd.reports.get()
            self._told[report["number"]].put(report)


def settled(world, client, ref):
    """The record of a call whose phones have hung up; None, and a problem, if it is not settled."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        record = client.voice.status(ref)
        if record.is_success() and record.duration is not None:
            return record
        time.sleep(0.2)
    world.problem(f"{ref}: not settled after its phones hung up: {record.status}")
    return None


def judge_bill(world, record, answered, ended):
    """Started minutes as the phones saw them; the service's stamps differ by less than 0.5 s."""
    least, most = (max(1, math.ceil((ended - answered + off) / 60)) for off in (-0.5, 0.5))
    if not least <= record.duration <= most:
        world.problem(
            f"{record.txn_ref}: {record.duration} min for {ended - answered:.1f} seconds of talk"
        )
    if not math.isclose(record.debit, record.duration * record.rate, abs_tol=1e-9):
        world.problem(f"{record.txn_ref}: {record.debit} for {record.duration} x {record.rate}")
