"""Who is compared: how each of them asks for one call, as its own documentation has it.

Each is a context manager that is given the server's URL and gives a function that asks once and
returns the reference in the answer. Libraries are imported when they are used, so that a process
has one of them only.

The bare libraries do the least that is honest for the same job: one client that lives on, a POST of
the same form, and the JSON of the answer.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from contextlib import asynccontextmanager as opens_async
from contextlib import contextmanager as opens
from dataclasses import dataclass
from typing import Any

from kit.answering import CALL

AT_ONCE = 50
FORM = {"app_id": "id", "access_token": "token", "txn_ref": CALL}
STATUS = "open/voice/query_status"
TWILIO = "https://api.twilio.com/"
PLIVO_ID = "MA" + "X" * 18


@opens
def hoiio(url):
    import hoiio

    with hoiio.Client("id", "token", base_url=f"{url}open/") as client:
        yield lambda: client.voice.status(CALL).txn_ref


@opens_async
async def hoiio_async(url):
    import hoiio

    async with hoiio.AsyncClient("id", "token", base_url=f"{url}open/") as client:

        async def once():
            return (await client.voice.status(CALL)).txn_ref

        yield once


@opens
def hoiio_fast(url):
    import hoiio

    with hoiio.Client("id", "token", base_url=f"{url}open/", transport="pyreqwest") as client:
        yield lambda: client.voice.status(CALL).txn_ref


@opens_async
async def hoiio_fast_async(url):
    import hoiio

    base = f"{url}open/"
    async with hoiio.AsyncClient("id", "token", base_url=base, transport="pyreqwest") as client:

        async def once():
            return (await client.voice.status(CALL)).txn_ref

        yield once


@opens
def httpx2(url):
    import httpx2

    with httpx2.Client() as http:
        yield lambda: http.post(url + STATUS, data=FORM).json()["txn_ref"]


@opens_async
async def httpx2_async(url):
    import httpx2

    # By default it keeps 20 connections, and would open one for every second request here.
    limits = httpx2.Limits(max_keepalive_connections=AT_ONCE)
    async with httpx2.AsyncClient(limits=limits) as http:

        async def once():
            return (await http.post(url + STATUS, data=FORM)).json()["txn_ref"]

        yield once


@opens
def pyreqwest(url):
    from pyreqwest.client import SyncClientBuilder

    with SyncClientBuilder().build() as http:
        yield lambda: http.post(url + STATUS).form(FORM).build().send().json()["txn_ref"]


@opens_async
async def pyreqwest_async(url):
    from pyreqwest.client import ClientBuilder

    async with ClientBuilder().build() as http:

        async def once():
            answer = await http.post(url + STATUS).form(FORM).build().send()
            return (await answer.json())["txn_ref"]

        yield once


@opens
def twilio(url):
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    class Local(TwilioHttpClient):
        def request(self, method, url_, **kwargs):
            return super().request(method, url_.replace(TWILIO, url, 1), **kwargs)

    client = Client("AC1", "token", http_client=Local())
    yield lambda: client.calls(CALL).fetch().sid


@opens_async
async def twilio_async(url):
    from twilio.http.async_http_client import AsyncTwilioHttpClient
    from twilio.rest import Client

    class Local(AsyncTwilioHttpClient):
        async def request(self, method, url_, **kwargs):
            return await super().request(method, url_.replace(TWILIO, url, 1), **kwargs)

    async with Local() as http:
        client = Client("AC1", "token", http_client=http)

        async def once():
            return (await client.calls(CALL).fetch_async()).sid

        yield once


@opens
def telnyx(url):
    from telnyx import Telnyx

    with Telnyx(api_key="key", base_url=f"{url}v2") as client:
        yield lambda: client.calls.retrieve_status(CALL).data.call_control_id


@opens_async
async def telnyx_async(url):
    from telnyx import AsyncTelnyx

    async with AsyncTelnyx(api_key="key", base_url=f"{url}v2") as client:

        async def once():
            return (await client.calls.retrieve_status(CALL)).data.call_control_id

        yield once


@opens
def plivo(url):
    from plivo.rest import client as module

    module.API_VOICE_BASE_URI = f"{url}v1/Account"
    with module.Client(PLIVO_ID, "token") as client:
        yield lambda: client.calls.get(CALL).call_uuid


@opens
def stripe(url):
    from stripe import StripeClient

    client = StripeClient("sk_test_1", base_addresses={"api": url.rstrip("/")})
    yield lambda: client.v1.charges.retrieve(CALL).id


@opens_async
async def stripe_async(url):
    from stripe import HTTPXClient, StripeClient

    http = HTTPXClient()
    client = StripeClient("sk_test_1", base_addresses={"api": url.rstrip("/")}, http_client=http)

    async def once():
        return (await client.v1.charges.retrieve_async(CALL)).id

    try:
        yield once
    finally:
        await http.close_async()


@dataclass(frozen=True)
class Contender:
    """``needs`` are distributions, the first the one whose version counts; ``path`` is answered."""

    name: str
    needs: tuple[str, ...]
    path: str
    sync: Callable[[str], AbstractContextManager[Callable[[], str]]]
    asynchronous: Callable[[str], AbstractAsyncContextManager[Callable[[], Any]]] | None = None


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("hoiio", ("hoiio",), "/open/", hoiio, hoiio_async),
        Contender("hoiio[fast]", ("hoiio", "pyreqwest"), "/open/", hoiio_fast, hoiio_fast_async),
        Contender("httpx2", ("httpx2",), "/open/", httpx2, httpx2_async),
        Contender("pyreqwest", ("pyreqwest",), "/open/", pyreqwest, pyreqwest_async),
        Contender("twilio", ("twilio",), "/2010-04-01/", twilio, twilio_async),
        Contender("telnyx", ("telnyx",), "/v2/", telnyx, telnyx_async),
        Contender("plivo", ("plivo",), "/v1/Account/", plivo),
        Contender("stripe", ("stripe",), "/v1/charges/", stripe, stripe_async),
    )
}
