"""What every subcommand shares: how to fail in one line, and with which code."""

from __future__ import annotations

import os
import sys
from typing import Final, NoReturn

REFUSED: Final = 1
"""The API refused, or what was waited for did not come."""
WRONG_USE: Final = 2
"""Also not configured, and output that cannot be written."""
UNREACHABLE: Final = 3
"""The service, or what answered is none."""
INTERRUPTED: Final = 130


class UsageError(Exception):
    """Wrong use of a command: ``main`` prints the message as one line and leaves with code 2."""


def say(message: str) -> None:
    """Print one line on stderr."""
    print(f"hoiio: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201 - the terminal is its job


def fail(message: str, code: int = WRONG_USE) -> NoReturn:
    """Print one line on stderr and leave with ``code``."""
    say(message)
    sys.exit(code)


def let_go_of_output() -> None:
    """Point it nowhere, or the interpreter would fail once more when it flushes at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
