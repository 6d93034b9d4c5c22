"""Walking through a history: every page once, each asked for while the one before is read. No I/O.

New calls come in at the top and would shift the pages, so the list is pinned at its first entry: by
``upto`` where the service knows it, else by ``to`` (api rule 9).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from typing import Final, Generic, NamedTuple, TypeVar

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
    when the service says; any other refusal is raised as ``APIError``. A list that ends before its
    count is an ``InvalidResponse``: a bill made of it would be too small. What was handed out is
    counted, not pages, as a service may have pages of another size.
    """
    if first.status == wire.Status.RATE_LIMIT_EXCEEDED:
        yield Sleep(pause_asked(first))
        yield Begin(ask(query))
        first = yield from _finished(ask, query)
    first.raise_for_error()
    entries = first.entries or []
    count = _count_from(query, first)
    pinned = _pinned(query, entries, knows_upto=knows_upto)
    page, fetched, seen = 1, entries, len(entries)
    _check_there_are(fetched, page, seen, count)
    while fetched:
        more = count is None or seen < count
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
        entries = [
            entry for entry in fetched if entry.txn_ref is None or entry.txn_ref not in known
        ]
        counted, now = count, answer.total_entries_count
        # Pinned by a date alone, the list may still grow within that second.
        grown = counted is not None and now is not None and now > counted
        count = counted if now is None else now
        _check_there_are(fetched if grown else entries, page, seen, count)
        seen += len(fetched)
        if count is None and not entries:
            return  # a service that neither counts nor turns pages


def _count_from(query: Query, first: Answer) -> int | None:
    """How many the list has from this page on, with which the pinned list begins, if it is known.

    It is not where this page has more than that, as pages of another size than ours have.
    """
    total, page = first.total_entries_count, query.page or 1
    if total is None:
        return None
    count = total - (page - 1) * wire.PAGE_SIZE
    return None if page > 1 and len(first.entries or []) > count else count


def _check_there_are(news: list[R], page: int, seen: int, count: int | None) -> None:
    """A list that ends before its count is not taken for all of it."""
    if not news and count is not None and seen < count:
        raise InvalidResponse(f"page {page} has nothing new after {seen} of {count} entries", "")


def _pinned(query: Query, entries: list[R], *, knows_upto: bool) -> Query:
    newest = entries[0] if entries else None
    if newest is None:
        return query
    if knows_upto and newest.txn_ref is not None:
        return query._replace(upto=newest.txn_ref)
    # Nothing is newer than the last of all seconds.
    if newest.date is not None and newest.date < _LAST:
        return query._replace(to=(newest.date + timedelta(seconds=1)).isoformat(sep=" "))
    return query


_LAST: Final = datetime.max.replace(microsecond=0)


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
