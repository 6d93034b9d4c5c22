"""An hour of a service at half its ceiling: calls and conferences coming and going.

    python benchmarks/soak.py [--minutes 60] [--seed N]

A real service, its database in a temporary folder, is asked by the package's own client; scripted
phones answer. Every call must end as it was scripted, with the right record and bill, and nothing
may grow. Exit code 1, and a list, when anything is wrong.
"""

import argparse
import http.server
import os
import random
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kit import books, gauge
from kit.crowd import Crowd
from kit.stories import call_back, conference
from kit.world import World

from hoiio import Client
from support.service import UNHURRIED, Service, admin

NUMBERS = [f"+65{30_000_000 + index}" for index in range(64)]
ACCOUNTS = 8
CREDIT = "1000000"
CEILINGS = ("spend_per_hour", "spend_per_day", "unconnected_seconds_per_hour",
            "unconnected_cost_per_hour")  # fmt: skip
UNGUARDED = ["[guards]", *(f"{ceiling} = 0" for ceiling in CEILINGS)]
"""An hour of calls without a pause is what these guards are there to stop."""
CEILING = 50
LEGS = 25
"""Half of the ceiling."""

ROOM_SHARE = 0.3
CLOSING = 2.0
"""Seconds after which the service has closed what its clients closed."""

QUIET = 10.0
"""Seconds within which it must be as it was before, once nothing happens any more."""

LONG = 5.0
"""Minutes from which on memory must have settled after the first sixth."""


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before its time"))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hoiio-soak-")))
        crowd = stack.enter_context(Crowd())
        receiver = stack.enter_context(Receiver())
        service = Service(folder / "data", config=routes(crowd))
        credentials = provision(folder)
        service.start()
        stack.enter_context(service)
        problems = soak(service, crowd, receiver, credentials, chosen)
    for problem in problems:
        print(f"WRONG: {problem}")
    print("all is well" if not problems else f"{len(problems)} problems")
    sys.exit(bool(problems))


def routes(crowd):
    lines = [f'"{number}" = "{crowd.uri}"' for number in NUMBERS]
    return "\n".join(['log.format = "json"', *UNGUARDED, "[sip.routes]", *lines])


def provision(folder):
    """Accounts with credit, as eight calls at once are the most that one may have.

    The stories ask more often in a minute than one may.
    """
    tariff = folder / "tariff.csv"
    tariff.write_text("prefix,rate\n65,0.018\n")
    for index in range(ACCOUNTS):
        name = ("account", "create", f"account-{index}", "--credit", CREDIT)
        admin(folder / "data", *name, "--number", NUMBERS[index])
        admin(folder / "data", "account", "set", f"account-{index}", *UNHURRIED)
    admin(folder / "data", "tariff", "import", tariff)
    return [admin(folder / "data", "app", "create", f"account-{i}") for i in range(ACCOUNTS)]


def soak(service, crowd, receiver, credentials, chosen):
    seconds = chosen.minutes * 60
    clients = [
        Client(app["app_id"], app["access_token"], base_url=service.base_url) for app in credentials
    ]
    world = World(crowd, clients, NUMBERS, receiver.url, time.monotonic() + seconds, chosen.seed)
    print(f"pid {os.getpid()}, service {service.process.pid}, seed {chosen.seed}", flush=True)
    warm_up(world, clients)
    watch = gauge.Gauge(service.process.pid, every=min(5.0, seconds / 30))
    idle = watch.look()
    watch.start()
    began = time.monotonic()
    world.until = began + seconds
    stories = live(world, watch, clients, began)
    watch.stop()
    for story in stories:
        story.join()
    lasted = time.monotonic() - began
    for client in clients:
        client.close()
    after = quiet(watch, idle)
    first, last = watch.stretches()
    print_table(world, idle, first, last, after, lasted)
    stopped = [*finish(service, world)]
    frames, missing, late = books.audio(service.log.read_text())
    print(f"frames of audio {frames}, missing {missing} ({100 * missing / max(frames, 1):.3f} %)")
    print(f"mixer's latest tick {late} ms")
    return [
        *world.problems,
        *gauge.drift(first, last, 0.1 if chosen.minutes >= LONG else 0.3),
        *gauge.left_over(idle, after),
        *books.notified(receiver.refs, world.placed),
        *stopped,
        *([] if frames else ["nothing was logged of the audio"]),
    ]


