"""Calls admitted a second through HTTP, durably, with an engine that only pretends.

    python benchmarks/api_admissions.py

The service has one core to itself, whoever asks has the other. Everything is real but the engine:
HTTP, checks, prices, the controller, SQLite with ``synchronous=FULL``. Beside it stand its floors:
the same server with an answer that is always the same, and bare ``sqlite3``.
"""

import asyncio
import ipaddress
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import uvloop
from kit.floors import bare_sqlite
from kit.process import cpu_seconds
from kit.rounds import rounds
from kit.size import sized
from starlette.requests import Request

from hoiio.server.api.answers import respond
from hoiio.server.api.application import build
from hoiio.server.api.desk import Desk
from hoiio.server.api.guesses import Guesses
from hoiio.server.api.http import HttpServer, bind
from hoiio.server.api.limits import Queries
from hoiio.server.billing.tariff import parse_tariff
from hoiio.server.calls.controller import Controller
from hoiio.server.calls.orders import CallSettings
from hoiio.server.config import Log, LogLevel
from hoiio.server.log import configure
from hoiio.server.notifications.check import UrlCheck
from hoiio.server.notifications.egress import Guard
from hoiio.server.notifications.names import Names
from hoiio.server.readers import Address
from hoiio.server.storage.data import open_data
from support.limits import lift_limits

SECONDS = sized(4.0, 0.2)
CONNECTIONS = 64


# --- the service, in a process of its own -----------------------------------------------------


class PretendingEngine:
    """Takes every command and does nothing."""

    def reserve(self, _owner, _legs):
        return True

    def release(self, _owner):
        pass

    def send(self, *_commands):
        pass

    def now(self):
        return time.time_ns() // 1000

    def reaches(self, _number):
        return True


async def serve(folder):
    configure(Log(level=LogLevel.WARNING))
    storage = open_data(folder)
    await storage.import_tariff("SGD", parse_tariff(["prefix,rate", "65,0.018"]))
    account = await storage.create_account("acme", number="+6511111111", credit=10**14)
    app = await storage.create_app(account.id)
    lift_limits(folder)
    engine = PretendingEngine()
    check = UrlCheck(Guard((ipaddress.ip_network("127.0.0.0/24"),)), Names(None))
    controller = Controller(storage, engine, CallSettings())
    desk = Desk(storage, controller, engine, notify_urls=check)
    ports = []
    queries = Queries(time.monotonic)
    for application in (build(desk, Guesses(60, time.monotonic), queries), hello):
        sock = bind(Address("127.0.0.1", 0))
        ports.append(sock.getsockname()[1])
        await HttpServer(application, sock).start()
    print(*ports, app.app_id, app.access_token, flush=True)
    await asyncio.Event().wait()


async def hello(scope, receive, send):
    await Request(scope, receive).body()
    await respond("success_ok", {"txn_ref": "AA-C-1000001"})(scope, receive, send)


# --- who asks ---------------------------------------------------------------------------------


def measure(pid, port, form, *, keys):
    """Answers a second, and milliseconds of the service's CPU for each."""
    before, began = cpu_seconds(pid), time.perf_counter()
    done = asyncio.run(ask_for(port, form, keys=keys))
    lasted = time.perf_counter() - began
    return done / lasted, (cpu_seconds(pid) - before) / done * 1000


async def ask_for(port, form, *, keys):
    until, done = time.perf_counter() + SECONDS, 0

    async def asking():
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            key = f"Idempotency-Key: {time.monotonic_ns()}-{id(writer)}\r\n" if keys else ""
            head = f"POST /open/voice/call HTTP/1.1\r\nHost: x\r\n{key}Content-Length: {len(form)}"
            writer.write(head.encode() + b"\r\n\r\n" + form)
            answer = await reader.readuntil(b"}")
            assert b"success_ok" in answer, answer
            done += 1
        writer.close()

    await asyncio.gather(*(asking() for _ in range(CONNECTIONS)))
    return done


def main():
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        service = subprocess.Popen(
            [sys.executable, __file__, "serve", str(folder / "data"), str(cores[0])],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            os.sched_setaffinity(0, cores[-1:])
            real, floor, app_id, token = service.stdout.readline().split()
            given = {"app_id": app_id, "access_token": token, "dest2": "+6522222222", "tag": "id_1"}
            form = urlencode(given | {"notify_url": "http://127.0.0.1:9/x"}).encode()
            pid = service.pid
            found = rounds(
                {
                    "admitted": lambda: measure(pid, real, form, keys=False),
                    "admitted, each with a key": lambda: measure(pid, real, form, keys=True),
                    "floor: the same answer to all": lambda: measure(pid, floor, form, keys=False),
                    "floor: sqlite3, 1 a commit": lambda: bare_sqlite(folder, SECONDS / 4, 1),
                    "floor: sqlite3, 32 a commit": lambda: bare_sqlite(folder, SECONDS / 4, 32),
                }
            )
        finally:
            service.kill()
            service.wait()
            service.stdout.close()
    mine = found["admitted"][0]
    print(f"{CONNECTIONS} connections; medians of three (reach: 1,000 a second on one core)")
    print(f"{'':34}{'a second':>10}{'CPU ms':>8}{'admitted / this':>17}")
    for name, (rate, *used) in found.items():
        cost = f"{used[0]:8.2f}" if used else " " * 8
        print(f"{name:34}{rate:10,.0f}{cost}{mine / rate:17.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        os.sched_setaffinity(0, [int(sys.argv[3])])
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(Path(sys.argv[2])))
    else:
        main()
