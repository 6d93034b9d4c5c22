"""Kill and stop a service's processes at random moments, under load: nothing may be lost or twice.

    python benchmarks/chaos.py [--blows 300] [--seed N]

A real service on a real database, with scripted phones behind a trunk, is asked for call-backs,
conferences, hangups and mutes, some of them twice at once, while it or its engine is killed
(SIGKILL) or stopped (SIGSTOP, up to 10 s) again and again. What got no answer is asked again under
its key. The audit must pass after every blow; in the end each request has exactly one set of
records, each record one settlement, nobody was rung twice or late, nobody pays beyond the time up,
no balance is below zero, and every notification has arrived under one id. Exit code 1, and a list,
otherwise.
"""

import argparse
import contextlib
import os
import queue
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kit import verdict
from kit.asking import Asker, Request, told_refs
from kit.crowd import Crowd
from kit.inbox import Inbox
from kit.process import children

from support.service import UNHURRIED, Service, admin

RICH, POOR = 4, 2
"""Accounts with more credit than they need, and with credit for some seconds of talk."""

TARIFF = "prefix,rate,initial,increment\n65,0.060,1,1\n"
"""By the second, so that a second too much shows."""

ASKERS = 6
LONGEST = 90
"""Seconds after which every call ends by itself."""

COME_TO_REST = 120.0
"""Seconds within which all is settled and told once nobody asks for anything any more."""

LULL = 50
"""Blows after which there is none for a minute, so that calls come to their second one."""

LONG = 0.1
"""Share of the phones that stay for so long."""


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--blows", type=int, default=300)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument("--folder", type=Path, help="an empty one, to be kept")
    chosen = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before its time"))
    print(f"pid {os.getpid()}, seed {chosen.seed}, {chosen.blows} blows", flush=True)
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="hoiio-chaos-")
        folder = chosen.folder or Path(stack.enter_context(made))
        crowd = stack.enter_context(Crowd(invites=True))
        inbox = stack.enter_context(Inbox(refuses=lambda ref: int(ref[-2:]) % 5 == 0))
        service = Service(folder / "data", config=configuration(crowd))
        chaos = Chaos(service, crowd, inbox, provision(folder), chosen)
        stack.enter_context(service)
        problems = chaos.run()
    for problem in problems:
        print(f"WRONG: {problem}")
    print("all is well" if not problems else f"{len(problems)} problems")
    sys.exit(bool(problems))


def configuration(crowd):
    """The crowd is the trunk: every number leads to it."""
    return "\n".join(
        [
            'log.format = "json"',
            "[sip.trunk]",
            'host = "127.0.0.1"',
            f"port = {crowd.port}",
            "[calls]",
            f"max_duration = {LONGEST}",
            "ring_dest1 = 5",
            "ring_dest2 = 5",
            "[guards]",
            "spend_per_hour = 1000000",
            "spend_per_day = 1000000",
            "unconnected_seconds_per_hour = 1000000",
            "unconnected_cost_per_hour = 1000000",
        ]
    )


def provision(folder):
    """The credentials of each account's application."""
    tariff = folder / "tariff.csv"
    tariff.write_text(TARIFF)
    data = folder / "data"
    for index in range(RICH + POOR):
        credit = "100000" if index < RICH else "0.5"
        admin(data, "account", "create", f"account-{index}", "--credit", credit)
        admin(data, "account", "set", f"account-{index}", *UNHURRIED)
    admin(data, "tariff", "import", tariff)
    apps = [admin(data, "app", "create", f"account-{i}") for i in range(RICH + POOR)]
    return [{name: app[name] for name in ("app_id", "access_token")} for app in apps]


