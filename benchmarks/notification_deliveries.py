"""Notifications delivered a second, from rows in the outbox to posts received, beside its floor.

    python benchmarks/notification_deliveries.py

Each notification is of a call of its own, and goes to one of a few receivers that answer at once;
they run in a process of their own. The floor is a bare ``httpx2`` client that posts as many bodies,
as many at a time, and keeps no record.
"""

import asyncio
import ipaddress
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import httpx2
from kit.rounds import rounds
from kit.size import sized

from hoiio.server.config import Log, LogLevel
from hoiio.server.log import configure
from hoiio.server.notifications.deliverer import Deliverer
from hoiio.server.notifications.egress import Guard
from hoiio.server.notifications.post import Poster
from integration.storage.store import a_shop, ask, settling
from support.limits import lift_limits

COUNT = sized(1000, 64)
RECEIVERS = 8
AT_ONCE = 32
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
BODY = b"txn_ref=AA-C-1000001&" + b"x" * 250


async def receive():
    """Answer every post with 200; the ports come first."""

    async def answer(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    servers = [await asyncio.start_server(answer, "127.0.0.1", 0) for _ in range(RECEIVERS)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


def through_deliverer(folder, urls):
    return asyncio.run(_through_deliverer(folder / str(time.monotonic_ns()), urls))


async def _through_deliverer(data, urls):
    async with a_shop(data, credit=10**14) as shop:
        lift_limits(data)

        async def end_a_call(index):
            record = await shop.admit(notify_url=urls[index % len(urls)])
            await shop.storage.advance(record.ref, settling(debit=1, body=BODY))

        await asyncio.gather(*map(end_a_call, range(COUNT)))
        deliverer = Deliverer(shop.storage, Poster(Guard((LOOPBACK,))))
        began, used = time.perf_counter(), time.process_time()
        deliverer.start()
        while delivered(data) < COUNT:  # noqa: ASYNC110 - what counts is the outbox itself
            await asyncio.sleep(0.02)
        found = figures(began, used)
        await deliverer.stop()
    return found


def delivered(data):
    [(count,)] = ask(data, "SELECT count(*) FROM notifications WHERE state = 'delivered'")
    return count


def bare_client(urls):
    return asyncio.run(_bare_client(urls))


async def _bare_client(urls):
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(trust_env=False, limits=limits) as client:
        left = list(range(COUNT))
        began, used = time.perf_counter(), time.process_time()

        async def posting():
            while left:
                answer = await client.post(urls[left.pop() % len(urls)], content=BODY)
                assert answer.status_code == 200

        await asyncio.gather(*(posting() for _ in range(AT_ONCE)))
        return figures(began, used)


def figures(began, used):
    return COUNT / (time.perf_counter() - began), (time.process_time() - used) / COUNT * 1000


def main():
    configure(Log(level=LogLevel.WARNING))
    receivers = subprocess.Popen(
        [sys.executable, __file__, "receive"], stdout=subprocess.PIPE, text=True
    )
    try:
        urls = [f"http://127.0.0.1:{port}/hook" for port in receivers.stdout.readline().split()]
        with tempfile.TemporaryDirectory(dir=".") as name:
            folder = Path(name)
            found = rounds(
                {
                    "delivered, from the outbox": lambda: through_deliverer(folder, urls),
                    "floor: bare httpx2": lambda: bare_client(urls),
                }
            )
    finally:
        receivers.kill()
        receivers.wait()
        receivers.stdout.close()
    mine = found["delivered, from the outbox"][0]
    print(f"{RECEIVERS} receivers; medians of three")
    print(f"{'':34}{'a second':>10}{'CPU ms':>8}{'delivered / this':>18}")
    for name, (rate, used) in found.items():
        print(f"{name:34}{rate:10,.0f}{used:8.2f}{mine / rate:18.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["receive"]:
        asyncio.run(receive())
    else:
        main()
