"""What every subcommand shares: how to fail in one line, and with which code."""

from __future__ import annotations

import codecs
import os
import sys
from typing import Final, NoReturn

REFUSED: Final = 1
"""The API refused, or what was waited for did not come."""
WRONG_USE: Final = 2
"""Also not configured, and output that cannot be written."""
UNREACHABLE: Final = 3
"""The service, or what answered is none."""
UNTOLD: Final = 4
"""A call was placed, and what came of it cannot be written: its reference is on stderr."""
INTERRUPTED: Final = 130

_ESCAPING: Final = "hoiio-escaping"


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


def escape_what_cannot_be_said() -> None:
    """Standard output gets as an escape of JSON's what its encoding has not, so that JSON stays it.

    Half a character, which JSON can escape, is one that no encoding has.
    """
    codecs.register_error(_ESCAPING, _escaped)
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # what a test puts there may have none
    if reconfigure is not None:
        reconfigure(errors=_ESCAPING)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{unit}" for unit in units.hex(" ", 2).split()), error.end
