"""What conferences cost the embedded engine: one room of eight, then six at once.

    python benchmarks/engine_rooms.py [SECONDS]

Everybody speaks all the time, which is the most there is to mix. The phones are a process of their
own, so that the figures are the engine's alone.
"""

import asyncio
import os
import sys
import time
from dataclasses import replace

from kit.crowd import Crowd
from kit.process import cpu_seconds, memory

from hoiio.server.engines.embedded.config import EmbeddedConfig
from hoiio.server.engines.embedded.engine import EmbeddedEngine
from hoiio.server.engines.protocol import Answered, Bridge, Dial, Ended

PEOPLE = 8


def main(seconds):
    for rooms in (1, 6):
        with Crowd() as crowd:
            asyncio.run(measure(rooms, seconds, crowd))


async def measure(rooms, seconds, crowd):
    numbers = [f"+65{20_000_000 + index}" for index in range(rooms * PEOPLE)]
    routes = dict.fromkeys(numbers, crowd.uri)
    engine = EmbeddedEngine(EmbeddedConfig(sip_port=0, routes=routes, max_legs=len(numbers)))
    up, ended = set(), []

    def on_event(event):
        if isinstance(event, Answered):
            up.add(event.leg)
            engine.send(Bridge(event.leg, str(int(event.leg) // PEOPLE)))
        elif isinstance(event, Ended):
            ended.append(event)

    await engine.start(on_event)
    for index, number in enumerate(numbers):
        engine.send(Dial(str(index), number, numbers[0], 10, 600))
        await asyncio.sleep(0.02)
    while len(up) < len(numbers):  # noqa: ASYNC110 - the figures begin later anyway
        await asyncio.sleep(0.05)
    await asyncio.sleep(3)
    load, began = os.getloadavg()[0], time.monotonic()
    before, cpu, phones = figures(engine), cpu_seconds(engine.pid), cpu_seconds(crowd.pid)
    await asyncio.sleep(seconds)
    after, lasted = figures(engine), time.monotonic() - began
    used = (cpu_seconds(engine.pid) - cpu) / lasted * 1000
    phones = (cpu_seconds(crowd.pid) - phones) / lasted * 1000
    frames = after.frames - before.frames
    ticks = after.ticks - before.ticks
    missing = after.missing_frames - before.missing_frames
    mixing = (after.cpu_us - before.cpu_us) / ticks
    print(f"rooms of {PEOPLE}              {rooms} ({len(numbers)} legs), {len(ended)} legs lost")
    print(f"CPU of the engine       {used:.0f} ms per second, {used / rooms:.0f} per room")
    print(f"  its mixer's thread    {mixing * 50 / 1000:.0f} ms per second, {mixing:.0f} us a tick")
    print(
        f"  its SIP stack         {(used - mixing / 20) / len(numbers):.1f} ms per second and leg"
    )
    print(f"memory of the engine    {memory(engine.pid) / 1e6:.0f} MB")
    print(f"frames missing          {missing} of {frames} ({100 * missing / frames:.3f} %)")
    print(f"frames dropped          {after.dropped_frames - before.dropped_frames}")
    late = (after.late_us - before.late_us) / ticks
    print(f"ticks late              {late:.0f} us on average, {after.late_max_us} us at the most")
    print(f"ticks skipped           {after.skipped_ticks - before.skipped_ticks}")
    print(f"phones, load            {phones:.0f} ms per second, {load:.1f} before")
    await engine.stop()


def figures(engine):
    return replace(engine.stats().mixer)


if __name__ == "__main__":
    main(float((sys.argv[1:] or [15])[0]))
