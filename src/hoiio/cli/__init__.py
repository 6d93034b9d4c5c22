"""The ``hoiio`` command: runs a subcommand, and turns what goes wrong into one line.

A subcommand is loaded only when it is used, so that ``hoiio call`` never loads the service. It
returns its exit code, or ``None`` for 0.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

from hoiio.cli.console import (
    INTERRUPTED,
    UsageError,
    escape_what_cannot_be_said,
    fail,
    let_go_of_output,
)
from hoiio.cli.tree import build

if TYPE_CHECKING:
    from cyclopts import UnknownCommandError


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code; 2 and one line on stderr for wrong use.

    Output that nobody reads any more is no failure; output that cannot be written is, with code 2.
    """
    _open_what_is_closed()
    escape_what_cannot_be_said()
    try:
        code = _run(sys.argv[1:] if argv is None else list(argv))
        print(end="", flush=True)  # noqa: T201 - here, not at the interpreter's exit, it may fail
    except KeyboardInterrupt:
        _leave_at_once()
    except BrokenPipeError:
        let_go_of_output()
        sys.exit(0)
    except OSError as error:
        if error.filename is not None:  # a file's, so not the output's
            raise
        let_go_of_output()
        fail(f"cannot write: {error.strerror or error}")
    sys.exit(code)


def _open_what_is_closed() -> None:
    """A standard stream that is closed leads nowhere, so that no connection gets its number.

    Standard output only as if to be read: what is written there fails, as it does with other
    programs, instead of being lost.
    """
    streams = (("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY))
    for number, (name, flags) in enumerate(streams):
        try:
            os.fstat(number)
        except OSError:  # the lowest number that is free is this one
            os.set_inheritable(os.open(os.devnull, flags), True)
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            stream = os.fdopen(number, mode, errors="backslashreplace", closefd=False)
            setattr(sys, name, stream)


def _run(words: list[str]) -> int:
    """Run one command for its exit code; wrong use leaves with one line."""
    try:
        import cyclopts  # noqa: PLC0415 - absent without the extra
    except ModuleNotFoundError:
        fail("the command line needs the extra 'cli': pip install 'hoiio[cli]'")
    try:
        code = build()(_readable(words))
    except cyclopts.UnknownCommandError as error:
        fail(_unknown(error))
    except (cyclopts.CycloptsError, UsageError) as error:
        fail(str(error))
    except ImportError as error:
        _fail_for_extra(error)
        raise
    return code if isinstance(code, int) else 0


def _readable(words: list[str]) -> list[str]:
    """The words typed; bytes in them that are no text come as lone surrogates and are refused.

    The word is not repeated, as it may be a token.
    """
    for place, word in enumerate(words, start=1):
        if any("\ud800" <= char <= "\udfff" for char in word):
            raise UsageError(f"argument {place} is not readable as text")
    return words


def _leave_at_once() -> NoReturn:
    """A request under way in a thread would else keep the terminal until it is answered."""
    if threading.active_count() > 1:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(INTERRUPTED)
    sys.exit(INTERRUPTED)


def _unknown(error: UnknownCommandError) -> str:
    """Which word is no command, and the nearest that is; loads none of them to find out."""
    word = (error.unused_tokens or [""])[0]
    near = get_close_matches(word, list(error.app or ()), n=1)
    hint = f"did you mean {near[0]!r}?" if near else "see --help"
    return f"no command {word!r}; {hint}"


def _fail_for_extra(error: ImportError) -> None:
    """Say which extra to install, when what is missing is someone else's package."""
    cause = error.__cause__ or error
    if isinstance(cause, ModuleNotFoundError) and not (cause.name or "hoiio").startswith("hoiio"):
        fail(f"{cause.name} is not installed; install the extra: pip install 'hoiio[server]'")
