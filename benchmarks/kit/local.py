"""Processes on this machine that are told what to do in lines: the server, and each contender."""

import json
import os
import subprocess
import sys
from pathlib import Path

KIT = Path(__file__).parent
PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name.lower() not in PROXIES}
"""Without proxies, which each library would look up in its own way."""


class Program:
    """A program of the kit that runs until its input is closed."""

    def __init__(self, name, *arguments):
        self._process = subprocess.Popen(
            [sys.executable, KIT / name, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def line(self):
        """The next line that it tells."""
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"{self._process.args[1:]} ended")
        return json.loads(line)

    def tell(self, line):
        print(line, file=self._process.stdin, flush=True)


class Turns:
    """A contender that takes turns of about so many seconds, at least so many requests.

    A turn's figures are microseconds of CPU a request, and requests a second.
    """

    def __init__(self, name, url, way, seconds, least):
        self._program = Program("contender.py", name, url, way)
        self._seconds, self._least = seconds, least
        self._count = least

    def __enter__(self):
        self._program.__enter__()
        return self

    def __exit__(self, *failure):
        self._program.__exit__(*failure)

    def fit(self):
        """Connect, load what the first request loads, and find how many requests make a turn."""
        _, rate = self.turn()
        self._count = max(self._least, round(rate * self._seconds))

    def turn(self):
        self._program.tell(self._count)
        found = self._program.line()
        return found["cpu"] / self._count * 1e6, self._count / found["wall"]
