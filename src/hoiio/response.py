"""What a client answers with: an answer that can ask on, for its pages or for how its call goes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from hoiio import parameters
from hoiio.answer import Answer
from hoiio.errors import InvalidArgument

if TYPE_CHECKING:
    from os import PathLike

    from hoiio.client import AsyncClient, Client
    from hoiio.request import Query, Site
    from hoiio.watching import Until


Asker = TypeVar("Asker")


class Origin(Generic[Asker]):
    """How an answer was asked for, to ask on in the same way."""

    __slots__ = ("client", "query", "site")

    def __init__(self, client: Asker, site: Site, query: Query | None = None) -> None:
        self.client = client
        self.site = site
        self.query = query

    def asked(self, method: str) -> Query:
        """The page that was asked for; ``method`` is what a caller wants of it."""
        if self.query is None:
            raise InvalidArgument(
                method, f"this answer is no page of history; use voice.history().{method}(…)"
            )
        return self.query


class Response(Answer):
    """One answer of a :class:`hoiio.Client`, or one entry of a history page.

    An error of the API is an answer like any other: ``is_success()`` is False then and ``status``
    holds it.
    """

    _origin: Origin[Client]

    def wait(self, until: Until = "ended", *, timeout: float | None = None) -> Response:
        """Wait until this call is ``'answered'`` or has ``'ended'``; see :meth:`Voice.wait`.

        A refusal is no call: it answers itself.
        """
        ref = _ref(self)
        if ref is None:
            return self
        until, seconds = parameters.until(until), parameters.time_out(timeout)
        return self._origin.client.wait(ref, until, seconds, self._origin.site)

    def watch(self, *, timeout: float | None = None) -> Generator[Response]:
        """Iterate over how this call is, until it has ended; see :meth:`Voice.watch`.

        A refusal is no call: it is all that there is.
        """
        ref = _ref(self)
        if ref is None:
            return _only(self)
        seconds = parameters.time_out(timeout)
        return self._origin.client.watch(ref, seconds, self._origin.site)

    def all(self) -> Generator[Response]:
        """Every entry from this page of history on, the next page always under way.

        Calls placed meanwhile shift nothing. Raises ``APIError`` if a page is refused for another
        reason than its rate, which is waited for.
        """
        return self._entries("all")

    def to_csv(self, path: str | PathLike[str]) -> int:
        """Write every entry from this page of history on into a CSV file; returns how many.

        The file is there when all of it is: a failure leaves what was there before. A link stays
        one; what is no file, such as a pipe or ``/dev/stdout``, gets the rows as they come.
        """
        from hoiio.table import Table  # noqa: PLC0415 - loaded at use

        entries = self._entries("to_csv")
        with Table(path) as table:
            for entry in entries:
                table.add(entry)
        return table.rows

    def _entries(self, method: str) -> Generator[Response]:
        origin = self._origin
        return origin.client.entries(self, origin.asked(method), origin.site)

    if not TYPE_CHECKING:

        def __iter__(self) -> NoReturn:
            raise _not_iterable(self)


class AsyncResponse(Answer):
    """One answer of a :class:`hoiio.AsyncClient`, or one entry of a history page.

    An error of the API is an answer like any other: ``is_success()`` is False then and ``status``
    holds it.
    """

    _origin: Origin[AsyncClient]

    async def wait(self, until: Until = "ended", *, timeout: float | None = None) -> AsyncResponse:
        """Wait until this call is ``'answered'`` or has ``'ended'``; see :meth:`Voice.wait`.

        A refusal is no call: it answers itself.
        """
        ref = _ref(self)
        if ref is None:
            return self
        until, seconds = parameters.until(until), parameters.time_out(timeout)
        return await self._origin.client.wait(ref, until, seconds, self._origin.site)

    def watch(self, *, timeout: float | None = None) -> AsyncGenerator[AsyncResponse]:
        """Iterate over how this call is, until it has ended; see :meth:`Voice.watch`.

        A refusal is no call: it is all that there is.
        """
        ref = _ref(self)
        if ref is None:
            return _only_async(self)
        seconds = parameters.time_out(timeout)
        return self._origin.client.watch(ref, seconds, self._origin.site)

    def all(self) -> AsyncGenerator[AsyncResponse]:
        """Every entry from this page of history on, the next page always under way.

        Calls placed meanwhile shift nothing. Raises ``APIError`` if a page is refused for another
        reason than its rate, which is waited for.
        """
        return self._entries("all")

    async def to_csv(self, path: str | PathLike[str]) -> int:
        """Write every entry from this page of history on into a CSV file; returns how many.

        The file is there when all of it is: a failure leaves what was there before. A link stays
        one; what is no file, such as a pipe or ``/dev/stdout``, gets the rows as they come.
        """
        from hoiio.table import Table  # noqa: PLC0415 - loaded at use

        entries = self._entries("to_csv")
        with Table(path) as table:
            async for entry in entries:
                table.add(entry)
        return table.rows

    def _entries(self, method: str) -> AsyncGenerator[AsyncResponse]:
        origin = self._origin
        return origin.client.entries(self, origin.asked(method), origin.site)

    if not TYPE_CHECKING:

        def __iter__(self) -> NoReturn:
            raise _not_iterable(self)

        def __aiter__(self) -> NoReturn:
            raise _not_iterable(self)


class AsyncHistory:
    """A page of history that is asked for when it is awaited, or walked from with ``all()``.

    ``async for`` over it is ``async for`` over its ``all()``.
    """

    def __init__(self, client: AsyncClient, query: Query, options: dict[str, Any]) -> None:
        self._client = client
        self._query = query
        self._options = options

    def __await__(self) -> Generator[Any, Any, AsyncResponse]:
        return self._client.page(self._query, **self._options).__await__()

    async def all(self) -> AsyncGenerator[AsyncResponse]:
        """Every entry from this page on; see :meth:`AsyncResponse.all`."""
        first = await self._client.page(self._query, walking=True, **self._options)
        async with aclosing(first.all()) as entries:
            async for entry in entries:
                yield entry

    def __aiter__(self) -> AsyncGenerator[AsyncResponse]:
        return self.all()

    async def to_csv(self, path: str | PathLike[str]) -> int:
        """Write every entry from this page on; see :meth:`AsyncResponse.to_csv`."""
        first = await self._client.page(self._query, walking=True, **self._options)
        return await first.to_csv(path)


def _only(answer: Response) -> Generator[Response]:
    yield answer


async def _only_async(answer: AsyncResponse) -> AsyncGenerator[AsyncResponse]:
    yield answer


def _not_iterable(answer: Answer) -> TypeError:
    """Neither way to go on is taken unasked: ``list(page)`` would ask for a thousand pages."""
    if answer.entries is None:
        return TypeError("an answer is not iterable: its fields are attributes, its body is .json")
    return TypeError(
        "a page of history is not iterable: .entries has this page's calls, .all() walks through "
        "them and all older ones"
    )


def _ref(answer: Answer) -> str | None:
    """The call that an answer is about; None for a refusal, which is about none."""
    if answer.txn_ref is not None or not answer.is_success():
        return answer.txn_ref
    raise InvalidArgument(
        "txn_ref", "this answer is of no single call; use client.voice.wait(txn_ref) for one of its"
    )
