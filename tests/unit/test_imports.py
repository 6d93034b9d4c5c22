"""What starts often loads little: the engine's child, and a command of the administrator's."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("hoiio.server.engines.embedded.child", {"structlog", "rich", "cyclopts", "starlette"}),
        ("hoiio.cli.admin_shared", {"structlog", "numpy", "starlette", "uvicorn", "httpx2"}),
    ],
)
def test_it_loads_nothing_that_it_does_not_use(module, without):
    """Each process pays for what it loads, in time and in memory."""
    program = f"import sys, {module}; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert module in loaded
    assert without.isdisjoint(loaded)
