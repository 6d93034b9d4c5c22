"""What the documentation's blocks run in: a folder, and the service that they name."""

import contextlib
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from hoiio.server.readers import Address
from hoiio.server.storage.limits import AccountChanges
from support.api import ONE, Server
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


@dataclass
class Playground:
    """``folder`` to run in, ``environ`` to run with, ``port`` in the place of the pages' one."""

    folder: Path
    environ: dict[str, str]
    port: str

    def adapt(self, text):
        return text.replace(PORT, self.port)


@contextlib.contextmanager
def client(folder):
    """For programs and commands that talk to a service."""
    cwd = folder / "cwd"
    cwd.mkdir()
    (cwd / "tariff.csv").write_text(TARIFF)
    (cwd / ".venv").symlink_to(sys.prefix)
    with DnsServer(example_com=["93.184.216.34"]) as resolver:
        service = Service(folder / "data", resolver=Address("127.0.0.1", resolver.port))
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


ENVIRONMENTS = {"client": client, "refused": client}
"""By the name in a page's ``<!-- runs: NAME -->``; in ``refused`` answers may be errors."""
