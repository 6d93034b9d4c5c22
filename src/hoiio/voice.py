"""The API's voice methods: what each takes, and the parameters that say it on the wire.

They are written once. What they give is the client's: a ``Response`` from :class:`hoiio.Client`,
something to ``await`` for an ``AsyncResponse`` from :class:`hoiio.AsyncClient`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

from hoiio import parameters, wire
from hoiio.request import Query

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Unpack

    from hoiio.client import BaseClient
    from hoiio.watching import Until

A = TypeVar("A")
"""An answer."""
P = TypeVar("P")
"""A page of history."""
C = TypeVar("C")
"""The changes of a call."""


class Who(TypedDict, total=False):
    """Who asks, instead of the client's own credentials."""

    app_id: str | None
    """The application. Without its ``access_token``, only if the client's is of the same one."""
    access_token: str | None
    """Its secret; alone, a new one for the client's application."""


class Options(Who, total=False):
    """What every request takes besides its own: instead of the client's settings."""

    timeout: float | None
    """Seconds for everything, retries and the service's waits included."""
    connect_timeout: float | None
    """Seconds to reach the service."""


class ChargeableOptions(Options, total=False):
    """What a method takes that may cost money."""

    idempotency_key: str | None
    """Of ``call`` and ``conference``: one's own name for this request. Asked for again with it, the
    call is placed once. Without it, each request gets a random one."""


HistoryOptions = TypedDict(
    "HistoryOptions",
    {
        "app_id": "str | None",
        "access_token": "str | None",
        "timeout": "float | None",
        "connect_timeout": "float | None",
        "from": "str | datetime | None",
    },
    total=False,
)
"""Those of every method, and the word that is no name in Python."""


