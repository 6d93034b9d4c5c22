"""A crowd of scripted phones in a process of its own, as the program that measures has it.

with Crowd() as crowd:
    crowd.script("+6511111111", answer_after=1, talk=30)
"""

import json
import queue
import subprocess
import sys
import threading
from pathlib import Path

PHONES = Path(__file__).with_name("phones.py")


class Crowd:
    """The phones' process; ``reports`` holds what became of each call, in order of their ends.

    With ``invites`` it also holds when each of them was rung first.
    """

    def __init__(self, *, invites=False):
        self._options = ["--invites"] if invites else []

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, PHONES, *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        self.port = int(self._process.stdout.readline())
        self.reports, self.invites = queue.SimpleQueue(), []
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(10)
        self._reader.join()
        self._process.stdout.close()

    @property
    def uri(self):
        return f"sip:127.0.0.1:{self.port}"

    def script(self, number, **script):
        """Tell a phone what to do with its next calls: see ``Script``."""
        with self._lock:
            print(json.dumps({"number": number, **script}), file=self._process.stdin, flush=True)

    def _read(self):
        for told in map(json.loads, self._process.stdout):
            if "invited" in told:
                self.invites.append(told)
            else:
                self.reports.put(told)
