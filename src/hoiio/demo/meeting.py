"""The demo's conference: three talk, a fourth joins and is hung up, and each has a bill."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from hoiio import Hoiio
from hoiio.demo.playground import ALICE, BOB, CAROL, DAVE, Playground
from hoiio.demo.processes import Deadline, Phone
from hoiio.demo.screen import Screen
from hoiio.demo.seen import expect, hung_up, listen, ok, pick_up

RATE: Final = Decimal("0.018")


def conference(place: Playground, screen: Screen, deadline: Deadline) -> Decimal:
    """Tell all of it; returns what it cost. Raises ``NotSeen``."""
    *three, dave = place.phones
    room, refs = _begin(three, screen, deadline)
    screen.step("Each hears the two others, and not itself")
    _listen_all(three, screen, deadline)
    screen.step("One more joins: all hear each other")
    screen.code(f"Hoiio.voice.conference('{DAVE}', room='{room}')")
    joined = ok(Hoiio.voice.conference(DAVE, room=room))
    expect(joined.room == room, f"{DAVE} in {room}, not in {joined.room}")
    last = (joined.txn_refs or [""])[0]
    expect(last != "", "a transaction reference")
    pick_up(dave, ALICE, screen, deadline)
    _listen_all([*three, dave], screen, deadline)
    screen.step("One is hung up: the others talk on")
    screen.code(f"Hoiio.voice.hangup('{last}')")
    ok(Hoiio.voice.hangup(last))
    hung_up(dave, screen, deadline)
    _listen_all(three, screen, deadline)
    return _bills([*refs, last], three, screen, deadline)


def _begin(three: list[Phone], screen: Screen, deadline: Deadline) -> tuple[str, list[str]]:
    screen.step("A conference of three: all are rung at once")
    screen.code(f"Hoiio.voice.conference('{ALICE}', '{BOB}', '{CAROL}')")
    begun = ok(Hoiio.voice.conference(ALICE, BOB, CAROL))
    room, refs = begun.room or "", begun.txn_refs or []
    expect(room != "" and len(refs) == 3, f"a room and three references, not {room} and {refs}")
    screen.fact(f"room {room}: {', '.join(refs)}")
    for phone in three:
        pick_up(phone, ALICE, screen, deadline)
    return room, refs


def _listen_all(phones: list[Phone], screen: Screen, deadline: Deadline) -> None:
    for phone in phones:
        listen(phone, [other for other in phones if other is not phone], screen, deadline)


def _bills(refs: list[str], left: list[Phone], screen: Screen, deadline: Deadline) -> Decimal:
    screen.step("The end, and what each of them cost")
    for ref, phone in zip(refs, left, strict=False):
        screen.code(f"Hoiio.voice.hangup('{ref}')")
        ok(Hoiio.voice.hangup(ref))
        hung_up(phone, screen, deadline)
    total = Decimal(0)
    for ref in refs:
        bill = ok(Hoiio.voice.status(ref))
        expect(bill.call_status_dest1 == "answered", f"{ref} answered: {bill.call_status_dest1}")
        expect(bill.debit_decimal == RATE, f"a debit of {RATE}, not {bill.debit_decimal}")
        screen.note(
            f"{ref}  {bill.dest1}  {bill.duration} started minute"
            f"  {bill.debit_decimal} {bill.currency}"
        )
        total += RATE
    screen.fact(f"each a transaction of its own: {total} together")
    return total
