"""What must be true after any crash: read from the database, from the phones, and from the inbox.

Each function yields problems, as texts.
"""

import math
from collections import Counter
from dataclasses import dataclass

from integration.storage.store import ask
from integration.storage.store import problems as audited
from kit.asking import told_refs

LATE = 11.0
"""Seconds after its admission within which a call's first phone rings, or never: 10, and a margin
for the INVITE's way."""

SECOND = 30.0
"""Seconds after its admission within which its second rings: when the first has answered."""

EVIDENCE = 8.0
"""Seconds by which the end of a call whose service was killed may be told too early: the heartbeat,
and the time that its engine takes to end."""

STAMPS = 0.5
"""Seconds by which the phones' clock and the service's stamps may differ."""


@dataclass(frozen=True)
class Record:
    """A call as stored; instants in seconds, ``billed`` in seconds at a price of 1/1."""

    ref: str
    dest1: str
    dest2: str
    status1: str
    status2: str
    date: float
    ended: float | None
    debit: int
    rate: int
    live: bool

    @property
    def billed(self):
        return 60 * self.debit / self.rate


def records(data):
    """Every call of the database."""
    rows = ask(
        data,
        """SELECT ref, dest1, dest2, status1, status2, date / 1e6, ended_at / 1e6,
        coalesce(debit, 0), rate1 + rate2, live FROM calls ORDER BY id""",
    )
    return [Record(*row) for row in rows]


def books(data):
    """What the product's own audit finds, and balances below zero."""
    yield from (f"the audit: {problem}" for problem in audited(data))
    for account, points, bonus in ask(data, "SELECT name, points, bonus FROM accounts"):
        if points < 0 or bonus < 0:
            yield f"{account}: {points} points and {bonus} bonus"


def counted(data):
    """The guards have counted what was spent in the day that they count, no more and no less."""
    wrong = ask(
        data,
        """SELECT name, spent_in_day, (
            SELECT coalesce(sum(debit), 0) FROM calls
            WHERE account = accounts.id AND (date + 28800000000) / 86400000000 = spent_day
        ) AS spent
        FROM accounts WHERE spent_in_day <> spent""",
    )
    yield from (f"{name}: {count} counted, {spent} spent" for name, count, spent in wrong)


def placed_once(found, requests):
    """Each request has one set of records, whatever it was answered, and no record is nobody's."""
    told = Counter(ref for request in requests for ref in request.refs or ())
    for request in requests:
        answers = {tuple(told_refs(a)) for a in request.answers if a["status"] == "success_ok"}
        if len(answers) > 1:
            yield f"{request.key}: placed more than once: {answers}"
    for record in found:
        if told[record.ref] != 1:
            yield f"{record.ref}: told {told[record.ref]} times as what was placed"
        if record.live:
            yield f"{record.ref}: not settled"
    lost = told.keys() - {record.ref for record in found}
    yield from (f"{ref}: told as placed, and no record of it" for ref in lost)


def rung(found, invites, to_wall):
    """Nobody is rung twice, for no record, or late. Each number is asked for once in the run."""
    by_number = {}
    for record in found:
        for number in filter(None, (record.dest1, record.dest2)):
            if number in by_number:
                yield f"{number}: in two records, {by_number[number].ref} and {record.ref}"
            by_number[number] = record
    times = Counter(invite["number"] for invite in invites)
    for invite in invites:
        number, at = invite["number"], invite["invited"] + to_wall
        record = by_number.get(number)
        if times[number] > 1:
            yield f"{number}: rung {times[number]} times"
        if record is None:
            yield f"{number}: rung without a record"
        elif at < record.date - STAMPS:
            yield f"{record.ref}: rung {record.date - at:.1f} s before it was admitted"
        elif number == record.dest1 and at > record.date + LATE:
            yield f"{record.ref}: rung {at - record.date:.1f} s after it was admitted"
        elif at > record.date + SECOND or at > record.ended + EVIDENCE:
            yield f"{record.ref}: {number} rung {at - record.ended:.1f} s after its end"


def billed(found, reports, stops):
    """Nobody pays for longer than the phone was up, or for a phone that was not answered.

    An engine that was stopped, at ``stops``, stamps an end when it goes on.
    """
    up = {}
    for report in reports:
        answered, ended = report["answered"], report["ended"]
        stood = sum(to - at for at, to in stops if answered and answered < at < ended + STAMPS)
        up[report["number"]] = 0.0 if answered is None else ended - answered + stood
    for record in found:
        if record.ended < record.date:
            yield f"{record.ref}: ended {record.date - record.ended:.1f} s before it was admitted"
        paying = record.dest2 or record.dest1
        status = record.status2 or record.status1
        if record.debit == 0:
            continue
        if status != "answered":
            yield f"{record.ref}: {record.debit} for a call that was {status}"
        elif paying not in up:
            yield f"{record.ref}: billed, and its phone never told of an end"
        elif record.billed > math.ceil(up[paying] + STAMPS):
            yield f"{record.ref}: {record.billed} s billed, {up[paying]:.2f} s up: {record}"


def notified(found, told):
    """Every call's end arrived, under one id of its own and with one text."""
    owners = {}
    for record in found:
        posts = told.get(record.ref, [])
        if not posts:
            yield f"{record.ref}: its notification never came"
        if len(set(posts)) > 1:
            yield f"{record.ref}: told differently: {sorted(set(posts))}"
        for name, _ in posts:
            if name is None or owners.setdefault(name, record.ref) != record.ref:
                yield f"{record.ref}: its webhook-id is {name}, of {owners.get(name)}"
