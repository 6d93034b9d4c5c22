"""What the documentation's blocks run in: a folder, and the service that they name."""

import asyncio
import contextlib
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from hoiio.server.calls.advance import advance
from hoiio.server.engines.protocol import Answered, Cause, Ended
from hoiio.server.readers import Address
from hoiio.server.storage.limits import AccountChanges
from hoiio.server.storage.protocol import Placed, Refusal
from hoiio.wire import MICROS
from support.api import ONE, PretendedCalls, Server
from support.dns import DnsServer
from support.service import TARIFF, environment

APP_ID, TOKEN = "my-app-id", "my-access-token"
PORT = "127.0.0.1:8080"
"""Where pages say that the service is."""
UNHURRIED = AccountChanges(requests_per_minute=10**6, calls_per_minute=10**6, concurrent_calls=1000)


class Service(Server):
    """The API, with the credentials that the pages use; its calls are only pretended."""

    async def _provision(self):
        self.calls.reaches = lambda _number: True
        await super()._provision()
        account = await self.storage.create_account(
            "docs", number=ONE, currency="SGD", credit=84_700_000
        )
        await self.storage.change_account(account.id, UNHURRIED)
        await self.storage.create_app(account.id, APP_ID, TOKEN)


class MovingCalls(PretendedCalls):
    """Both phones of a call answer a moment later, talk for 55 seconds of its time, and hang up."""

    def __init__(self, storage):
        super().__init__(storage)
        self.changed = None
        self.under_way = set()  # A task that nobody holds may vanish.

    async def place(self, application, order, key):
        placed = await super().place(application, order, key)
        for record in () if isinstance(placed, Placed | Refusal) else placed:
            task = asyncio.create_task(self.go_on(record.ref))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)
        return placed

    async def stand_still(self):
        for task in self.under_way:
            task.cancel()

    async def go_on(self, ref):
        await asyncio.sleep(0.2)
        answered = self.time + 5 * MICROS
        legs = (f"{ref}-1", f"{ref}-2")
        await self.happen(ref, [Answered(leg, answered) for leg in legs], answered)
        await asyncio.sleep(0.2)
        ended = answered + 55 * MICROS
        await self.happen(ref, [Ended(leg, ended, Cause.REMOTE) for leg in legs], ended)

    async def hang_up(self, ref):
        at = self.time + 30 * MICROS
        await self.happen(ref, [Ended(f"{ref}-{n}", at, Cause.HUNG_UP) for n in (1, 2)], at)
        return True

    async def happen(self, ref, events, at):
        await self.storage.advance(ref, lambda record: advance(record, events, at))
        self.changed(ref)


class MovingService(Service):
    """The same, with calls that are answered and end by themselves."""

    calls_kind = MovingCalls

    async def _provision(self):
        await super()._provision()
        self.calls.changed = self.desk.watchers.changed

    def stop_serving(self):
        super().stop_serving()
        self.run(self.calls.stand_still())


@dataclass
class Playground:
    """``folder`` to run in, ``environ`` to run with, ``port`` in the place of the pages' one."""

    folder: Path
    environ: dict[str, str]
    port: str

    def adapt(self, text):
        return text.replace(PORT, self.port)


def client(folder):
    """For programs and commands that talk to a service."""
    return served(folder, Service)


def moving(folder):
    """The same, where calls are answered and end."""
    return served(folder, MovingService)


@contextlib.contextmanager
def served(folder, kind):
    """A folder to run in, and a service of this kind."""
    cwd = folder / "cwd"
    cwd.mkdir()
    (cwd / "tariff.csv").write_text(TARIFF)
    (cwd / ".venv").symlink_to(sys.prefix)
    with DnsServer(example_com=["93.184.216.34"]) as resolver:
        service = kind(folder / "data", resolver=Address("127.0.0.1", resolver.port))
        try:
            yield Playground(cwd, environ(service.base), f"127.0.0.1:{service.port}")
        finally:
            service.stop()


def environ(base_url):
    """The pages' variables, and the commands of this package in the path."""
    return environment() | {
        "HOIIO_APP_ID": APP_ID,
        "HOIIO_ACCESS_TOKEN": TOKEN,
        "HOIIO_BASE_URL": base_url,
        "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}",
    }


ENVIRONMENTS = {
    "client": client, "refused": client, "moving": moving, "moving-refused": moving,
}  # fmt: skip
"""By the name in a page's ``<!-- runs: NAME -->``; in the refused ones answers may be errors."""
