"""What type checkers know of what users write. Never run: mypy, basedpyright and pyrefly read it.

A line that is wrong on purpose is marked, and a mark that is not needed is an error as well.
"""

from collections.abc import AsyncGenerator, Generator
from datetime import datetime
from decimal import Decimal
from typing import assert_type

from hoiio import APIError, AsyncClient, AsyncResponse, Client, Hoiio, RateLimited, Response
from hoiio.transport import HttpRequest, HttpResponse


def sync() -> None:
    """What a Client gives."""
    with Client("id", "token", raise_errors=True, transport="pyreqwest") as client:
        assert_type(client, Client)
        res = client.voice.call("+6511111111", "+6522222222", idempotency_key="order-7", timeout=3)
        assert_type(res, Response)
        assert_type(client.voice.conference("+6511111111", room="R", app_id="other"), Response)
        assert_type(client.account.balance(connect_timeout=1.5), Response)
        assert_type(client.voice.history(page=2, from_=datetime(2012, 1, 1)), Response)
        assert_type(client.voice.history(to="2012-01-01 00:00:00").all(), Generator[Response])
        assert_type(client.voice.history().to_csv("calls.csv"), int)
        assert_type(client.voice.watch("TX-1", timeout=5), Generator[Response])
        assert_type(client.voice.wait("TX-1", "answered"), Response)
        assert_type(client.voice.status(res.txn_ref), Response)
        assert_type(client.voice.wait(res.txn_ref), Response)
        assert_type(client.voice.watch(res.txn_ref), Generator[Response])
        assert_type(client.voice.moderate(res.txn_ref, "mute"), Response)
        assert_type(client.voice.hangup(res.txn_ref), Response)
        assert_type(res.wait(until="ended", timeout=60), Response)
        assert_type(res.raise_for_error(), Response)
        for entry in client.voice.history().all():
            assert_type(entry, Response)
        for change in res.watch():
            assert_type(change.call_status_dest1, str | None)
    assert_type(Hoiio.voice.call("+6511111111", "+6522222222"), Response)
    assert_type(Hoiio.voice.hangup(Hoiio.voice.call(None, "+6522222222").txn_ref), Response)
    assert_type(Hoiio.account.info().caller_ids, list[str] | None)


def fields(res: Response) -> None:
    """What an answer has."""
    assert_type(res.status, str)
    assert_type(res.is_success(), bool)
    assert_type(res.txn_ref, str | None)
    assert_type(res.txn_refs, list[str] | None)
    assert_type(res.date, datetime | None)
    assert_type(res.date_utc, datetime | None)
    assert_type(res.duration, int | None)
    assert_type(res.rate, float | None)
    assert_type(res.debit_decimal, Decimal | None)
    assert_type(res.entries, list[Response] | None)
    assert_type(res.text, str)
    assert_type(res.response, HttpResponse | None)
    assert_type(res.retry_after, int | None)


async def asynchronous() -> None:
    """What an AsyncClient gives to await, and to iterate over."""
    async with AsyncClient("id", "token") as client:
        res = await client.voice.call("+6511111111", "+6522222222", idempotency_key="order-7")
        assert_type(res, AsyncResponse)
        assert_type(await client.account.balance(timeout=3), AsyncResponse)
        page = await client.voice.history(page=2)
        assert_type(page, AsyncResponse)
        assert_type(page.entries, list[AsyncResponse] | None)
        assert_type(client.voice.history().all(), AsyncGenerator[AsyncResponse])
        assert_type(await client.voice.history().to_csv("calls.csv"), int)
        assert_type(await client.voice.wait("TX-1", until="answered"), AsyncResponse)
        assert_type(await client.voice.status(res.txn_ref), AsyncResponse)
        assert_type(await client.voice.wait(res.txn_ref), AsyncResponse)
        assert_type(await client.voice.moderate(res.txn_ref, "kick"), AsyncResponse)
        assert_type(await client.voice.hangup(res.txn_ref), AsyncResponse)
        assert_type(await res.wait(timeout=60), AsyncResponse)
        async for entry in page.all():
            assert_type(entry, AsyncResponse)
        async for entry in client.voice.history():
            assert_type(entry, AsyncResponse)
        async for change in client.voice.watch(res.txn_ref):
            assert_type(change.date, datetime | None)


def errors(client: Client) -> None:
    """What is caught."""
    try:
        client.voice.call("+6511111111", "+6522222222")
    except RateLimited as error:
        assert_type(error.retry_after, int | None)
    except APIError as error:
        assert_type(error.status, str)
        assert_type(error.maybe_sent, bool)
        assert_type(error.idempotency_key, str | None)


class Own:
    """A transport of one's own."""

    def send(self, request: HttpRequest) -> HttpResponse:
        """Always the same."""
        return HttpResponse(200, {}, request.body)

    def close(self) -> None:
        """Nothing is open."""


class AsyncOwn:
    """The same in async."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Always the same."""
        return HttpResponse(200, {}, request.body)

    async def close(self) -> None:
        """Nothing is open."""


def transports() -> None:
    """One's own fits in where it should, and nowhere else."""
    Client(transport=Own())
    AsyncClient(transport=AsyncOwn())
    Client(transport=AsyncOwn())  # type: ignore[arg-type]
    AsyncClient(transport=Own())  # type: ignore[arg-type]
    Client(transport="requests")  # type: ignore[arg-type]


def wrong(client: Client, res: Response) -> None:
    """What a checker refuses before anything is run."""
    client.voice.call(7, "+6522222222")  # type: ignore[arg-type]
    client.voice.call("+6511111111")  # type: ignore[call-arg]
    client.voice.call("+65", "+66", colour="blue")  # type: ignore[call-arg]
    client.account.balance(idempotency_key="a")  # type: ignore[call-arg]
    client.voice.wait("TX-1", until="ringing")  # type: ignore[arg-type]
    client.voice.hangup(res)  # type: ignore[arg-type]
    client.voice.status(res.txn_refs)  # type: ignore[arg-type]
    Client("id", "token", method="PUT")  # type: ignore[arg-type]
    _ = res.durations  # type: ignore[attr-defined]
    _ = [*client.voice.history()]  # type: ignore[misc]
