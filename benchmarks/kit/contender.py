"""One contender in a process of its own: a program that asks as often as it is told.

    python contender.py NAME URL sync|async

Each line of its input is how often; it answers with a line of JSON: seconds of CPU and seconds of
wall time that this took, of this process with all its threads.
"""

import asyncio
import gc
import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from kit.answering import CALL
from kit.contenders import AT_ONCE, CONTENDERS


def repeat(once, count):
    for _ in range(count):
        if once() != CALL:
            raise ValueError("not what was asked for")


async def flood(once, count):
    """As often, so many at a time."""
    left = iter(range(count))

    async def asking():
        for _ in left:
            if await once() != CALL:
                raise ValueError("not what was asked for")

    await asyncio.gather(*(asking() for _ in range(min(AT_ONCE, count))))


@contextmanager
def opened(runner, contender, way, url):
    """A function that asks so many times."""
    if way == "sync":
        with contender.sync(url) as once:
            yield lambda count: repeat(once, count)
        return
    asking = contender.asynchronous(url)
    once = runner.run(_awaited(asking.__aenter__()))
    try:
        yield lambda count: runner.run(flood(once, count))
    finally:
        runner.run(_awaited(asking.__aexit__(None, None, None)))


def main():
    name, url, way = sys.argv[1:]
    with asyncio.Runner() as runner, opened(runner, CONTENDERS[name], way, url) as ask:
        for line in sys.stdin:
            count = int(line)
            # What the last turn left behind is not this turn's, nor are caches that others filled.
            gc.collect()
            ask(count // 10 or 1)
            began, used = time.perf_counter(), time.process_time()
            ask(count)
            used, lasted = time.process_time() - used, time.perf_counter() - began
            print(json.dumps({"cpu": used, "wall": lasted}), flush=True)


async def _awaited(awaitable):
    return await awaitable


if __name__ == "__main__":
    main()
