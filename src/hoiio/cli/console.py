"""What every subcommand shares: how to fail in one line."""

from __future__ import annotations

import sys
from typing import NoReturn


class UsageError(Exception):
    """Wrong use of a command: ``main`` prints the message as one line and leaves with code 2."""


def fail(message: str, code: int = 2) -> NoReturn:
    """Print one line on stderr and leave with ``code``."""
    print(f"hoiio: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201 - the terminal is its job
    sys.exit(code)
