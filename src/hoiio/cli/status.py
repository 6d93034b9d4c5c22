"""The commands that tell how a call is: now, at each change, or when it has come so far."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from hoiio.cli import following, show, show_answer
from hoiio.cli.asking import PLAIN, Options, asking, check, tell
from hoiio.cli.console import UsageError
from hoiio.cli.words import named
from hoiio.watching import Until


def status(
    ref: str,
    /,
    *,
    watch: Annotated[bool, Parameter(negative="")] = False,
    give_up_after: float | None = None,
    options: Options = PLAIN,
) -> int:
    """Show how a call is, or how it was.

    :param ref: The call's reference, like AA-C-12.
    :param watch: Show each change, until the call has ended.
    :param give_up_after: Seconds to watch at most; the call goes on.
    """
    if not watch:
        if give_up_after is not None:
            raise UsageError("--give-up-after goes with --watch")
        return tell(
            lambda client: client.voice.status(ref), show_answer.call, show_answer.state, options
        )
    with asking(options) as client:
        with named("timeout", "--give-up-after"):
            changes = client.voice.watch(ref, timeout=give_up_after)
        how = following.manner(json=options.json, quiet=options.quiet)
        last = following.follow(changes, "ended", how)
    if options.quiet:
        show_answer.state(last)
    return 0


def wait(
    ref: str,
    /,
    *,
    until: Until = "ended",
    give_up_after: float | None = None,
    options: Options = PLAIN,
) -> int:
    """Wait until a call has ended, or is answered, and show how it is then.

    :param ref: The call's reference, like AA-C-12.
    :param until: What to wait for: its answer, with exit code 1 if there is none, or its end, with
        0 however it went.
    :param give_up_after: Seconds to wait at most; the call goes on.
    """
    with asking(options) as client, named("timeout", "--give-up-after"):
        last = client.voice.wait(ref, until, timeout=give_up_after)
        if options.json:
            show.raw(last.text)
        check(last)
    if not options.json:
        (show_answer.state if options.quiet else show_answer.call)(last)
    return following.reached(last, until)
