"""How much later a sound arrives because it passes through the embedded engine.

    python benchmarks/engine_delay.py [CALLS]

Two bare RTP endpoints are bridged; one sends silence and a click now and then, the other waits for
it. Connected directly these two have no delay but the network's, so what is measured is what the
engine adds: its jitter buffer, the mixer's tick and its transmit buffer.
"""

import asyncio
import random
import re
import socket
import statistics
import struct
import sys
import threading
import time

from hoiio.server.engines.embedded.config import EmbeddedConfig
from hoiio.server.engines.embedded.engine import EmbeddedEngine
from hoiio.server.engines.protocol import Answered, Bridge, Dial

SILENCE, CLICK = b"\xff" * 160, b"\x00\x80" * 80


class Endpoint:
    """Answers one call, sends 20 ms packets, notes when something loud arrives."""

    def __init__(self):
        self.sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sip.bind(("127.0.0.1", 0))
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind(("127.0.0.1", 0))
        self.port = self.sip.getsockname()[1]
        self.click = threading.Event()
        self.sent = self.heard = 0.0
        for work in (self._signal, self._send, self._listen):
            threading.Thread(target=work, daemon=True).start()

    remote = None

    def _signal(self):
        while True:
            data, source = self.sip.recvfrom(65536)
            text = data.decode()
            if not text.startswith(("INVITE", "BYE")):
                continue
            if text.startswith("INVITE"):
                self.remote = ("127.0.0.1", int(re.search(r"m=audio (\d+)", text)[1]))
            body = (
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"m=audio {self.rtp.getsockname()[1]} RTP/AVP 0\r\n"
            )
            lines = [x for x in text.split("\r\n") if re.match("(Via|From|To|Call-ID|CSeq):", x)]
            lines = [x + ";tag=e" if x.startswith("To:") and "tag=" not in x else x for x in lines]
            lines += [f"Contact: <sip:e@127.0.0.1:{self.port}>", "Content-Type: application/sdp"]
            reply = ["SIP/2.0 200 OK", *lines, f"Content-Length: {len(body)}", "", body]
            self.sip.sendto("\r\n".join(reply).encode(), source)

    def _send(self):
        due, tick = time.monotonic() + random.uniform(0, 0.02), 0
        while True:
            due += 0.02
            time.sleep(max(0, due - time.monotonic()))
            tick += 1
            if self.remote is None:
                continue
            payload = SILENCE
            if self.click.is_set():
                self.click.clear()
                self.sent, payload = time.monotonic(), CLICK
            head = struct.pack("!BBHII", 0x80, 0, tick & 0xFFFF, tick * 160, self.port)
            self.rtp.sendto(head + payload, self.remote)

    def _listen(self):
        while True:
            packet = self.rtp.recv(2048)
            if any(byte & 0x7F < 0x30 for byte in packet[12:]):
                self.heard = time.monotonic()


async def main(calls):
    ends = [(Endpoint(), Endpoint()) for _ in range(calls)]
    routes = {
        f"+65{index:08d}": f"sip:127.0.0.1:{end.port}"
        for index, end in enumerate(end for pair in ends for end in pair)
    }
    engine = EmbeddedEngine(EmbeddedConfig(sip_port=0, routes=routes))
    up = set()

    def on_event(event):
        if isinstance(event, Answered):
            up.add(event.leg)
            engine.send(Bridge(event.leg, str(int(event.leg) // 2)))

    await engine.start(on_event)
    for index, number in enumerate(routes):
        engine.send(Dial(str(index), number, None, 10, 600))
    while len(up) < len(routes):  # noqa: ASYNC110 - the figures begin later anyway
        await asyncio.sleep(0.05)
    delays = []
    for wait in (2, 8, 15):
        await asyncio.sleep(wait - 1)
        now = [await measure(a, b) for a, b in ends for _ in range(5)]
        print(f"after {wait:2} s: {statistics.median(now):.0f} ms (max {max(now):.0f})")
        delays += now
    await engine.stop()
    print(f"added from phone to phone: median {statistics.median(delays):.0f} ms, ", end="")
    print(f"least {min(delays):.0f}, most {max(delays):.0f}")


async def measure(a, b):
    await asyncio.sleep(0.3 + random.uniform(0, 0.02))
    b.heard = 0.0
    a.click.set()
    await asyncio.sleep(0.6)
    return (b.heard - a.sent) * 1000


if __name__ == "__main__":
    asyncio.run(main(int((sys.argv[1:] or [2])[0])))