class Voice(Generic[A, P, C]):
    """Calls, conferences, their records and prices.

    Numbers are E.164: a plus and 4 to 15 digits. Every method takes ``app_id``, ``access_token``,
    ``timeout`` and ``connect_timeout`` for this request, and raises ``InvalidArgument`` before
    anything is sent, ``NotConfigured``, ``ConnectionFailed``, ``TimedOut`` or ``InvalidResponse``.
    A ``txn_ref`` may be None to a type checker only, as that of an answer is where a call was
    refused: it is an ``InvalidArgument``.
    """

    def __init__(self, client: BaseClient[A, P, C]) -> None:
        self._client = client

    def call(
        self,
        dest1: str | None,
        dest2: str,
        *,
        caller_id: str | None = None,
        max_duration: int | None = None,
        tag: str | None = None,
        notify_url: str | None = None,
        **options: Unpack[ChargeableOptions],
    ) -> A:
        """Ring ``dest1``, then ``dest2``, and connect them; answers ``txn_ref`` at once.

        ``dest1`` None is the account's registered number. ``caller_id`` is what ``dest2`` sees: a
        number of the account's or ``'private'``. ``max_duration`` counts seconds from ``dest2``'s
        answer. ``tag`` is handed back; ``notify_url`` is told when the call has ended. With an
        ``idempotency_key`` of one's own, the same call asked for again is placed once.
        """
        prefix = self._client.prefix
        first = parameters.optional_number("dest1", dest1, prefix)
        params = {
            "dest1": first,
            "dest2": parameters.other_number(first, dest2, prefix),
            "caller_id": parameters.caller_id(caller_id, prefix),
            "max_duration": parameters.max_duration(max_duration),
            "tag": parameters.tag(tag),
            "notify_url": parameters.notify_url(notify_url),
        }
        return self._client.send(wire.CALL, params, **options)

    def conference(
        self,
        *dests: str,
        room: str | None = None,
        caller_id: str | None = None,
        tag: str | None = None,
        notify_url: str | None = None,
        **options: Unpack[ChargeableOptions],
    ) -> A:
        """Ring up to 8 phones into a room; answers ``room`` and ``txn_refs``, one for each.

        ``room`` names one to join, or to make; without it the service makes one. All else is as
        with :meth:`call`.
        """
        prefix = self._client.prefix
        params = {
            "dest": parameters.dests(dests, prefix),
            "room": parameters.room(room),
            "caller_id": parameters.caller_id(caller_id, prefix),
            "tag": parameters.tag(tag),
            "notify_url": parameters.notify_url(notify_url),
        }
        return self._client.send(wire.CONFERENCE, params, **options)

    def hangup(self, txn_ref: str | None, **options: Unpack[Options]) -> A:
        """End a call, both its phones, or one participant of a conference."""
        params = {"txn_ref": parameters.txn_ref(txn_ref)}
        return self._client.send(wire.HANGUP, params, **options)

    def moderate(self, txn_ref: str | None, action: str, **options: Unpack[Options]) -> A:
        """``'mute'``, ``'unmute'`` or ``'kick'`` a participant of a conference."""
        params = {"txn_ref": parameters.txn_ref(txn_ref), "action": parameters.action(action)}
        return self._client.send(wire.MODERATE, params, **options)

    def status(self, txn_ref: str | None, **options: Unpack[Options]) -> A:
        """How a call is, or how it was; ``duration`` and ``debit`` are None while it is up."""
        params = {"txn_ref": parameters.txn_ref(txn_ref)}
        return self._client.send(wire.QUERY_STATUS, params, **options)

    def wait(
        self,
        txn_ref: str | None,
        until: Until = "ended",
        *,
        timeout: float | None = None,
        **who: Unpack[Who],
    ) -> A:
        """Wait until a call is ``'answered'`` or has ``'ended'``; answers its status then.

        A call that ends unanswered is not waited for any longer: look at the statuses. The
        service's event stream is used where it has one, else the status is asked for now and then.
        Raises ``WaitTimedOut`` after ``timeout`` seconds; None waits as long as the call lasts.
        """
        ref, until = parameters.txn_ref(txn_ref), parameters.until(until)
        return self._client.wait(
            ref, until, parameters.time_out(timeout), self._client.site(_known(who))
        )

    def watch(
        self,
        txn_ref: str | None,
        *,
        timeout: float | None = None,
        **who: Unpack[Who],
    ) -> C:
        """Iterate over how a call is: its status now, then each change, until it has ended.

        Raises ``WaitTimedOut`` after ``timeout`` seconds.
        """
        ref, seconds = parameters.txn_ref(txn_ref), parameters.time_out(timeout)
        return self._client.watch(ref, seconds, self._client.site(_known(who)))

    def history(
        self,
        from_: str | datetime | None = None,
        to: str | datetime | None = None,
        page: int | None = None,
        upto: str | None = None,
        **options: Unpack[HistoryOptions],
    ) -> P:
        """A page of 100 calls, newest first: ``entries``, ``total_entries_count``.

        ``from_`` is inclusive, ``to`` exclusive: text or a naive ``datetime`` in GMT+8, or an aware
        one. ``upto``, the newest ref of page 1, keeps later calls from shifting the pages.
        ``history(**{'from': …})`` works too. ``history().all()`` walks through all pages,
        ``history().to_csv(path)`` writes them to a file.
        """
        rest: dict[str, Any] = dict(options)
        if "from" in rest and from_ is not None:
            raise TypeError("history() got both 'from' and 'from_'")
        first = "from" if "from" in rest else "from_"
        start, end = parameters.period(rest.pop("from", from_), to, first)
        ref = None if upto is None else parameters.txn_ref(upto, "upto")
        return self._client.history(Query(parameters.page(page), start, end, ref), **rest)

    def rate(self, dest1: str, dest2: str, **options: Unpack[Options]) -> A:
        """What a minute between two numbers costs, ``rate``, and how long the credit lasts."""
        prefix = self._client.prefix
        first = parameters.number("dest1", dest1, prefix)
        params = {"dest1": first, "dest2": parameters.other_number(first, dest2, prefix)}
        return self._client.send(wire.GET_RATE, params, **options)


def _known(who: Who) -> Who:
    for name in who.keys() - Who.__annotations__.keys():
        raise TypeError(f"got an unexpected keyword argument {name!r}")
    return who
