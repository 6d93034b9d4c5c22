"""What a status query and a history page cost in CPU with a million records stored."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kit.size import sized

from integration.storage.store import START, a_shop, seed_calls

RECORDS = sized(1_000_000, 2_000)
ROUNDS = sized(300, 3)
SECOND = 1_000_000


async def cpu(ask, rounds=ROUNDS):
    """Milliseconds of CPU of the whole process, every thread, for one asking."""
    await ask()
    before = time.process_time()
    for _ in range(rounds):
        await ask()
    return (time.process_time() - before) / rounds * 1000


async def measure(shop):
    storage, app = shop.storage, shop.app.id
    middle = START + RECORDS // 2 * SECOND

    def page(number, start=None, end=None, upto=None):
        return lambda: storage.history(app, start=start, end=end, page=number, upto=upto)

    yield "record()", lambda: storage.record(app, f"AA-C-{RECORDS // 2}")
    yield "application()", lambda: storage.application(shop.app.app_id)
    yield "history, first page", page(1)
    yield "history, middle page", page(RECORDS // 200)
    yield "history, last page", page(RECORDS // 100)
    yield "history from, page 2,500", page(2500, start=middle)
    yield "history from, to, upto", page(1, START, middle, f"AA-C-{RECORDS // 4}")


async def main(folder):
    async with a_shop(folder) as shop:
        dates = (START + n * SECOND for n in range(RECORDS))
        seed_calls(folder, shop.app.id, shop.app.account.id, dates)
        print(f"{RECORDS:,} records; milliseconds of CPU each, all threads")
        async for name, ask in measure(shop):
            print(f"  {name:28}{await cpu(ask):8.3f}")


with tempfile.TemporaryDirectory() as name:
    asyncio.run(main(Path(name)))
