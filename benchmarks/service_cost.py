"""What the whole service costs: HTTP queries on a million records, and calls that are up.

    python benchmarks/service_cost.py [CALLS]

CPU and memory are those of the service's processes (the service and its engine), read from /proc.
The phones are one process of ``engine_capacity.py`` that answers everything.
"""

import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import httpx2
from engine_capacity import cpu_seconds, rss
from kit.size import sized

from hoiio.wire import format_date
from integration.storage.store import START, seed_calls
from support.service import Service, wait_until

HERE = Path(__file__).parent
RECORDS = sized(1_000_000, 2_000)
ROUNDS = sized(400, 5)
SECOND = 1_000_000
SETTLING, SECONDS = sized((3, 10), (0.1, 0.5))


def main(calls):
    phone = subprocess.Popen(
        [sys.executable, str(HERE / "engine_capacity.py"), "phone"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            queries(Path(folder) / "queries")
            calls_up(Path(folder) / "calls", calls, int(phone.stdout.readline()))
    finally:
        phone.kill()
        phone.wait()
        phone.stdout.close()


def queries(data):
    service = Service(data).provision()
    seed_calls(data, 1, 1, (START + n * SECOND for n in range(RECORDS)))
    with service.start(), httpx2.Client() as http:
        print(f"{RECORDS:,} records; milliseconds of the service's CPU a request (reach: under 2)")
        middle = format_date(START + RECORDS // 2 * SECOND)
        for name, path, asked in (
            ("query_status", "voice/query_status", {"txn_ref": f"AA-C-{RECORDS // 2}"}),
            ("get_history, page 1", "voice/get_history", {}),
            ("get_history, page 5000", "voice/get_history", {"page": "5000"}),
            ("get_history, page 10000", "voice/get_history", {"page": "10000"}),
            ("get_history from, page 2500", "voice/get_history", {"from": middle, "page": "2500"}),
        ):
            print(f"  {name:30}{cost(service, http, path, asked):7.2f}")


def cost(service, http, path, asked):
    form = {"app_id": service.app_id, "access_token": service.token, **asked}
    before = cpu_seconds(service.process.pid)
    for _ in range(ROUNDS):
        answer = http.post(service.base_url + path, data=form).json()
        assert answer["status"] == "success_ok", answer
    return (cpu_seconds(service.process.pid) - before) / ROUNDS * 1000


def calls_up(data, calls, port):
    numbers = [f"+65{20_000_000 + index}" for index in range(2 * calls)]
    routes = dict.fromkeys(numbers, f"sip:127.0.0.1:{port}")
    service = Service(data, routes=routes).provision(credit="1000")
    hoist_limit(data)
    with service.start(), service.client() as client:
        refs = [
            client.voice.call(*numbers[at : at + 2]).raise_for_error().txn_ref
            for at in range(0, 2 * calls, 2)
        ]
        wait_until(lambda: service.log.read_text().count("call bridged") == calls, timeout=30)
        time.sleep(SETTLING)
        pids = (service.process.pid, engine_of(service))
        before, began = [cpu_seconds(pid) for pid in pids], time.monotonic()
        time.sleep(SECONDS)
        seconds = time.monotonic() - began
        used = [(cpu_seconds(pid) - b) / seconds for pid, b in zip(pids, before, strict=True)]
        memory = sum(rss(pid) for pid in pids) / 1e6
        print(f"{calls} calls up: service and engine together")
        print(f"  {memory:.0f} MB of memory (reach with 10 calls: under 150)")
        print(f"  {sum(used) * 1000 / calls:.1f} ms of CPU a second and call (reach: under 25)")
        for ref in refs:
            client.voice.hangup(ref)


def hoist_limit(data):
    """An account may have eight calls up; these are more."""
    with closing(sqlite3.connect(data / "hoiio.db")) as db, db:
        db.execute("UPDATE accounts SET concurrent_calls = 1000")


def engine_of(service):
    pid = service.process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


if __name__ == "__main__":
    main(int((sys.argv[1:] or [10])[0]))
