"""What all commands that use the API share: options, a client, and its errors in one line.

Each command returns its exit code: 0 for success, 1 if the API refused. Not configured is 2, not
reachable 3.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Final

from cyclopts import Parameter

from hoiio.cli import show
from hoiio.cli.console import (
    REFUSED,
    UNREACHABLE,
    UNTOLD,
    WRONG_USE,
    UsageError,
    fail,
    let_go_of_output,
)
from hoiio.cli.setting import setting
from hoiio.cli.words import in_words
from hoiio.client import Client
from hoiio.defaults import CONNECT_TIMEOUT, TOTAL_TIMEOUT
from hoiio.errors import (
    APIError,
    ConnectionFailed,
    HoiioException,
    InvalidResponse,
    WaitTimedOut,
    api_error,
)
from hoiio.response import Response

Shown = Callable[[Response], None]
"""Prints an answer."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What each command takes besides its own."""

    json: Annotated[bool, Parameter(negative="", help="Print the answer as it came.")] = False
    quiet: Annotated[
        bool, Parameter(name=("--quiet", "-q"), negative="", help="Print only what a script needs.")
    ] = False
    profile: Annotated[str | None, Parameter(help="Whose credentials, of those kept.")] = None
    timeout: Annotated[float | None, Parameter(help="Seconds for each request; 30.")] = None
    connect_timeout: Annotated[float | None, Parameter(help="Seconds to reach the service; 5.")] = (
        None
    )


PLAIN: Final = Options()
NO_OTHERS: Final[Mapping[str, str]] = {}


@contextmanager
def asking(options: Options) -> Generator[Client, None, None]:
    """A client for a command; what goes wrong with it becomes one line and an exit code."""
    if options.json and options.quiet:
        raise UsageError("--json and --quiet exclude each other")
    who = setting(options.profile, os.environ)
    try:
        with Client(
            who.app_id,
            who.access_token,
            base_url=who.base_url,
            prefix=who.prefix,
            timeout=TOTAL_TIMEOUT if options.timeout is None else options.timeout,
            connect_timeout=(
                CONNECT_TIMEOUT if options.connect_timeout is None else options.connect_timeout
            ),
        ) as client:
            yield client
    except HoiioException as error:
        fail(show.printable(in_words(error, who.profile)), _code(error))


def _code(error: HoiioException) -> int:
    match error:
        case ConnectionFailed() | InvalidResponse():
            return UNREACHABLE
        case APIError() | WaitTimedOut():
            return REFUSED
        case _:
            return WRONG_USE


def tell(
    ask: Callable[[Client], Response],
    readable: Shown,
    quiet: Shown,
    options: Options,
    refusals: Mapping[str, str] = NO_OTHERS,
) -> int:
    """Make one request and print its answer as the options say.

    ``refusals`` says what a status means here, where that is not what it means elsewhere.
    """
    with asking(options) as client:
        answer = ask(client)
        if options.json:
            with telling(answer):
                show.raw(answer.text)
        if answer.status in refusals:
            fail(show.printable(f"{answer.status}: {refusals[answer.status]}"), REFUSED)
        check(answer)
    if not options.json:
        with telling(answer):
            (quiet if options.quiet else readable)(answer)
    return 0


@contextmanager
def telling(answer: Response) -> Generator[None, None, None]:
    """Within it is printed what came of a request.

    Where that fails, calls that it placed are told on stderr, as to ask again would dial again.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if answer.idempotency_key is None or not answer.is_success():
            raise
        let_go_of_output()
        refs = ", ".join(answer.txn_refs or [answer.txn_ref or "of no reference"])
        reason = f"cannot write: {error.strerror or error}"
        fail(show.printable(f"{reason}; the call is placed all the same: {refs}"), UNTOLD)


def check(answer: Response) -> None:
    """Go on only if the API did not refuse; ``asking`` leaves with code 1 and one line then."""
    if not answer.is_success():
        raise api_error(answer)
