"""The API's voice methods: what each takes, and the parameters that say it on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from hoiio import wire
from hoiio.request import date, number

if TYPE_CHECKING:
    from hoiio.client import Client
    from hoiio.response import Response


class Voice:
    """Calls, conferences, their records and prices.

    Every method takes ``app_id`` and ``access_token`` of its own, and raises what
    :meth:`hoiio.Client.send` does. Numbers are E.164: a plus and 4 to 15 digits.
    """

    def __init__(self, client: Client) -> None:
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
        app_id: str | None = None,
        access_token: str | None = None,
    ) -> Response:
        """Ring ``dest1``, then ``dest2``, and connect them; answers ``txn_ref`` at once.

        ``dest1`` None is the account's registered number. ``caller_id`` is what ``dest2`` sees: a
        number of the account's or ``'private'``. ``max_duration`` counts seconds from ``dest2``'s
        answer. ``tag`` is handed back; ``notify_url`` is told when the call has ended.
        """
        prefix = self._client.prefix
        params = {
            "dest1": number(dest1, prefix),
            "dest2": number(dest2, prefix),
            "caller_id": number(caller_id, prefix),
            "max_duration": max_duration,
            "tag": tag,
            "notify_url": notify_url,
        }
        return self._client.send(wire.CALL, params, app_id, access_token)

    def conference(
        self,
        *dests: str,
        room: str | None = None,
        caller_id: str | None = None,
        tag: str | None = None,
        notify_url: str | None = None,
        app_id: str | None = None,
        access_token: str | None = None,
    ) -> Response:
        """Ring up to 8 phones into a room; answers ``room`` and ``txn_refs``, one for each.

        ``room`` names one to join, or to make; without it the service makes one.
        """
        prefix = self._client.prefix
        params = {
            "dest": ",".join(number(dest, prefix) or "" for dest in dests),
            "room": room,
            "caller_id": number(caller_id, prefix),
            "tag": tag,
            "notify_url": notify_url,
        }
        return self._client.send(wire.CONFERENCE, params, app_id, access_token)

    def hangup(
        self, txn_ref: str, *, app_id: str | None = None, access_token: str | None = None
    ) -> Response:
        """End a call, both its phones, or one participant of a conference."""
        return self._client.send(wire.HANGUP, {"txn_ref": txn_ref}, app_id, access_token)

    def moderate(
        self,
        txn_ref: str,
        action: str,
        *,
        app_id: str | None = None,
        access_token: str | None = None,
    ) -> Response:
        """``'mute'``, ``'unmute'`` or ``'kick'`` a participant of a conference."""
        params = {"txn_ref": txn_ref, "action": action}
        return self._client.send(wire.MODERATE, params, app_id, access_token)

    def status(
        self, txn_ref: str, *, app_id: str | None = None, access_token: str | None = None
    ) -> Response:
        """How a call is, or how it was; ``duration`` and ``debit`` are None while it is up."""
        return self._client.send(wire.QUERY_STATUS, {"txn_ref": txn_ref}, app_id, access_token)

    def history(
        self,
        from_: str | datetime | None = None,
        to: str | datetime | None = None,
        page: int | None = None,
        upto: str | None = None,
        *,
        app_id: str | None = None,
        access_token: str | None = None,
        **keywords: str | datetime | None,
    ) -> Response:
        """A page of 100 calls, newest first: ``entries``, ``total_entries_count``.

        ``from_`` is inclusive, ``to`` exclusive: text or a naive ``datetime`` in GMT+8, or an aware
        one. ``upto``, the newest ref of page 1, keeps later calls from shifting the pages.
        ``history(**{'from': …})`` works too. Any other keyword is a ``TypeError``.
        """
        params = {
            "from": date(_from(from_, keywords)),
            "to": date(to),
            "page": page,
            "upto": upto,
        }
        return self._client.send(wire.GET_HISTORY, params, app_id, access_token)

    def rate(
        self,
        dest1: str,
        dest2: str,
        *,
        app_id: str | None = None,
        access_token: str | None = None,
    ) -> Response:
        """What a minute between two numbers costs, ``rate``, and how long the credit lasts."""
        prefix = self._client.prefix
        params = {"dest1": number(dest1, prefix), "dest2": number(dest2, prefix)}
        return self._client.send(wire.GET_RATE, params, app_id, access_token)


def _from(
    from_: str | datetime | None, keywords: dict[str, str | datetime | None]
) -> str | datetime | None:
    """The start of a history, given under either of its names."""
    unknown = keywords.keys() - {"from"}
    if unknown:
        raise TypeError(f"history() got an unexpected keyword argument {min(unknown)!r}")
    if from_ is not None and "from" in keywords:
        raise TypeError("history() got both 'from' and 'from_'")
    return keywords.get("from", from_)
