"""Showing how a call goes: in place on a terminal, else one block, or one line, for each change."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from hoiio.cli import show, show_answer
from hoiio.cli.asking import check
from hoiio.cli.console import REFUSED, say
from hoiio.response import Response
from hoiio.watching import Until

Manner = AbstractContextManager[Callable[[Response], None]]
"""Gives what shows each change, and tidies up at the end."""


def manner(*, json: bool, quiet: bool) -> Manner:
    """How changes are shown; not at all if a script wants only to wait."""
    if json:
        return nullcontext(lambda answer: show.one_line(answer.json))
    if quiet:
        return nullcontext(show_answer.nothing)
    return _in_place() if show.for_people() else nullcontext(_block)


def follow(changes: Iterator[Response], until: Until, how: Manner) -> Response:
    """Show each change until the call is answered, or has ended; returns the last.

    Raises ``APIError`` if the API refuses.
    """
    last: Response | None = None
    with how as show_change:
        for last in changes:
            if not last.is_success():
                break
            show_change(last)
            if until == "answered" and last.is_answered():
                break
    if last is None:
        raise TypeError("a call that is watched has a status")
    check(last)
    return last


def reached(last: Response, until: Until) -> int:
    """The exit code of having waited: 1, and a line that says so, for a call nobody answered."""
    if until == "ended" or last.is_answered():
        return 0
    say(f"{last.txn_ref} has ended: {show_answer.state_of(last)}")
    return REFUSED


def _block(answer: Response) -> None:
    show_answer.call(answer)


@contextmanager
def _in_place() -> Generator[Callable[[Response], None], None, None]:
    """Redraw the lines of a terminal; the last that was shown stays."""
    from rich.console import Console  # noqa: PLC0415 - slow to load
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(color_system="auto" if show.has_style() else None, highlight=False)
    with Live(
        console=console,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
        vertical_overflow="visible",
    ) as live:

        def redraw(answer: Response) -> None:
            lines = show.record_lines(show_answer.call_pairs(answer))
            live.update(Text.from_ansi("\n".join(lines)), refresh=True)

        yield redraw
