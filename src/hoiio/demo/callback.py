"""The demo's call-back: asked for its price, placed, listened to, hung up, and its record shown."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from hoiio import Hoiio
from hoiio.demo.playground import ALICE, BOB, CREDIT, Playground
from hoiio.demo.processes import Deadline
from hoiio.demo.screen import Screen
from hoiio.demo.seen import expect, hung_up, listen, ok, pick_up

RATE: Final = Decimal("0.036")
TALKTIME: Final = 2352


def call_back(place: Playground, screen: Screen, deadline: Deadline) -> Decimal:
    """Tell all of it; returns what it cost. Raises ``NotSeen``."""
    _price(screen)
    ref = _call(place, screen, deadline)
    screen.step("Each hears the other")
    alice, bob = place.phones[:2]
    listen(alice, [bob], screen, deadline)
    listen(bob, [alice], screen, deadline)
    _live(ref, screen)
    screen.step("The hangup")
    screen.code(f"Hoiio.voice.hangup('{ref}')")
    ok(Hoiio.voice.hangup(ref))
    for phone in (alice, bob):
        hung_up(phone, screen, deadline)
    _record(ref, screen)
    return RATE


def _price(screen: Screen) -> None:
    screen.step("The price, before anything rings")
    screen.code(f"Hoiio.voice.rate('{ALICE}', '{BOB}')")
    price = ok(Hoiio.voice.rate(ALICE, BOB))
    expect(price.rate_decimal == RATE, f"a rate of {RATE}, not {price.rate_decimal}")
    expect(price.talktime == TALKTIME, f"a talktime of {TALKTIME}, not {price.talktime}")
    screen.fact(f"{price.rate_decimal} {price.currency} a minute, both legs together")
    screen.fact(f"{CREDIT} {price.currency} of credit last {price.talktime} minutes")


def _call(place: Playground, screen: Screen, deadline: Deadline) -> str:
    screen.step("The call: one phone rings, then the other")
    screen.code(f"Hoiio.voice.call('{ALICE}', '{BOB}')")
    ref = ok(Hoiio.voice.call(ALICE, BOB)).txn_ref or ""
    expect(ref != "", "a transaction reference")
    screen.fact(f"accepted as {ref}")
    alice, bob = place.phones[:2]
    pick_up(alice, BOB, screen, deadline)
    pick_up(bob, ALICE, screen, deadline)
    return ref


def _live(ref: str, screen: Screen) -> None:
    screen.step("The call's state while they talk")
    screen.code(f"Hoiio.voice.status('{ref}')")
    live = ok(Hoiio.voice.status(ref))
    states = live.call_status_dest1, live.call_status_dest2
    expect(states == ("ongoing", "ongoing"), f"both legs ongoing, not {states}")
    screen.fact(f"{ALICE} {states[0]}, {BOB} {states[1]}")


def _record(ref: str, screen: Screen) -> None:
    screen.step("The record, and what it cost")
    screen.code(f"Hoiio.voice.status('{ref}')")
    record = ok(Hoiio.voice.status(ref))
    states = record.call_status_dest1, record.call_status_dest2
    expect(states == ("answered", "answered"), f"both legs answered, not {states}")
    expect(record.duration == 1, f"one started minute, not {record.duration}")
    expect(record.debit_decimal == RATE, f"a debit of {RATE}, not {record.debit_decimal}")
    screen.table(
        {
            "reference": ref,
            "date": f"{record.date} (GMT+8)",
            "from": f"{record.dest1}, {states[0]}",
            "to": f"{record.dest2}, {states[1]}",
            "duration": f"{record.duration} started minute",
            "rate": f"{record.rate_decimal} {record.currency}",
            "cost": f"{record.debit_decimal} {record.currency}",
        }
    )
    screen.fact("one started minute, charged once")
