"""Memory, CPU and missing frames of the embedded engine with N bridged calls.

    python benchmarks/engine_capacity.py [CALLS] [SECONDS]

The phones are processes of their own that answer every call and send a 20 ms packet each tick, so
that the figures are the engine's alone.
"""

import asyncio
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from hoiio.server.engines.embedded.config import EmbeddedConfig
from hoiio.server.engines.embedded.engine import EmbeddedEngine
from hoiio.server.engines.protocol import Answered, Bridge, Dial, Ended

TICKS = 100


def main(calls, seconds):
    phone = subprocess.Popen([sys.executable, __file__, "phone"], stdout=subprocess.PIPE, text=True)
    try:
        asyncio.run(measure(calls, seconds, int(phone.stdout.readline())))
    finally:
        phone.kill()
        phone.wait()


async def measure(calls, seconds, port):
    numbers = [f"+65{index:08d}" for index in range(2 * calls)]
    routes = dict.fromkeys(numbers, f"sip:127.0.0.1:{port}")
    engine = EmbeddedEngine(EmbeddedConfig(sip_port=0, routes=routes, max_legs=2 * calls))
    up, ended = set(), []

    def on_event(event):
        if isinstance(event, Answered):
            up.add(event.leg)
            engine.send(Bridge(event.leg, str(int(event.leg) // 2)))
        elif isinstance(event, Ended):
            ended.append(event)

    await engine.start(on_event)
    for index, number in enumerate(numbers):
        engine.send(Dial(str(index), number, numbers[index ^ 1], 10, 600))
        await asyncio.sleep(0.02)
    while len(up) < 2 * calls:  # noqa: ASYNC110 - the figures begin later anyway
        await asyncio.sleep(0.05)
    await asyncio.sleep(3)
    before, cpu, began = engine.stats().mixer, cpu_seconds(engine.pid), time.monotonic()
    await asyncio.sleep(seconds)
    after = engine.stats().mixer
    used = (cpu_seconds(engine.pid) - cpu) / (time.monotonic() - began)
    frames = after.frames - before.frames
    missing = after.missing_frames - before.missing_frames
    print(f"calls up                {calls} ({2 * calls} legs), {len(ended)} lost")
    print(f"memory of the engine    {rss(engine.pid) / 1e6:.0f} MB")
    print(f"CPU of the engine       {used * 1000 / calls:.1f} ms per second and call")
    print(f"frames missing          {missing} of {frames} ({100 * missing / frames:.3f} %)")
    print(f"frames dropped          {after.dropped_frames - before.dropped_frames}")
    print(f"ticks skipped           {after.skipped_ticks - before.skipped_ticks}")
    print(f"mixer                   {after.cpu_us / after.ticks:.0f} us of CPU a tick")
    await engine.stop()


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def phone():
    """Answer every INVITE at once; every 20 ms send one packet to each call."""
    sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sip.bind(("127.0.0.1", 0))
    rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rtp.bind(("127.0.0.1", 0))
    rtp.setblocking(False)
    print(sip.getsockname()[1], flush=True)
    streams, due, tick = {}, time.monotonic(), 0
    while True:
        sip.settimeout(max(0.0001, due - time.monotonic()))
        with suppress(TimeoutError, BlockingIOError):
            answer(sip, rtp, streams)
        if time.monotonic() >= due:
            due += 0.02
            tick += 1
            for ssrc, address in list(streams.values()):
                head = struct.pack("!BBHII", 0x80, 0, tick & 0xFFFF, tick * 160, ssrc)
                rtp.sendto(head + b"\x55" * 160, address)


def answer(sip, rtp, streams):
    data, source = sip.recvfrom(65536)
    text = data.decode()
    method = text.split(" ", 1)[0]
    if method not in {"INVITE", "BYE"}:
        return
    lines = text.split("\r\n")
    call = next(line for line in lines if line.lower().startswith("call-id:"))
    copied = [x for x in lines if x.split(":")[0] in {"Via", "From", "Call-ID", "CSeq"}]
    to = next(line for line in lines if line.startswith("To:"))
    body = ""
    if method == "INVITE":
        port = int(text.split("m=audio ")[1].split(" ")[0])
        streams[call] = (len(streams) + 1, ("127.0.0.1", port))
        body = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {rtp.getsockname()[1]} RTP/AVP 0\r\n"
        )
    else:
        streams.pop(call, None)
    contact = f"Contact: <sip:p@127.0.0.1:{sip.getsockname()[1]}>"
    tag = "" if "tag=" in to else ";tag=p"
    head = ["SIP/2.0 200 OK", *copied, to + tag, contact, "Content-Type: application/sdp"]
    reply = "\r\n".join([*head, f"Content-Length: {len(body)}", "", body])
    sip.sendto(reply.encode(), source)


if __name__ == "__main__":
    if sys.argv[1:] == ["phone"]:
        phone()
    else:
        main(int((sys.argv[1:] or [10])[0]), float((sys.argv[2:] or [10])[0]))
