"""``hoiio history``: a page of calls, or all of a period, for people, programs and spreadsheets."""

from __future__ import annotations

import csv
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hoiio.cli import show, show_answer
from hoiio.cli.asking import PLAIN, Options, asking, check
from hoiio.cli.console import UsageError, say
from hoiio.cli.period import moment
from hoiio.cli.progress import with_bar
from hoiio.cli.words import named
from hoiio.response import Response
from hoiio.table import COLUMNS, Table, cells, open_already

Flag = Annotated[bool, Parameter(negative="")]


def history(
    *,
    since: str | None = None,
    until: str | None = None,
    page: int | None = None,
    upto: str | None = None,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    csv: Flag = False,
    output: Path | None = None,
    options: Options = PLAIN,
) -> int:
    """List calls, newest first: the newest hundred, or all of a period.

    :param since: From then on: 30m, 24h, 7d or 2w ago, or a date in GMT+8 like 2026-11-24 or
        "2026-11-24 10:00:00".
    :param until: Before then, written in the same way.
    :param page: Which hundred only, from 1.
    :param upto: No newer calls than this one, by its reference: pages do not shift.
    :param every: All pages, not only the newest hundred calls; so it is with --since, --until,
        --csv and --output, unless --page is given.
    :param csv: Print CSV, its columns named in the first line.
    :param output: Write CSV into this file, which is there when it is complete; or into a pipe.
    """
    _check(csv=csv, output=output, page=page, every=every, options=options)
    now = datetime.now(UTC)
    from_ = None if since is None else moment("--since", since, now)
    to = None if until is None else moment("--until", until, now)
    if from_ is not None and to is not None and to < from_:
        raise UsageError(f"--until {until} is before --since {since}")
    walked = page is None and (every or csv or output is not None or since or until)
    with asking(options) as client:
        with named("txn_ref", "--upto"):
            first = client.voice.history(from_, to, page, upto)
        if options.json and not (walked and first.is_success()):
            show.raw(first.text)
        check(first)
        if options.json and not walked:
            return 0
        entries = first.all() if walked else iter(first.entries or [])
        if not _shares_terminal(csv=csv, output=output, options=options):
            entries = with_bar(entries, first.total_entries_count if walked else None)
        if output is not None:
            _write(entries, output, options)
        else:
            _printer(csv=csv, options=options)(entries)
        if page is None and not walked and not options.quiet:
            _tell_of_more(first)
    return 0


def _tell_of_more(page: Response) -> None:
    shown, total = len(page.entries or []), page.total_entries_count
    if total is not None and total > shown:
        say(f"{shown:,} of {total:,} calls; --all shows the rest")


def _check(
    *, csv: bool, output: Path | None, page: int | None, every: bool, options: Options
) -> None:
    """Raises ``UsageError`` for options that exclude each other."""
    if page is not None and every:
        raise UsageError("--page and --all exclude each other")
    if options.json and (csv or output is not None):
        raise UsageError("--json and --csv, or --output, exclude each other")
    if options.quiet and csv and output is None:
        raise UsageError("--quiet and --csv exclude each other")
    if output is not None and stat.S_ISDIR(_mode(output)):
        raise UsageError(f"--output: {output} is a folder; name a file in it")


def _shares_terminal(*, csv: bool, output: Path | None, options: Options) -> bool:
    """Whether lines are printed on a terminal while the pages come, where a bar would be."""
    streamed = csv or options.json or options.quiet
    if output is not None:
        streamed = stat.S_ISCHR(_mode(output))
    return streamed and show.for_people()


def _mode(path: Path) -> int:
    """What kind of file this is; 0 for none, or one that cannot be looked at, nor written then."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _printer(*, csv: bool, options: Options) -> Callable[[Iterator[Response]], None]:
    if csv:
        return _print_csv
    if options.json:
        return _print_json
    return _print_refs if options.quiet else show_answer.calls


def _print_csv(entries: Iterable[Response]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(COLUMNS)
    plain = show.printable if show.for_people() else str
    for entry in entries:
        writer.writerow([plain(cell) for cell in cells(entry)])


def _print_json(entries: Iterable[Response]) -> None:
    for entry in entries:
        show.one_line(entry.json)


def _print_refs(entries: Iterable[Response]) -> None:
    for entry in entries:
        show_answer.ref(entry)


def _write(entries: Iterable[Response], path: Path, options: Options) -> None:
    """Into a file that is whole or not there, or a pipe, which gets the rows and no more.

    Raises ``UsageError`` where it cannot be written.
    """
    try:
        with Table(path) as table:
            for entry in entries:
                table.add(entry)
    except OSError as error:
        if isinstance(error, BrokenPipeError) and open_already(path) == 1:
            raise  # as with --csv, the shell knows how the reader ended
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    if table.is_file and not options.quiet:
        show.word(f"{table.rows} calls in {path}")
