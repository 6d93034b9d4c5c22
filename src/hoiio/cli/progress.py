"""How far a long history has been read, on the terminal beside what is printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from hoiio.response import Response
from hoiio.wire import PAGE_SIZE


def with_bar(entries: Iterator[Response], total: int | None) -> Iterator[Response]:
    """The same entries, counted on stderr if that is a terminal and there are many pages."""
    if not sys.stderr.isatty() or total is None or total <= PAGE_SIZE:
        yield from entries
        return
    from rich.console import Console  # noqa: PLC0415 - slow to load
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, color_system=None if os.environ.get("NO_COLOR") else "auto")
    columns = (TextColumn("calls"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns,
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        task = progress.add_task("calls", total=total)
        for entry in entries:
            yield entry
            progress.advance(task)
