"""The soak in its short form: the same program, for less than half a minute."""

import subprocess
import sys
from pathlib import Path

from support.service import environment

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "soak.py"


def test_a_short_soak_ends_well():
    """Calls and conferences come and go as scripted, and the books, files and threads are right."""
    done = subprocess.run(
        [sys.executable, PROGRAM, "--minutes", "0.4", "--seed", "1"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all is well" in done.stdout
