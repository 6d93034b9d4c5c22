"""Runs ``hoiio`` as a program: with its output read by a program, or shown on a terminal."""

import codecs
import os
import pty
import re
import select
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field

from hoiio.cli import main

# A test that is itself run in the background would hand down an interrupt that is ignored.
PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from hoiio.cli import main; main()"
)
RUN = ("-c", PROGRAM)
PATIENCE = 60
"""Seconds after which a program counts as one that hangs."""


def environment(**more):
    """Without anything that configures the command, and without the user's own profiles."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HOIIO_")
        and not name.lower().endswith("_proxy")
        and name != "NO_COLOR"
    }
    return {**kept, "HOIIO_PROFILES": "/nonexistent/profiles.toml", **more}


def configured(url):
    return {"HOIIO_APP_ID": "id", "HOIIO_ACCESS_TOKEN": "s3cret", "HOIIO_BASE_URL": url}


def hoiio(*args, url=None, out=subprocess.PIPE, typed=None, **more):
    """Run the command; with a URL, configured for it."""
    if url:
        more = configured(url) | more
    return subprocess.run(
        [sys.executable, *RUN, *args],
        stdout=out,
        stderr=subprocess.PIPE,
        input=typed,
        text=True,
        check=False,
        timeout=PATIENCE,
        env=environment(**more),
    )


@dataclass
class Terminal:
    """A program on a terminal, and what that has got from it so far."""

    program: subprocess.Popen
    ours: int
    got: str = ""
    decoder: codecs.IncrementalDecoder = field(
        default_factory=codecs.getincrementaldecoder("utf-8")
    )

    def read_until(self, words):
        """Until the terminal got these words since the last time."""
        start = len(self.got)
        while words not in self.got[start:]:
            assert self._read(), f"ended without {words!r}"

    def type(self, text):
        os.write(self.ours, text.encode())

    def interrupt(self):
        self.program.send_signal(signal.SIGINT)

    def read_all(self):
        """All that it got until the program ended; returns the exit code."""
        while self._read():
            pass
        return self.program.wait(PATIENCE)

    def _read(self):
        """A piece more; False at the end."""
        assert select.select([self.ours], [], [], PATIENCE)[0], f"stands still after {self.got!r}"
        try:
            piece = os.read(self.ours, 65536)
        except OSError:  # Linux says so when nobody holds the other end
            return False
        self.got += self.decoder.decode(piece)
        return bool(piece)


STREAMS = ("stdin", "stdout", "stderr")


@contextmanager
def on_terminal(*args, streams=STREAMS, url=None, columns=80, **more):
    """Run the command with these of its streams on a terminal; the others go nowhere or to a pipe.

    ``program.stdout`` and ``program.stderr`` are pipes where they are not on the terminal.
    """
    more = (configured(url) if url else {}) | {"COLUMNS": str(columns), "TERM": "xterm"} | more
    ours, theirs = pty.openpty()
    others = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    program = subprocess.Popen(
        [sys.executable, *RUN, *args],
        env=environment(**more),
        start_new_session=True,
        **{name: theirs if name in streams else others[name] for name in STREAMS},
    )
    os.close(theirs)
    try:
        yield Terminal(program, ours)
    finally:
        program.kill()
        program.wait()
        for pipe in (program.stdout, program.stderr):
            if pipe is not None:
                pipe.close()
        os.close(ours)


def plain(text):
    """What a terminal was sent, without colours and other orders, by lines."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r\n", "\n").replace("\r", "\n")


def here(capsys, *args):
    """Run the command within the test; returns what it printed, what it complained of, its code."""
    try:
        main([str(arg) for arg in args])
    except SystemExit as left:
        return (*capsys.readouterr(), left.code)
    raise AssertionError("it went on after its end")


def configure(monkeypatch, url, **more):
    """As ``configured``, for what runs within the test."""
    for name in [name for name in os.environ if name.startswith("HOIIO_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("NO_COLOR", raising=False)
    settings = {"HOIIO_PROFILES": "/nonexistent/profiles.toml", **configured(url), **more}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
