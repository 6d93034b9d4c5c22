"""A small fast service that counts what it is asked, and a relay that cuts connections before it.

Both run in one event loop of a thread of their own. The relay cuts the client only when the service
has dealt with all that came through, so that a test may look at the counts at once.
"""

import asyncio
import json
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

RESET = struct.pack("ii", 1, 0)


@dataclass
class Cut:
    """After how many bytes of a connection's requests, or answers, it breaks, and how."""

    request: int | None = None
    answer: int | None = None
    reset: bool = False


@dataclass
class Bench:
    """``placed`` are the calls, by key; ``requests`` counts those that arrived whole."""

    port: int = 0
    relay_port: int = 0
    features: str = ""
    keep: bool = False
    """Whether a connection outlives its answer."""
    placed: dict = field(default_factory=dict)
    calls: int = 0
    requests: int = 0
    cuts: list = field(default_factory=list)
    """One for each connection to come; when it is empty nothing is cut."""
    sent: int = 0
    """Bytes that came through the relay from the client, and from the service."""
    got: int = 0
    connections: int = 0

    @property
    def direct(self):
        return f"http://127.0.0.1:{self.port}/open"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.relay_port}/open"

    def reset(self, *cuts, features="", keep=False):
        """Nothing has been placed yet."""
        self.placed.clear()
        self.calls = self.requests = self.connections = self.sent = self.got = 0
        self.cuts[:] = cuts
        self.features = features
        self.keep = keep


def _answered(bench, path, headers, form):
    bench.requests += 1
    answer = {"status": "success_ok"}
    if path.endswith("voice/call"):
        key = headers["idempotency-key"]
        if key not in bench.placed:
            bench.calls += 1
            bench.placed[key] = f"AA-C-{bench.calls}"
        answer["txn_ref"] = bench.placed[key]
    elif "txn_ref" in form:
        answer["txn_ref"] = form["txn_ref"]
    body = json.dumps(answer).encode()
    features = f"Hoiio-Features: {bench.features}\r\n" if bench.features else ""
    if not bench.keep:
        features += "Connection: close\r\n"
    head = f"HTTP/1.1 200 OK\r\n{features}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _serve(bench, reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            pairs = (line.split(":", 1) for line in lines if line)
            headers = {name.lower(): value.strip() for name, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            form = dict(parse_qsl(body.decode()))
            writer.write(_answered(bench, first.split()[1], headers, form))
    except (asyncio.IncompleteReadError, OSError):
        pass
    finally:
        writer.close()


async def _relay(bench, reader, writer):
    cut = bench.cuts.pop(0) if bench.cuts else Cut()
    bench.connections += 1
    above, below = await asyncio.open_connection("127.0.0.1", bench.port)
    deaf = asyncio.Event()
    up = asyncio.create_task(_pass(bench, "sent", reader, below, cut.request))
    down = asyncio.create_task(_pass(bench, "got", above, writer, cut.answer, deaf))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        if up.done() and not down.done():
            # The service is done with what came when it closes its side.
            deaf.set()
            with suppress(OSError):
                below.write_eof()
            await down
    finally:
        up.cancel()
        down.cancel()
        below.close()
        if cut.reset:
            await _drained(writer)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        else:
            writer.close()


async def _drained(writer):
    with suppress(OSError):
        await writer.drain()


async def _pass(bench, count, reader, writer, limit, deaf=None):
    """Hand on up to so many bytes."""
    passed = 0
    ends_at_once = limit == 0 and deaf is None
    while not ends_at_once and (limit is None or passed < max(limit, 1)):
        try:
            data = await reader.read(65536)
        except OSError:
            break
        if not data:
            break
        data = data if limit is None else data[: limit - passed]
        passed += len(data) or 1
        setattr(bench, count, getattr(bench, count) + len(data))
        if deaf is None or not deaf.is_set():
            writer.write(data)


@contextmanager
def bench(context=None):
    """A service and its relay; the service speaks TLS with a ``context``."""
    here, servers, tasks = Bench(), [], set()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def made(handler, **options):
        async def start():
            async def handle(reader, writer):
                # The loop itself holds only weakly who waits for a stream that it opened.
                tasks.add(asyncio.current_task())
                with suppress(asyncio.CancelledError):
                    await handler(here, reader, writer)

            return await asyncio.start_server(handle, "127.0.0.1", 0, backlog=2048, **options)

        server = asyncio.run_coroutine_threadsafe(start(), loop).result()
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    async def stop():
        for server in servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    here.port = made(_serve, ssl=context)
    here.relay_port = made(_relay)
    try:
        yield here
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
