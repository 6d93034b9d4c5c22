"""Notifications over real HTTP, to receivers that behave and to some that do not."""

import asyncio
import contextlib
import ipaddress
import socket
from urllib.parse import parse_qs

from structlog.testing import capture_logs

from hoiio.server.notifications import deliverer as module
from hoiio.server.notifications import post
from hoiio.server.notifications.deliverer import Deliverer
from hoiio.server.notifications.egress import Guard
from hoiio.server.notifications.post import Poster
from hoiio.server.storage.protocol import Delivery
from hoiio.wire import signature

TOKEN = "a-token-that-signs"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def poster():
    return Poster(Guard((ipaddress.ip_network("127.0.0.0/8"),)))


class Outbox:
    """An outbox in memory: what is due is handed out once."""

    def __init__(self, *urls):
        self.looks = 0
        self.due = [
            Delivery(place, f"AA-C-{place}", url, b"txn_ref=AA-C-1&tag=x", TOKEN)
            for place, url in enumerate(urls)
        ]
        self.outcomes = {}

    async def take_notifications(self, limit):
        self.looks += 1
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

    server = await asyncio.start_server(serve, "0.0.0.0", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        await asyncio.sleep(0.05)  # let a hung connection see that the client is gone


async def deliver(outbox, until):
    deliverer = Deliverer(outbox, poster())
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
        async with receiver(OK, requests) as url:
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
        assert outbox.outcomes[1].startswith("cannot connect")
        assert outbox.outcomes[2] == "302"
        assert outbox.outcomes[3] == "204"
        assert outbox.outcomes[4] == "not a URL that can be notified"
        assert slow
        assert 0 not in outbox.outcomes

    asyncio.run(run())


def test_a_crowd_of_slow_receivers_delays_nobody_and_none_of_them_is_flooded():
    async def run():
        slow, good = [], []
        async with receiver(None, slow) as slow_url, receiver(OK, good) as good_url:
            others = [slow_url.replace("127.0.0.1", f"127.0.1.{name}") for name in range(1, 121)]
            outbox = Outbox(*[slow_url] * 2 * module.AT_ONCE, *others, good_url)
            good_one = len(outbox.due) - 1
            await deliver(outbox, lambda: good_one in outbox.outcomes and len(slow) > 120)
        assert outbox.outcomes == {good_one: "200"}
        assert len(slow) == module.AT_ONCE + len(others)

    asyncio.run(run())


def test_a_delivery_that_waits_for_its_turn_has_it_with_its_whole_time(monkeypatch):
    async def run():
        slow = []
        async with receiver(None, slow) as url:
            outbox = Outbox(*[url] * (module.AT_ONCE + 1))
            await deliver(outbox, lambda: len(outbox.outcomes) == module.AT_ONCE + 1)
        assert len(slow) == module.AT_ONCE + 1
        assert set(outbox.outcomes.values()) == {"no answer within 0.3 s"}

    monkeypatch.setattr(post, "TIMEOUT", 0.3)
    asyncio.run(run())


def test_what_fails_on_our_side_is_told_and_stops_nothing_else(monkeypatch):
    failures = [OSError("disk gone")]

    class Forgetful(Outbox):
        async def take_notifications(self, limit):
            if failures:
                raise failures.pop()
            return await super().take_notifications(limit)

        async def notification_done(self, delivery, outcome):
            if delivery == 0:
                raise RuntimeError("disk full")
            await super().notification_done(delivery, outcome)

    async def run():
        async with receiver(OK, []) as url:
            outbox = Forgetful(url, url)
            await deliver(outbox, lambda: outbox.outcomes == {1: "200"})

    monkeypatch.setattr(module, "LOOK_EVERY", 0.05)
    with capture_logs() as lines:
        asyncio.run(run())
    assert [line["event"] for line in lines if line["log_level"] == "error"] == [
        "the outbox could not be read; trying again",
        "notification",
    ]


def test_what_the_stop_itself_settled_is_still_delivered():
    async def run():
        async with receiver(OK, []) as url:
            outbox = Outbox()
            deliverer = Deliverer(outbox, poster())
            deliverer.start()
            async with asyncio.timeout(5):
                while not outbox.looks:
                    await asyncio.sleep(0.01)
            outbox.due = Outbox(url).due
            await deliverer.stop()
        assert outbox.outcomes == {0: "200"}

    asyncio.run(run())
