"""The ``hoiio`` command: names its subcommands, and turns what goes wrong into one line.

A subcommand is named by import path and loaded only when it is used, so that ``hoiio call`` never
loads the service. It returns its exit code, or ``None`` for 0.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, NamedTuple

from hoiio.cli.console import UsageError, fail

if TYPE_CHECKING:
    from cyclopts import App, UnknownCommandError


class _Command(NamedTuple):
    name: str
    target: str
    help: str


_VOICE: Final = "hoiio.cli.voice"
_COMMANDS: Final = (
    _Command("call", f"{_VOICE}:call", "Ring two phones, one after the other, and connect them."),
    _Command("conference", f"{_VOICE}:conference", "Ring several phones into one room."),
    _Command("hangup", f"{_VOICE}:hangup", "End a call."),
    _Command("status", f"{_VOICE}:status", "Show how a call is, or how it was."),
    _Command("history", f"{_VOICE}:history", "List calls, newest first."),
    _Command("rate", f"{_VOICE}:rate", "Show what a call would cost."),
    _Command("balance", f"{_VOICE}:balance", "Show the account's credit."),
    _Command("serve", "hoiio.cli.serve:serve", "Run the service."),
    _Command("admin", "hoiio.cli.admin:app", "Manage accounts, applications, credit and tariffs."),
    _Command("phone", "hoiio.cli.phone:phone", "Be a SIP phone on this terminal."),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code; 2 and one line on stderr for wrong use.

    Output that nobody reads any more is no failure; output that cannot be written is, with code 2.
    """
    try:
        code = _run(sys.argv[1:] if argv is None else list(argv))
        print(end="", flush=True)  # noqa: T201 - here, not at the interpreter's exit, it may fail
    except BrokenPipeError:
        _let_go_of_output()
        sys.exit(0)
    except OSError as error:
        if error.filename is not None:  # a file's, so not the output's
            raise
        _let_go_of_output()
        fail(f"cannot write: {error.strerror or error}")
    sys.exit(code)


def _run(words: list[str]) -> int:
    """Run one command for its exit code; wrong use leaves with one line."""
    try:
        import cyclopts  # noqa: PLC0415 - absent without the extra
    except ModuleNotFoundError:
        fail("the command line needs the extra 'cli': pip install 'hoiio[cli]'")
    try:
        code = _build()(_readable(words))
    except cyclopts.UnknownCommandError as error:
        fail(_unknown(error))
    except (cyclopts.CycloptsError, UsageError) as error:
        fail(str(error))
    except ImportError as error:
        _fail_for_extra(error)
        raise
    except KeyboardInterrupt:
        sys.exit(130)
    return code if isinstance(code, int) else 0


def _readable(words: list[str]) -> list[str]:
    """The words typed; bytes in them that are no text come as lone surrogates and are refused.

    The word is not repeated, as it may be a token.
    """
    for place, word in enumerate(words, start=1):
        if any("\ud800" <= char <= "\udfff" for char in word):
            raise UsageError(f"argument {place} is not readable as text")
    return words


def _let_go_of_output() -> None:
    """Point it nowhere, or the interpreter would fail once more when it flushes at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _build() -> App:
    """The command line, no subcommand loaded yet."""
    from cyclopts import App  # noqa: PLC0415 - absent without the extra

    app = App(
        name="hoiio",
        help="Connect phones from the command line.",
        version=_version,
        exit_on_error=False,
        print_error=False,
        result_action="return_value",
    )
    for command in _COMMANDS:
        app.command(command.target, name=command.name, help=command.help)
    return app


def _unknown(error: UnknownCommandError) -> str:
    """Which word is no command, and the nearest that is; loads none of them to find out."""
    word = (error.unused_tokens or [""])[0]
    near = get_close_matches(word, list(error.app or ()), n=1)
    hint = f"did you mean {near[0]!r}?" if near else "see --help"
    return f"no command {word!r}; {hint}"


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - slow to load, seldom asked

    return version("hoiio")


def _fail_for_extra(error: ImportError) -> None:
    """Say which extra to install, when what is missing is someone else's package."""
    cause = error.__cause__ or error
    if isinstance(cause, ModuleNotFoundError) and not (cause.name or "hoiio").startswith("hoiio"):
        fail(f"{cause.name} is not installed; install the extra: pip install 'hoiio[server]'")