class Chaos:
    """One run: who asks, who strikes, and what is found in the end."""

    def __init__(self, service, crowd, inbox, apps, chosen):
        self.service, self.crowd, self.inbox, self.apps = service, crowd, inbox, apps
        self.blows, self.random = chosen.blows, random.Random(chosen.seed)
        self.asker = Asker(lambda: service.base_url)
        self.requests, self.problems, self.struck, self.stops = [], [], Counter(), []
        self.asking = True
        self.long = LONG if self.blows >= LULL else 0
        self._numbers = iter(range(30_000_000, 40_000_000))
        self._lock = threading.Lock()

    def run(self):
        """All problems that were found."""
        self.service.start()
        seeds = [self.random.random() for _ in range(ASKERS)]
        askers = [threading.Thread(target=self._ask, args=(random.Random(s),)) for s in seeds]
        for asker in askers:
            asker.start()
        try:
            for blow in range(1, self.blows + 1):
                lull = blow % LULL == 0
                time.sleep(self.random.uniform(45, 80) if lull else self.random.uniform(0.2, 2.5))
                self._strike()
                self._audit(f"after blow {blow}")
                if blow % 20 == 0:
                    self._print(blow)
        finally:
            self.asking = False
            for asker in askers:
                asker.join()
        self._come_to_rest()
        return [*self.problems, *self._judge()]

    def _problem(self, text):
        print(f"  problem: {time.strftime('%H:%M:%S')} {text}", flush=True)
        self.problems.append(text)

    # --- blows ---

    def _strike(self):
        """One blow to the service or to one of its engines."""
        engines = [pid for pid in children(self.service.process.pid) if _is_engine(pid)]
        way = self.random.choices(
            ["kill service", "kill engine", "stop service", "stop engine", "end service"],
            [5, 4, 2, 2, 1],
        )[0]
        self.struck[way] += 1
        whom = self.random.choice(engines) if way.endswith("engine") and engines else None
        if way == "kill service":
            self.service.kill()
            self.service.start()
        elif way == "end service":
            self.service.stop()
            self.service.start()
        elif way == "stop service":
            self._stop(self.service.process.pid)
        elif whom is not None and way == "kill engine":
            _signal(whom, signal.SIGKILL)
        elif whom is not None:
            self._stop(whom)

    def _stop(self, pid):
        seconds = 10.0 if self.random.random() < 0.1 else self.random.uniform(0.1, 3)
        began = time.monotonic()
        _signal(pid, signal.SIGSTOP)
        time.sleep(seconds)
        _signal(pid, signal.SIGCONT)
        self.stops.append((began, time.monotonic()))

    def _audit(self, when):
        for problem in verdict.books(self.service.data):
            self._problem(f"{when}: {problem}")

    def _print(self, blow):
        placed = sum(request.refs is not None for request in self.requests)
        print(
            f"{blow:4} blows  requests {len(self.requests):5}  placed {placed:5}"
            f"  without an answer {self.asker.unanswered:5}  problems {len(self.problems)}",
            flush=True,
        )

    # --- load ---

    def _ask(self, chance):
        while self.asking:
            try:
                self._one_request(chance)
            except Exception as problem:  # noqa: BLE001 - whatever it is, it is found in the end
                self._problem(f"asking: {problem!r}")
            time.sleep(chance.uniform(0.0, 0.4))

    def _one_request(self, chance):
        room = chance.random() < 0.3
        app = chance.choice(self.apps)
        numbers = [self._phone(chance) for _ in range(chance.randint(2, 4) if room else 2)]
        params = {"notify_url": self.inbox.url, "tag": str(chance.random())}
        if room:
            request = Request(app, "voice/conference", params | {"dest": ",".join(numbers)})
        else:
            both = dict(zip(("dest1", "dest2"), numbers, strict=True))
            request = Request(app, "voice/call", params | both)
        with self._lock:
            self.requests.append(request)
        twin = None
        if chance.random() < 0.3:
            twin = threading.Thread(target=self._place, args=(request,))
            twin.start()
        answer = self._place(request)
        if answer is not None and answer["status"] == "success_ok":
            self._moderate(chance, app, told_refs(answer), room=room)
        if twin is not None:
            twin.join()

    def _place(self, request):
        return self.asker.place(request, time.monotonic() + COME_TO_REST)

    def _phone(self, chance):
        """A number that nobody has called yet, with a phone that answers, or does not."""
        with self._lock:
            number = f"+65{next(self._numbers)}"
        fate = chance.random()
        self.crowd.script(
            number,
            answer_after=chance.uniform(0.02, 0.8) if fate > 0.1 else 20,
            talk=chance.uniform(55, 85) if chance.random() < self.long else chance.uniform(0.2, 8),
            refuse="486 Busy Here" if fate > 0.95 else None,
        )
        return number

    def _moderate(self, chance, app, refs, *, room):
        """End some calls before their phones do, and mute some people."""
        time.sleep(chance.uniform(0, 3))
        ref = chance.choice(refs)
        if chance.random() < 0.4:
            self.asker.post(app, "voice/hangup", {"txn_ref": ref})
        elif room:
            action = chance.choice(["mute", "unmute", "kick"])
            self.asker.post(app, "conference/moderate", {"txn_ref": ref, "action": action})

    # --- the end ---

    def _come_to_rest(self):
        """Ask once more for all, so that nothing is left open; then wait until all is told."""
        until = time.monotonic() + COME_TO_REST
        for request in self.requests:
            if self.asker.place(request, until) is None:
                self._problem(f"{request.key}: no answer, though nobody strikes any more")
        until = time.monotonic() + COME_TO_REST
        while time.monotonic() < until and self._open():
            time.sleep(0.5)

    def _open(self):
        """Whether a call is up or a notification has not arrived."""
        found = verdict.records(self.service.data)
        arrived = {ref for ref, posts in list(self.inbox.told.items()) if len(posts) > 0}
        again = {ref for ref in self.inbox.refused if len(self.inbox.told[ref]) < 2}
        return any(r.live for r in found) or again or {r.ref for r in found} - arrived

    def _judge(self):
        if self.service.stop() != 0:
            yield "the service did not end with exit code 0"
        found, reports = verdict.records(self.service.data), self._reports()
        to_wall = time.time() - time.monotonic()
        yield from verdict.books(self.service.data)
        yield from verdict.counted(self.service.data)
        yield from verdict.placed_once(found, self.requests)
        yield from verdict.rung(found, self.crowd.invites, to_wall)
        yield from verdict.billed(found, reports, self.stops)
        yield from verdict.notified(found, self.inbox.told)
        yield from self._refused_come_again()
        print(f"blows {dict(self.struck)}")
        print(f"requests {len(self.requests)}, records {len(found)}")
        minutes = sum(r.billed > 60 for r in found)
        print(
            f"rung {len(self.crowd.invites)}, billed {sum(r.debit > 0 for r in found)},"
            f" {minutes} of them beyond a minute"
        )
        print(f"without an answer {self.asker.unanswered}")
        posts = sum(map(len, self.inbox.told.values()))
        print(f"notifications {len(self.inbox.told)} in {posts} posts")

    def _refused_come_again(self):
        for ref in self.inbox.refused:
            if len(self.inbox.told[ref]) < 2:
                yield f"{ref}: its notification was refused once and never came again"

    def _reports(self):
        """What the phones told; those whose engine was killed give up by themselves."""
        reports, until = [], time.monotonic() + COME_TO_REST
        while time.monotonic() < until:
            with contextlib.suppress(queue.Empty):
                reports.append(self.crowd.reports.get(timeout=0.2))
            ended = {report["number"] for report in reports}
            if all(invite["number"] in ended for invite in self.crowd.invites):
                break
        return reports


def _is_engine(pid):
    with contextlib.suppress(OSError):
        return b"embedded" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _signal(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    main()
