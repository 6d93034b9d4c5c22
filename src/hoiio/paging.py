"""Walking through a history: every page once, each asked for while the one before is read. No I/O.

New calls come in at the top and would shift the pages, so the list is pinned at its first entry: by
``upto`` where the service knows it, else by ``to`` (api rule 9).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Generic, NamedTuple, TypeVar

from hoiio import wire
from hoiio.answer import Answer
from hoiio.errors import HoiioException, InvalidResponse
from hoiio.exchange import Exchange, Sleep, pause_asked
from hoiio.request import Query

R = TypeVar("R", bound=Answer)


class Begin(NamedTuple, Generic[R]):
    """Make a request, beside all else if the driver can."""

    exchange: Exchange[R]


class Finish(NamedTuple):
    """Wait for what was begun. The outcome is its answer, or the ``HoiioException`` it raised."""


class Entries(NamedTuple, Generic[R]):
    """Hand a page's entries to whoever walks."""

    entries: list[R]


Paging = Generator[Begin[R] | Finish | Entries[R] | Sleep, R | HoiioException | None, None]


def pages(
    first: R, query: Query, ask: Callable[[Query], Exchange[R]], *, knows_upto: bool
) -> Paging[R]:
    """The entries from a page on to the end of the history, a page at a time.

    ``first`` is the answer to ``query``. A page that is refused for its rate is asked for again
    when the service says; any other refusal is raised as ``APIError``, an empty page before the end
    as ``InvalidResponse``.
    """
    if first.status == wire.Status.RATE_LIMIT_EXCEEDED:
        yield Sleep(pause_asked(first))
        yield Begin(ask(query))
        first = yield from _finished(ask, query)
    first.raise_for_error()
    entries = first.entries or []
    total = first.total_entries_count
    # Of the whole list, the entries up to here; the pinned list begins with this page.
    left = None if total is None else total - ((query.page or 1) - 1) * wire.PAGE_SIZE
    pinned = _pinned(query, entries, knows_upto=knows_upto)
    page, fetched = 1, entries
    _check_there_are(fetched, page, left)
    while fetched:
        more = left is None or page * wire.PAGE_SIZE < left
        page += 1
        following = pinned._replace(page=page)
        if more:
            yield Begin(ask(following))
        yield Entries(entries)
        if not more:
            return
        answer = yield from _finished(ask, following)
        known = {entry.txn_ref for entry in fetched}
        fetched = answer.entries or []
        # Pinned by a date alone, the list may still grow within that second.
        left = answer.total_entries_count
        _check_there_are(fetched, page, left)
        entries = [
            entry for entry in fetched if entry.txn_ref is None or entry.txn_ref not in known
        ]
        if left is None and not entries:
            return  # a service that neither counts nor turns pages


def _check_there_are(entries: list[R], page: int, left: int | None) -> None:
    """A list that ends before its count is not taken for all of it."""
    if not entries and left is not None and (page - 1) * wire.PAGE_SIZE < left:
        raise InvalidResponse(f"page {page} of {left} entries is empty", "")


def _pinned(query: Query, entries: list[R], *, knows_upto: bool) -> Query:
    newest = entries[0] if entries else None
    if newest is None:
        return query
    if knows_upto and newest.txn_ref is not None:
        return query._replace(upto=newest.txn_ref)
    if newest.date is not None:
        return query._replace(to=(newest.date + timedelta(seconds=1)).isoformat(sep=" "))
    return query


def _finished(
    ask: Callable[[Query], Exchange[R]], query: Query
) -> Generator[Begin[R] | Finish | Entries[R] | Sleep, R | HoiioException | None, R]:
    """The page that was begun, after as many waits as the service asks for."""
    while True:
        answer = yield Finish()
        if isinstance(answer, HoiioException):
            raise answer
        if answer is None:
            raise TypeError("a Finish has an outcome")
        if answer.status != wire.Status.RATE_LIMIT_EXCEEDED:
            answer.raise_for_error()
            return answer
        yield Sleep(pause_asked(answer))
        yield Begin(ask(query))