def warm_up(world, clients):
    """One of each first, so that everything that is made once has been."""
    for story in (call_back, conference):
        world.until = 0
        story(world, clients[0])
    for client in clients:
        client.account.balance()
        client.close()
    time.sleep(CLOSING)


def quiet(watch, idle):
    """How the service is once it has come to rest, or has not in time."""
    end = time.monotonic() + QUIET
    while [*gauge.left_over(idle, after := watch.look())] and time.monotonic() < end:
        time.sleep(0.5)
    return after


def live(world, watch, clients, began):
    """Start stories until the time is up; returns their threads."""
    stories, minute, wanted, change = [], 0, LEGS, 0.0
    while (now := time.monotonic()) < world.until:
        if now > change:
            wanted, change = LEGS * world.random.uniform(0.8, 1.2), now + 20
        stories = [story for story in stories if story.is_alive()]
        room = len(world.up) < wanted and world.taken + 8 <= CEILING
        if room and (story := next_story(world, clients, stories)):
            story.start()
            stories.append(story)
        if now >= began + 60 * minute:
            print_minute(world, watch, minute)
            minute += 1
        time.sleep(world.random.uniform(0.05, 0.4))
    return stories


def next_story(world, clients, stories):
    """A call-back of one of the first accounts or a conference of another, if one may place it.

    A conference takes up to eight of an account's calls: it is the only one of its account.
    """
    told = [story.name for story in stories]
    room = world.random.random() < ROOM_SHARE
    accounts = range(ACCOUNTS // 2, ACCOUNTS) if room else range(ACCOUNTS // 2)
    for index in world.random.sample(accounts, len(accounts)):
        if told.count(str(index)) < (1 if room else 8):
            tell = conference if room else call_back
            return threading.Thread(
                target=guarded, name=str(index), args=(tell, world, clients[index])
            )
    return None


def guarded(tell, world, client):
    try:
        tell(world, client)
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is a problem and not the end
        world.problem(f"{tell.__name__}: {problem!r}")


def finish(service, world):
    """Problems of the books and the log, and of a service that does not end well."""
    if service.stop() != 0:
        yield "the service did not end with exit code 0"
    yield from books.problems(service.data, world.placed)
    yield from books.log_problems(service.log.read_text())


def print_minute(world, watch, minute):
    now, (service, engine) = watch.look(), watch.cpu()
    print(
        f"{minute:3} min  legs {len(world.up):2}  transactions {len(world.placed):5}"
        f"  problems {len(world.problems)}  MB {now.service:.1f} + {now.engine:.1f}"
        f"  files {now.files}  threads {now.threads}"
        f"  CPU ms/s {service:.0f} + {engine:.0f}  load {gauge.load():.1f}",
        flush=True,
    )


def print_table(world, idle, first, last, after, lasted):
    print(f"{'':24}{'idle':>8}{'first':>8}{'last':>8}{'idle':>8}")
    for name, what in (
        ("service", "MB of the service"),
        ("engine", "MB of the engine"),
        ("files", "open files of both"),
        ("threads", "threads of both"),
    ):
        values = (getattr(sample, name) for sample in (idle, first, last, after))
        print(f"{what:24}" + "".join(f"{value:8.1f}" for value in values))
    print(f"transactions {len(world.placed)} in {lasted / 60:.1f} minutes")
    print(f"legs up on average {world.leg_seconds / lasted:.1f}")
    print(f"longest {world.longest:.0f} seconds")
    for kind, times in sorted(world.kinds.items()):
        print(f"  {kind:22}{times:6}")


class Receiver:
    """A customer's web server that keeps the refs of the calls whose ends it is told."""

    def __init__(self):
        refs = self.refs = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                refs.extend(parse_qs(body)["txn_ref"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/ended"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


if __name__ == "__main__":
    main()
