"""Commands as child processes: run to the end, or read line by line while they live."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_HOIIO: Final = (sys.executable, "-c", "from hoiio.cli import main; main()")
_GRACE: Final = 10.0
"""Seconds a process may take to end when asked to."""

Event = dict[str, Any]


class NotSeen(Exception):
    """Something that had to happen did not; the message says what."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When to stop waiting, on the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """A deadline so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds that remain, never below zero."""
        return max(0.0, self.at - time.monotonic())


def run(*arguments: str) -> Event:
    """Run a ``hoiio`` command that prints one JSON object; returns it."""
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [*_HOIIO, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_GRACE,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        raise NotSeen(f"hoiio {' '.join(arguments)}: no answer in {_GRACE:g} s") from None
    if done.returncode != 0:
        raise NotSeen(f"hoiio {' '.join(arguments)}: {done.stderr.strip()}")
    answer: Event = json.loads(done.stdout)
    return answer


class Child:
    """A ``hoiio`` command that goes on, with its lines as they come; its stderr goes to ``log``."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        self.name = name
        self._log = log
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        with log.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [*_HOIIO, *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                text=True,
                env=_environment(),
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def line(self, deadline: Deadline) -> str:
        """The next line; raises ``NotSeen`` when it ended, or none came in time."""
        try:
            line = self._lines.get(timeout=deadline.left)
        except queue.Empty:
            raise NotSeen(f"{self.name} said nothing more in time") from None
        if not line:
            raise NotSeen(f"{self.name} ended: {self._last_words()}")
        return line

    def wait(self) -> int:
        """Wait for it to end by itself; its exit code."""
        return self._process.wait()

    def stop(self) -> int:
        """Ask it to end, wait, and return its exit code; a process that will not is killed."""
        self._process.terminate()
        try:
            return self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._reader.join(_GRACE)

    def _read(self) -> None:
        output = self._process.stdout
        if output is not None:
            with output:
                for line in output:
                    self._lines.put(line)
        self._lines.put("")

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace").strip()[-2000:] or "without a word"


class Phone(Child):
    """A ``hoiio phone --json`` on a free port."""

    def __init__(self, number: str, tone: int, answer_after: float, folder: Path) -> None:
        arguments = ["phone", number, "--listen", "127.0.0.1:0", "--json"]
        arguments += ["--tone", str(tone), "--answer-after", str(answer_after)]
        super().__init__(f"the phone {number}", arguments, folder / f"{number}.log")
        self.number = number
        self.tone = tone

    def event(self, deadline: Deadline) -> Event:
        """The next thing that it tells."""
        event: Event = json.loads(self.line(deadline))
        return event

    def expect(self, name: str, deadline: Deadline) -> Event:
        """The next event of this name; what comes before it is passed over."""
        while (event := self.event(deadline))["event"] != name:
            pass
        return event


def _environment() -> dict[str, str]:
    """The environment without what would configure a service or a client."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HOIIO_")}
