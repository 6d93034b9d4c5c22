"""Each benchmark still runs to its end, in a size that shows nothing but that.

``soak.py`` and ``chaos.py`` have tests of their own. Not here are ``engine_delay.py``, which waits
half a minute for the jitter buffer to settle, and ``engine_rooms.py`` and ``engine_capacity.py``,
which load both cores and measure an engine that other tests drive; the phones of the latter are
used by ``service_cost.py``, which is here.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from support.service import environment

FOLDER = Path(__file__).parents[2] / "benchmarks"
ELSEWHERE = {"soak", "chaos", "engine_delay", "engine_rooms", "engine_capacity"}
PROGRAMS = sorted({path.stem for path in FOLDER.glob("*.py")} - ELSEWHERE)


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_runs_to_its_end(tmp_path, name):
    """It ends with 0 and prints its figures."""
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env=environment() | {"HOIIO_BENCH_QUICK": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout
