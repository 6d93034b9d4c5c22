"""The HTTP API on a real port with a real database; only the calls themselves are pretended."""

import asyncio
import contextlib
import ipaddress
import json
import socket
import threading
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx2

from hoiio.server.api.application import build
from hoiio.server.api.desk import Desk
from hoiio.server.api.events import Streams
from hoiio.server.api.guesses import Guesses
from hoiio.server.api.http import HttpServer, bind
from hoiio.server.api.limits import Queries
from hoiio.server.billing.tariff import parse_tariff
from hoiio.server.calls.advance import advance
from hoiio.server.calls.inputs import ControlLost
from hoiio.server.calls.orders import CallSettings, admission
from hoiio.server.notifications.check import UrlCheck
from hoiio.server.notifications.egress import Guard
from hoiio.server.notifications.names import Names
from hoiio.server.readers import Address
from hoiio.server.storage.data import open_data
from hoiio.server.storage.limits import AccountChanges
from hoiio.server.storage.protocol import Placed, Refusal
from hoiio.wire import MICROS

ONE, TWO, OWN = "+6511111111", "+6522222222", "+6533333333"
UNREACHED, UNPRICED = "+6544444444", "+12125551234"
UNHURRIED = AccountChanges(requests_per_minute=10**6, calls_per_minute=10**6)
NOW = 1_327_982_775 * MICROS  # 2012-01-31 12:06:15 in GMT+8


@dataclass
class PretendedCalls:
    """Admits calls into the real database and never dials."""

    storage: object
    orders: list = field(default_factory=list)
    hung_up: list = field(default_factory=list)
    muted: list = field(default_factory=list)
    refuses: Refusal | None = None
    settles: bool = True
    crashes: bool = False
    time: int = NOW

    async def place_call(self, application, order, key=None):
        placed = await self.place(application, order, key)
        return placed if isinstance(placed, Placed | Refusal) else placed[0]

    async def place(self, application, order, key):
        self.orders.append(order)
        if self.refuses:
            return self.refuses
        asked = admission(
            application, order, CallSettings(), now=self.time, ceiling_reached=False, key=key
        )
        admitted = await self.storage.admit(asked)
        if self.crashes:
            raise RuntimeError("crashed after the commit")
        return admitted

    async def place_conference(self, application, order, key=None):
        return await self.place(application, order, key)

    async def mute(self, ref, *, muted):
        self.muted.append((ref, muted))
        return self.settles

    async def hang_up(self, ref):
        self.hung_up.append(ref)
        return self.settles

    def reaches(self, number):
        return number != UNREACHED

    def now(self):
        return self.time


class Server:
    """The API on a thread with an event loop of its own, on a free port."""

    calls_kind = PretendedCalls

    def __init__(
        self, data, guesses=1_000_000, *, provision=True, resolver=None, streams=None, limits=None
    ):
        self.data = data
        self.streams = Streams() if streams is None else streams
        self.limits = limits
        self.resolver = resolver
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.run(self._start(data, guesses))
        if provision:
            self.run(self._provision())

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    async def _start(self, data, guesses):
        self.storage = open_data(data)
        self.calls = self.calls_kind(self.storage)
        self.time = [0.0]
        guard = Guard((ipaddress.ip_network("127.0.0.0/24"),))
        check = UrlCheck(guard, Names(self.resolver))
        self.desk = Desk(self.storage, self.calls, self.calls, notify_urls=check)
        sock = bind(Address("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        guessed, queries = Guesses(guesses, self.clock), Queries(self.clock)
        app = build(self.desk, guessed, queries, streams=self.streams)
        self.http = HttpServer(app, sock, self.limits)
        await self.http.start()

    def clock(self):
        return self.time[0]

    async def _provision(self):
        rows = parse_tariff(["prefix,rate", "65,0.018"])
        await self.storage.import_tariff("SGD", rows)
        self.app = await self._application("acme", ONE)
        self.bare = await self._application("bare", None)

    async def _application(self, name, number):
        account = await self.storage.create_account(
            name, number=number, currency="SGD", credit=84_700_000
        )
        await self.storage.change_account(account.id, UNHURRIED)
        return await self.storage.create_app(account.id)

    def settle(self, *refs):
        """End these calls, or all that are up."""
        self.run(self._settle(refs))

    async def _settle(self, refs):
        lost = [ControlLost(NOW)]
        for ref in refs or [record.ref for record in await self.storage.live_calls()]:
            await self.storage.advance(ref, lambda record: advance(record, lost, NOW))
            self.desk.watchers.changed(ref)

    def stop_serving(self):
        """Close the doors, as a service does first when it stops."""
        self.loop.call_soon_threadsafe(self.desk.watchers.close)
        self.run(self.http.stop())

    def stop(self):
        self.stop_serving()
        self.run(self.storage.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}/open/"

    def ask(self, path, app=None, method="POST", key=None, **given):
        return self.answer(path, app, method, key, **given).json()

    def answer(self, path, app=None, method="POST", key=None, **given):
        app = app or self.app
        given = {"app_id": app.app_id, "access_token": app.access_token} | given
        given = {name: value for name, value in given.items() if value is not None}
        form = urlencode(given)
        headers = {} if key is None else {"Idempotency-Key": key}
        if method == "GET":
            answer = httpx2.get(f"{self.base}{path}?{form}", headers=headers)
        else:
            answer = httpx2.post(self.base + path, content=form, headers=headers)
        assert answer.status_code == 200
        return answer

    def raw(self, request):
        """What comes back for these bytes: the status line and the JSON body."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as sock:
            sock.sendall(request)
            sock.settimeout(10)
            answer = b""
            with contextlib.suppress(TimeoutError):
                while chunk := sock.recv(65536):
                    answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        return head.partition(b"\r\n")[0], json.loads(body) if body.startswith(b"{") else body
