"""A real ``hoiio serve`` in a process of its own, with an account, for tests to call."""

import atexit
import contextlib
import functools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from hoiio import Client

HOIIO = (sys.executable, "-c", "from hoiio.cli import main; main()")
TARIFF = "prefix,rate\n65,0.018\n"
UNHURRIED = ("--requests-per-minute", "1000000", "--calls-per-minute", "1000000")


def environment():
    """This process's environment without anything that would configure the service or client."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HOIIO_")}


def hoiio(*args, stdin=None, check=True, timeout=30):
    """Run the ``hoiio`` command to its end."""
    return subprocess.run(
        [*HOIIO, *map(str, args)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=check,
        env=environment(),
    )


def admin(data, *args, stdin=None):
    """Run ``hoiio admin`` on a data folder; returns the JSON object it prints."""
    return json.loads(hoiio("admin", *args, "--data", data, stdin=stdin).stdout)


class Provisioned(NamedTuple):
    """A folder as it is after an operator's first commands, and what these printed."""

    data: Path
    account: str
    app_id: str
    token: str


@functools.cache
def _provisioned(credit, number, tariff):
    """The commands once for all services that want the same; each gets a copy of the folder."""
    place = Path(tempfile.mkdtemp(prefix="hoiio-provisioned-"))
    atexit.register(shutil.rmtree, place)
    data = place / "data"
    account = admin(data, "account", "create", "acme", "--credit", credit, "--number", number)
    # Tests look more often than the people that the limits are made for.
    admin(data, "account", "set", "acme", *UNHURRIED)
    (place / "tariff.csv").write_text(tariff)
    admin(data, "tariff", "import", place / "tariff.csv")
    app = admin(data, "app", "create", "acme")
    return Provisioned(data, account["id"], app["app_id"], app["access_token"])


def limited(files):
    """What a command begins with that may open so many files and no more, soft and hard."""
    return ("sh", "-c", 'ulimit -n "$0" && exec "$@"', str(files)) if files else ()


class Service:
    """``hoiio serve`` on free loopback ports; kept across ``stop`` and ``start`` by its folder."""

    def __init__(self, data, *, routes=(), options=(), config="", notify_allow=("127.0.0.0/8",),
                 files=None):  # fmt: skip
        self.data = Path(data)
        self.routes = dict(routes)
        self.options = (*options, *(f"--notify-allow={each}" for each in notify_allow))
        self.config = config
        self.files = files
        self.process = None
        self.base_url = None
        self.log = self.data.parent / f"{self.data.name}.log"

    def provision(self, *, credit="84.70", number="+6511111111", tariff=TARIFF):
        """An account with credit, a tariff and an application; sets ``app_id`` and ``token``.

        Services provisioned alike are copies of one another, secrets and all.
        """
        made = _provisioned(credit, number, tariff)
        shutil.copytree(made.data, self.data, dirs_exist_ok=True)
        self.account, self.app_id, self.token = made.account, made.app_id, made.token
        return self

    def start(self, timeout=15):
        """Start and wait for the ``ready`` line."""
        if self.config:
            (self.data / "hoiio.toml").write_text(self.config)
        routes = [f"--route={number}={uri}" for number, uri in self.routes.items()]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*limited(self.files), *HOIIO, "serve", f"--data={self.data}",
                 "--listen=127.0.0.1:0", "--sip=127.0.0.1:0", *routes, *self.options],
                stdout=subprocess.PIPE, stderr=log, env=environment(),
            )  # fmt: skip
        line = self._line(timeout)
        if not line.startswith("ready http://"):
            raise AssertionError(f"not ready: {line!r}\n{self.log.read_text()}")
        self.base_url = line.split()[1]
        return self

    def _line(self, timeout):
        readable, _, _ = select.select([self.process.stdout], [], [], timeout)
        return self.process.stdout.readline().decode() if readable else ""

    def stop(self, timeout=15):
        """End with SIGTERM; returns the exit code."""
        return self._end(signal.SIGTERM, timeout)

    def kill(self):
        """End with SIGKILL, as a crash would."""
        return self._end(signal.SIGKILL, 10)

    def _end(self, how, timeout):
        self.process.send_signal(how)
        code = self.process.wait(timeout)
        self.process.stdout.close()
        self.process = None
        return code

    def client(self, **options):
        """The package's own client for this service's application."""
        return Client(self.app_id, self.token, base_url=self.base_url, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop()
        if self.process is not None:
            self.kill()


def wait_until(true, timeout=10, what="it"):
    """Poll until ``true()`` returns something true; returns that."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {timeout} s")
