"""Notifications over real HTTP, to receivers that behave and to some that do not."""

import asyncio
import contextlib
import socket
from urllib.parse import parse_qs

from hoiio.server.notifications.deliverer import Deliverer
from hoiio.server.storage.protocol import Delivery
from hoiio.wire import signature

TOKEN = "a-token-that-signs"


class Outbox:
    """An outbox in memory: what is due is handed out once."""

    def __init__(self, *urls):
        self.due = [
            Delivery(place, f"AA-C-{place}", url, b"txn_ref=AA-C-1&tag=x", TOKEN)
            for place, url in enumerate(urls)
        ]
        self.outcomes = {}

    async def due_notifications(self, limit):
        taken, self.due = self.due[:limit], self.due[limit:]
        return taken

    async def notification_done(self, delivery, outcome):
        self.outcomes[delivery] = outcome


@contextlib.asynccontextmanager
async def receiver(answer, requests):
    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        requests.append((head, await reader.readexactly(length)))
        try:
            if answer is None:
                await reader.read()  # until the other side gives up
            else:
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        await asyncio.sleep(0.05)  # let a hung connection see that the client is gone


async def deliver(outbox, until):
    deliverer = Deliverer(outbox)
    deliverer.start()
    try:
        async with asyncio.timeout(5):
            while not until():
                await asyncio.sleep(0.01)
    finally:
        await deliverer.stop()


def test_a_notification_is_posted_once_with_a_signature_over_its_raw_body():
    async def run():
        requests = []
        async with receiver(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", requests) as url:
            outbox = Outbox(url)
            await deliver(outbox, lambda: outbox.outcomes)
        (head, body) = requests[0]
        assert len(requests) == 1
        assert head.startswith("POST /hook ")
        assert f"x-hoiio-signature: {signature(TOKEN, body)}" in head.lower()
        assert "application/x-www-form-urlencoded" in head
        assert parse_qs(body.decode())["txn_ref"] == ["AA-C-1"]
        assert TOKEN not in head
        assert outbox.outcomes == {0: "200"}

    asyncio.run(run())


def test_a_slow_or_dead_receiver_delays_nobody_and_a_redirect_is_not_followed():
    async def run():
        slow, elsewhere, good = [], [], []
        redirect = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            dead = f"http://127.0.0.1:{unused.getsockname()[1]}/"
            async with (
                receiver(None, slow) as slow_url,
                receiver(redirect, elsewhere) as redirect_url,
                receiver(b"HTTP/1.1 204 No Content\r\n\r\n", good) as good_url,
            ):
                outbox = Outbox(slow_url, dead, redirect_url, good_url, "http://127.0.0.1:port/")
                await deliver(outbox, lambda: len(outbox.outcomes) == 4)
        assert outbox.outcomes[1] == "ConnectError"
        assert outbox.outcomes[2] == "302"
        assert outbox.outcomes[3] == "204"
        assert outbox.outcomes[4] == "InvalidURL"
        assert slow
        assert 0 not in outbox.outcomes

    asyncio.run(run())
