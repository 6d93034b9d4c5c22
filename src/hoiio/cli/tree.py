"""The commands by name. Each is named by import path and loaded only when it is used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from cyclopts import App


class _Command(NamedTuple):
    name: str
    target: str
    help: str


_CALLS: Final = "hoiio.cli.calls"
_STATUS: Final = "hoiio.cli.status"
_ACCOUNT: Final = "hoiio.cli.account"
_CLIENT: Final = (
    _Command("call", f"{_CALLS}:call", "Ring two phones, one after the other, and connect them."),
    _Command("conference", f"{_CALLS}:conference", "Ring several phones into one room."),
    _Command("moderate", f"{_CALLS}:moderate", "Mute, unmute or kick one who is in a conference."),
    _Command("hangup", f"{_CALLS}:hangup", "End a call."),
    _Command("status", f"{_STATUS}:status", "Show how a call is, or how it was."),
    _Command("wait", f"{_STATUS}:wait", "Wait until a call has ended, or is answered."),
    _Command("history", "hoiio.cli.history:history", "List calls, newest first."),
    _Command("rate", f"{_ACCOUNT}:rate", "Show what a call would cost."),
    _Command("balance", f"{_ACCOUNT}:balance", "Show the account's credit."),
    _Command("info", f"{_ACCOUNT}:info", "Show who the account is."),
    _Command("profile", "hoiio.cli.profile:app", "Keep credentials."),
    _Command("completion", "hoiio.cli.completion:completion", "Make a shell complete commands."),
)
_SERVICE: Final = (
    _Command("serve", "hoiio.cli.serve:serve", "Run the service."),
    _Command("admin", "hoiio.cli.admin:app", "Manage accounts, applications, credit and tariffs."),
    _Command("phone", "hoiio.cli.phone:phone", "Be a SIP phone on this terminal."),
)


def build(*, service: bool = True) -> App:
    """The command line, no subcommand loaded yet.

    Without ``service`` its half has names only, so that all can be looked at without loading it.
    """
    from cyclopts import App  # noqa: PLC0415 - absent without the extra

    app = App(
        name="hoiio",
        help="Connect phones from the command line.",
        version=_version,
        exit_on_error=False,
        print_error=False,
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # main leaves at once, whatever threads still do
    )
    if os.environ.get("NO_COLOR"):
        from rich.console import Console  # noqa: PLC0415 - slow to load

        app.console = Console(color_system=None)
    for command in _CLIENT + _SERVICE:
        if service or command in _CLIENT:
            app.command(command.target, name=command.name, help=command.help)
        else:
            app.command(App(name=command.name, help=command.help))
    return app


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - slow to load, seldom asked

    return version("hoiio")
