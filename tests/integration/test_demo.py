"""``make demo`` and ``make serve``: what they show really happens, and nothing is left of it."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from rich.console import Console

from hoiio import Hoiio
from hoiio.demo import show
from hoiio.demo.processes import Child, Deadline, NotSeen, run
from hoiio.demo.screen import Screen

DEMO = (sys.executable, "-m", "hoiio.demo")


@pytest.fixture
def start(tmp_path):
    """Starts the demo in a process group of its own, its temporary folders under ``tmp_path``."""
    started = []

    def begin(*arguments):
        process = subprocess.Popen(
            [*DEMO, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "200"},
            start_new_session=True,
            # Heard also where the tests themselves run in the background of a shell.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one call
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


def test_the_demo_sees_everything_in_its_order_within_its_time(start, tmp_path):
    began = time.monotonic()
    demo = start()
    shown = demo.communicate(timeout=90)[0]
    assert demo.returncode == 0, shown
    assert time.monotonic() - began < 60
    story = [
        r"0\.036 SGD a minute",
        r"84\.70 SGD of credit last 2352 minutes",
        r"accepted as AA-C-\d+",
        r"\+6511111111 rings and shows \+6522222222",
        r"\+6511111111 answers",
        r"\+6522222222 rings and shows \+6511111111",
        r"\+6522222222 answers",
        r"\+6511111111 plays 440 Hz and hears (59\d|60\d) Hz at -1\d\.\d dBFS",
        r"\+6522222222 plays 600 Hz and hears (43\d|44\d) Hz at -1\d\.\d dBFS",
        r"\+6511111111 ongoing, \+6522222222 ongoing",
        r"\+6511111111: the line is dead",
        r"\+6522222222: the line is dead",
        r"cost +0\.036 SGD",
        r"room R\d+: AA-C-\d+, AA-C-\d+, AA-C-\d+",
        r"\+6533333333 answers",
        r"\+6511111111 plays 440 Hz and hears (59\d|60\d) Hz at \S+ dBFS and (81\d|82\d) Hz",
        r"\+6533333333 plays 820 Hz and hears (43\d|44\d) Hz at \S+ dBFS and (59\d|60\d) Hz",
        r"\+6544444444 answers",
        r"\+6544444444 plays 1100 Hz and hears 4\d\d Hz.* and (59|60)\d Hz.* and 8[12]\d Hz",
        r"\+6544444444: the line is dead",
        r"AA-C-\d+  \+6511111111  1 started minute  0\.018 SGD",
        r"AA-C-\d+  \+6544444444  1 started minute  0\.018 SGD",
        r"AA-C-\d+  \+6544444444 → room R\d+",
        r"AA-C-\d+  \+6511111111 → \+6522222222",
        r"84\.70 - 0\.036 - 0\.072 = 84\.592 SGD",
    ]
    assert re.search(".*".join(story), shown, re.DOTALL), shown
    assert "not seen" not in shown
    _nothing_left(demo, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_playground_rings_its_phones_until_it_is_interrupted(start, tmp_path, number):
    """What it prints to paste really works, and the phones' words appear while it runs."""
    place = start("serve")
    lines = iter(place.stdout.readline, "")
    shown = _until(lines, "Ctrl-C")
    app_id, token, url = re.search(r"Hoiio\.init\('(.+?)', '(.+?)', '(.+?)'\)", shown).groups()
    Hoiio.init(app_id, token, base_url=url)
    assert Hoiio.voice.call("+6511111111", "+6522222222").is_success()
    _until(lines, r"\+6522222222  .*ringing: \+6511111111")
    Hoiio.close()
    place.send_signal(number)
    place.communicate(timeout=30)
    assert place.returncode == 0
    _nothing_left(place, tmp_path)


def test_what_does_not_happen_in_time_is_not_seen(monkeypatch, tmp_path):
    """The demo claims nothing: without the time for it, it fails and clears up all the same."""
    monkeypatch.setattr(show, "PATIENCE", 0.0)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(NotSeen, match="nothing more in time"):
        show.show(Screen(Console(quiet=True)))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_demo_leaves_nothing(start, tmp_path):
    demo = start()
    _until(iter(demo.stdout.readline, ""), "four SIP phones wait")
    demo.send_signal(signal.SIGTERM)
    demo.communicate(timeout=30)
    assert demo.returncode == 130
    _nothing_left(demo, tmp_path)


def test_a_command_that_fails_or_ends_is_not_seen(tmp_path):
    with pytest.raises(NotSeen, match="admin"):
        run("admin", "account", "create", "--data", str(tmp_path / "no" / "where"))
    child = Child("it", ["phone", "nonsense", "--listen", "127.0.0.1:0"], tmp_path / "log")
    with pytest.raises(NotSeen, match=r"it ended: .*no phone number"):
        child.line(Deadline.after(10))
    assert child.stop() == 2


def test_anything_else_is_wrong_use():
    done = subprocess.run([*DEMO, "dance"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: python -m hoiio.demo [serve]\n")


def _until(lines, pattern):
    """What is printed up to the line that matches."""
    shown = ""
    for line in lines:
        shown += line
        if re.search(pattern, line):
            return shown
    raise AssertionError(f"ended without {pattern!r}: {shown}")


def _nothing_left(process, folder):
    """No process of its group still lives, no file of its own is there."""
    deadline = time.monotonic() + 5
    while _lives(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _lives(process.pid)
    assert list(folder.iterdir()) == []


def _lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
