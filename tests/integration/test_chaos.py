"""Crashes in their short form: the same program, for a few blows."""

import subprocess
import sys
from pathlib import Path

from support.service import environment

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "chaos.py"


def test_nothing_is_lost_or_doubled_while_processes_are_killed():
    """Records, settlements, balances, phones and notifications are right after every blow."""
    done = subprocess.run(
        [sys.executable, PROGRAM, "--blows", "6", "--seed", "1"],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all is well" in done.stdout
