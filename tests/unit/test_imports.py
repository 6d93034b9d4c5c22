"""What starts often loads little: the engine's child, and a command of the administrator's."""

import subprocess
import sys
from pkgutil import iter_modules

import pytest

from hoiio import cli

CHILD = "hoiio.server.engines.embedded.child"
ADMIN = [
    f"hoiio.cli.{each.name}" for each in iter_modules(cli.__path__) if each.name.startswith("admin")
]


@pytest.mark.parametrize(
    ("modules", "without"),
    [
        ([CHILD], {"structlog", "rich", "cyclopts", "starlette"}),
        (ADMIN, {"structlog", "numpy", "starlette", "uvicorn", "httpx2"}),
    ],
    ids=["child", "admin"],
)
def test_it_loads_nothing_that_it_does_not_use(modules, without):
    """Each process pays for what it loads, in time and in memory."""
    program = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert modules
    assert set(modules) <= set(loaded)
    assert without.isdisjoint(loaded)
