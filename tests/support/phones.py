"""Real phones for tests: each a ``hoiio phone --json`` in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from typing import Any

START = 10.0


class Phone:
    """A phone that is up inside a ``with`` block, and gone after it.

    ``Phone("+6511111111", "--tone", "600")`` listens on a free port of its own: ``address`` is
    ``127.0.0.1:port``, ``events`` what it told so far, each a dict with ``event`` and ``at``.
    """

    def __init__(self, number: str, *options: object, listen: str = "127.0.0.1:0") -> None:
        self.number = number
        self.events: list[dict[str, Any]] = []
        self._told = threading.Condition()
        self._silent = False
        command = [sys.executable, "-m", "hoiio.softphone", number, "--listen", listen, "--json"]
        self.process = subprocess.Popen(
            [*command, *map(str, options)], stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.address = ""

    def __enter__(self) -> Phone:
        try:
            self.address = self.wait("listening", timeout=START)["address"]
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()

    @property
    def uri(self) -> str:
        """Where a route to this phone leads."""
        return f"sip:{self.number}@{self.address}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait(
        self, event: str, timeout: float = 5.0, *, after: int = 0, **fields: object
    ) -> dict[str, Any]:
        """The first event of this name with these fields, from ``events[after]`` on.

        Waits for it up to ``timeout`` seconds; raises ``AssertionError`` with all that was told.
        """

        def found() -> dict[str, Any] | None:
            matching = (told for told in self.events[after:] if told["event"] == event)
            return next((t for t in matching if fields.items() <= t.items()), None)

        with self._told:
            self._told.wait_for(lambda: found() is not None or self._silent, timeout)
            told = found()
        if told is None:
            raise AssertionError(
                f"{self.number}: no {event} {fields or ''} in {timeout} s: {self.brief()}"
            )
        return told

    def hears(self, hz: float, timeout: float = 5.0, *, within: float = 5.0) -> float:
        """Wait until the phone hears a tone of about ``hz`` from now on; its level in dBFS."""
        deadline = time.monotonic() + timeout
        at = len(self.events)
        while True:
            hearing = self.wait("hearing", max(0.0, deadline - time.monotonic()), after=at)
            at = self.events.index(hearing, at) + 1
            for tone in hearing["tones"]:
                if abs(tone["hz"] - hz) <= within:
                    return tone["level"]

    def wait_hearing(self, *hertz: float, timeout: float = 8.0) -> list[int]:
        """Wait until it hears exactly these tones from now on, give or take 3 %."""

        def matches(tones: list[int]) -> bool:
            return len(tones) == len(hertz) and all(
                any(abs(tone - hz) <= 0.03 * hz for tone in tones) for hz in hertz
            )

        deadline = time.monotonic() + timeout
        while not matches(tones := self.hearing(deadline - time.monotonic(), skip=0)):
            pass
        return tones

    def hearing(self, timeout: float = 5.0, *, skip: int = 1) -> list[int]:
        """Frequencies that it hears in the next second, after ``skip`` that had begun already."""
        at = len(self.events)
        for _ in range(skip + 1):
            told = self.wait("hearing", max(0.0, timeout), after=at)
            at = self.events.index(told, at) + 1
        return [tone["hz"] for tone in told["tones"]]

    def forget(self) -> None:
        """Begin anew: what was told so far no longer counts."""
        with self._told:
            self.events.clear()

    def told(self, event: str) -> list[dict[str, Any]]:
        """Every event of this name so far."""
        return [each for each in self.events if each["event"] == event]

    def brief(self) -> str:
        """What the phone told, without the headers."""
        return "; ".join(
            " ".join(str(value) for key, value in told.items() if key not in {"at", "headers"})
            for told in self.events
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end, and wait; the exit code."""
        self.process.send_signal(number)
        try:
            return self._finish(5)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL: the phone vanishes without a word."""
        self.process.kill()
        self._finish(5)

    def _finish(self, timeout: float) -> int:
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._told:
                self.events.append(json.loads(line))
                self._told.notify_all()
        with self._told:
            self._silent = True
            self._told.notify_all()
