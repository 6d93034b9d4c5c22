"""``hoiio profile``: keep credentials in a file that only its owner can read."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from getpass import getpass
from typing import Annotated, Final

from cyclopts import App, Parameter

from hoiio import wire
from hoiio.cli import profiles, show
from hoiio.cli.console import UsageError, say
from hoiio.cli.profiles import Profile
from hoiio.request import without_password

_TOKEN_MAX: Final = 4094
"""Bytes. A terminal leaves out without a word what comes after 4,095 of a line."""

app = App(name="profile", help="Keep credentials, for --profile and HOIIO_PROFILE.")


@app.command(name="set")
def keep(
    name: str = profiles.DEFAULT,
    /,
    *,
    app_id: str | None = None,
    base_url: str | None = None,
    prefix: str | None = None,
) -> None:
    """Keep credentials under a name; the access token is asked for, or read from standard input.

    What is not given stays as it was; so does the access token, if only --prefix is given.

    :param name: The profile; the one named default is used when no other is chosen.
    :param app_id: The application; asked for on a terminal.
    :param base_url: Where its service is.
    :param prefix: A country prefix for numbers without a plus, like 65.
    """
    profiles.check_name(name)
    path = profiles.location(os.environ)
    known = profiles.read(path).get(name, Profile())
    given = {"app_id": app_id, "base_url": base_url, "prefix": prefix}
    changes = {key: value for key, value in given.items() if value is not None}
    profile = profiles.checked(replace(known, **changes))
    if profile.app_id is None:
        changes["app_id"] = _asked("app ID: ")
        profiles.checked(replace(known, **changes))
    # Another application or service has another token.
    if known.access_token is None or changes.keys() != {"prefix"}:
        changes["access_token"] = _secret()
    # What is there now, which may be more than before it asked.
    profiles.put(path, name, lambda now: profiles.checked(replace(now, **changes)))
    say(f"kept {name} in {path}")


@app.command(name="list")
def listed(*, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Show the profiles, without their access tokens or a password in a URL.

    :param json: Print one object a line.
    """
    path = profiles.location(os.environ)
    known = profiles.read(path)
    rows = [
        {
            "name": name,
            "app_id": profile.app_id or "",
            "base_url": without_password(profile.base_url or wire.BASE_URL),
            "prefix": profile.prefix or "",
        }
        for name, profile in sorted(known.items())
    ]
    if json:
        for row in rows:
            show.one_line(row)
    elif rows:
        print_rows = show.aligned if show.for_people() else show.tabbed
        head = ("NAME", "APP ID", "BASE URL", "PREFIX")
        print_rows(head, [tuple(row.values()) for row in rows])
    if not rows:
        say(f"no profiles in {path}; add one with: hoiio profile set {profiles.DEFAULT}")


def _asked(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError("--app-id is needed where there is no terminal to ask on")
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _secret() -> str:
    """The access token; never an argument, which others see in the list of processes."""
    if sys.stdin.isatty():
        try:
            token = getpass("access token: ")
        except EOFError:
            token = ""
            sys.stderr.write("\n")  # after the prompt
    else:
        token = sys.stdin.buffer.readline(2 * _TOKEN_MAX).decode(errors="replace")
    if len(token.rstrip("\r\n").encode(errors="replace")) > _TOKEN_MAX:
        raise UsageError(f"an access token is at most {_TOKEN_MAX:,} bytes long")
    token = token.strip()
    if not token or not token.isprintable() or "�" in token:
        raise UsageError("no access token came: type it, or send it to standard input")
    return token
