"""What happens in the soak: call-backs and conferences, each told by a thread from end to end.

A story scripts its phones, asks the service as any application would, waits until all is over, and
compares what the phones and the record say with what it wanted. What differs is a problem.
"""

import threading
import time

from hoiio.wire import Action
from kit.world import judge_bill, settled

PATIENCE = 40.0
"""Seconds until a phone must have reported, after the last moment that its call may last to."""

EAR = 8.0
"""Seconds with somebody who speaks after which silence is a problem."""


# --- call-backs -----------------------------------------------------------------------------------


def call_back(world, client):
    """One call-back, ended in one of seven ways."""
    ways = ["one", "two", "api", "api", "limit", "busy", "nobody"]
    way = world.random.choices(ways, [4, 4, 2, 2, 3, 1, 1])[0]
    talk = world.talk()
    with world.phones(2) as (one, two):
        ring = world.random.uniform(0.1, 2)
        world.crowd.script(one, answer_after=ring, talk=talk if way == "one" else None)
        world.crowd.script(
            two,
            answer_after=90 if way == "nobody" else ring,
            talk=talk if way == "two" else None,
            refuse="486 Busy Here" if way == "busy" else None,
        )
        options = {"max_duration": max(4, int(talk))} if way == "limit" else {}
        placed = client.voice.call(one, two, tag=way, notify_url=world.notify_url, **options)
        if not placed.is_success():
            world.problem(f"a call-back was refused: {placed.status}")
            return
        ref = placed.txn_ref
        world.note(f"call-back, {way}", ref)
        world.ringing(one, two)
        if way in {"api", "nobody"}:
            time.sleep(2 * ring + (talk if way == "api" else 3))
            done = client.voice.hangup(ref)
            if not done.is_success():
                world.problem(f"{ref}: hangup answered {done.status}")
        told = [world.report(number, talk + PATIENCE) for number in (one, two)]
        _judge_call_back(world, client, ref, way, told)


def _judge_call_back(world, client, ref, way, told):
    if None in told:
        world.problem(f"{ref} ({way}): a phone was not rung, or its call never ended")
        return
    one, two = told
    wanted = {"busy": "busy", "nobody": "unanswered"}.get(way, "answered")
    answered = [report["answered"] is not None for report in told]
    if answered != [True, wanted == "answered"]:
        world.problem(f"{ref} ({way}): its phones answered {answered}")
        return
    ours = [report["ended_by"] == "us" for report in told]
    if ours != [way == "one", way in {"two", "busy"}]:
        world.problem(f"{ref} ({way}): which phone ended it by itself: {ours}")
    record = settled(world, client, ref)
    if record is None:
        return
    if (record.call_status_dest1, record.call_status_dest2) != ("answered", wanted):
        world.problem(f"{ref} ({way}): {record.call_status_dest1}, {record.call_status_dest2}")
    if wanted != "answered":
        if (record.duration, record.debit) != (0, 0):
            world.problem(f"{ref} ({way}): billed {record.duration} min, {record.debit}")
        return
    judge_bill(world, record, two["answered"], min(one["ended"], two["ended"]))
    if two["ended"] - two["answered"] > EAR and not (one["loud"] and two["loud"]):
        world.problem(f"{ref} ({way}): silence on the line, {one} {two}")


# --- conferences ----------------------------------------------------------------------------------


def conference(world, client):
    """A room: some are called into it at once, others one by one while it lasts."""
    people = world.random.randint(3, 8)
    first = world.random.randint(2, people)
    lasts = world.talk()
    with world.phones(people) as numbers:
        guests = [_Guest(world, client, number, lasts) for number in numbers]
        placed = client.voice.conference(*numbers[:first], notify_url=world.notify_url)
        if not placed.is_success():
            world.problem(f"a conference was refused: {placed.status}")
            return
        world.note("conference", *placed.txn_refs)
        for guest, ref in zip(guests, placed.txn_refs, strict=False):
            guest.come(ref)
        for guest in guests[first:]:
            time.sleep(world.random.uniform(0, lasts / people))
            joined = client.voice.conference(
                guest.number, room=placed.room, notify_url=world.notify_url
            )
            if joined.is_success() and joined.room == placed.room:
                world.note("conference, joined", *joined.txn_refs)
                guest.come(joined.txn_refs[0])
            else:
                world.problem(f"joining room {placed.room}: {joined.status}, {joined.room}")
        for guest in guests:
            guest.wait()
        _judge_hearing(world, guests)


class _Guest:
    """One who is called into a room, stays a while, and leaves in one of three ways."""

    def __init__(self, world, client, number, lasts):
        self.world, self.client, self.number = world, client, number
        self.stays = world.random.uniform(4, max(5, lasts))
        self.way = world.random.choice(["phone", "hangup", "kick"])
        self.muted = world.random.random() < 0.2
        self.ring = world.random.uniform(0.1, 2)
        self.ref, self.told, self._thread = None, None, None
        leaves = self.stays if self.way == "phone" else None
        world.crowd.script(number, answer_after=self.ring, talk=leaves)

    def come(self, ref):
        self.ref = ref
        self.world.ringing(self.number)
        self._thread = threading.Thread(target=self._stay)
        self._thread.start()

    def wait(self):
        if self._thread is not None:
            self._thread.join()

    def _stay(self):
        time.sleep(self.ring + 1)
        moderate = self.client.voice.moderate
        if self.muted:
            self._succeed(moderate(self.ref, Action.MUTE))
            time.sleep(1)
            self._succeed(moderate(self.ref, Action.UNMUTE))
        time.sleep(max(0.0, self.stays - 2))
        if self.way == "hangup":
            self._succeed(self.client.voice.hangup(self.ref))
        elif self.way == "kick":
            self._succeed(moderate(self.ref, Action.KICK))
        self.told = self.world.report(self.number, self.stays + PATIENCE)
        self._judge()

    def _succeed(self, answer):
        if not answer.is_success():
            self.world.problem(f"{self.ref} ({self.way}): moderating answered {answer.status}")

    def _judge(self):
        if self.told is None or self.told["answered"] is None:
            self.world.problem(f"{self.ref} ({self.way}): its phone told {self.told}")
            return
        if (self.told["ended_by"] == "us") != (self.way == "phone"):
            self.world.problem(f"{self.ref} ({self.way}): ended by {self.told['ended_by']}")
        record = settled(self.world, self.client, self.ref)
        if record is None:
            return
        if record.call_status_dest1 != "answered":
            self.world.problem(f"{self.ref} ({self.way}): {record.call_status_dest1}")
        judge_bill(self.world, record, self.told["answered"], self.told["ended"])

    def with_others(self, others):
        """Seconds that it was together with the one who spoke with it for longest."""
        mine = self.told
        return max(
            min(mine["ended"], other.told["ended"]) - max(mine["answered"], other.told["answered"])
            for other in others
        )


def _judge_hearing(world, guests):
    there = [guest for guest in guests if guest.told and guest.told["answered"]]
    for guest in there:
        others = [other for other in there if other is not guest and not other.muted]
        if others and guest.with_others(others) > EAR and not guest.told["loud"]:
            world.problem(f"{guest.ref}: silence in the room, {guest.told}")
