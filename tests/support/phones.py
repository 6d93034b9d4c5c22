"""Real softphones for tests: ``hoiio phone`` as a process of its own, and what it said."""

import json
import os
import signal
import subprocess
import sys
import threading
import time


class Phone:
    """One ``hoiio phone NUMBER --json`` on a free loopback port; use it as a context manager."""

    def __init__(self, number, *options):
        self.number = number
        self.events = []
        self.news = threading.Condition()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "hoiio.softphone", number),
                *("--listen", "127.0.0.1:0", "--json", *map(str, options)),
            ],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self):
        self.address = self.wait("listening", timeout=15)["address"]
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.kill()
        self.reader.join(3)
        self.process.stdout.close()

    @property
    def uri(self):
        return f"sip:{self.address}"

    def kill(self):
        """End it the way a power cut does: no BYE, no more audio."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(5)

    def all(self, kind):
        with self.news:
            return [event for event in self.events if event["event"] == kind]

    def wait(self, kind, timeout=8, count=1, matching=lambda event: True):
        """The ``count``-th event of this kind, once it came."""
        until = time.monotonic() + timeout
        with self.news:
            while True:
                found = [e for e in self.events if e["event"] == kind and matching(e)]
                if len(found) >= count:
                    return found[count - 1]
                if not self.news.wait(max(0, until - time.monotonic())):
                    raise AssertionError(f"{self.number}: no {kind} in {timeout} s: {self.events}")

    def wait_hearing(self, *hertz, timeout=8):
        """Wait until it hears exactly these tones, give or take 3 %."""

        def exactly(event):
            tones = [tone["hz"] for tone in event["tones"]]
            return len(tones) == len(hertz) and all(
                any(abs(tone - hz) <= 0.03 * hz for tone in tones) for hz in hertz
            )

        return self.wait("hearing", timeout, matching=exactly)

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.events.append(json.loads(line))
                self.news.notify_all()
