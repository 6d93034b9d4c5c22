"""``make demo``: one call from its price to its bill, each step really seen or the demo fails."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from hoiio import Hoiio
from hoiio.demo.playground import ALICE, BOB, CREDIT, Playground, playground
from hoiio.demo.processes import Deadline, Event, NotSeen, Phone
from hoiio.demo.screen import Screen
from hoiio.response import Response

PATIENCE: Final = 50.0
"""Seconds for the whole story; it takes about a dozen."""

RATE: Final = Decimal("0.036")
TALKTIME: Final = 2352
HZ_OFF: Final = 5
"""How far from its tone a phone may be heard, in Hz."""


def show(screen: Screen) -> None:
    """Tell the whole story; raises ``NotSeen`` at the first thing that does not happen."""
    deadline = Deadline.after(PATIENCE)
    screen.step("Two phones and a service, on this machine alone")
    with playground(screen.command, deadline, answer_after=1.0) as place:
        screen.fact(f"two SIP phones wait: {ALICE} and {BOB}")
        screen.fact(f"the service is ready at {place.base_url}")
        _tell(place, screen, deadline)
        _expect(place.service.stop() == 0, "the service ends in good order")
        Hoiio.close()
    screen.done("All of it really happened, and nothing is left of it.")


def _tell(place: Playground, screen: Screen, deadline: Deadline) -> None:
    Hoiio.init(place.app_id, place.access_token, base_url=place.base_url)
    _price(screen)
    ref = _call(place, screen, deadline)
    _listen(place, screen, deadline)
    _live(ref, screen)
    _hang_up(ref, place, screen, deadline)
    _record(ref, screen)
    _history(ref, screen)
    _balance(screen)


def _price(screen: Screen) -> None:
    screen.step("The price, before anything rings")
    screen.code(f"Hoiio.voice.rate('{ALICE}', '{BOB}')")
    price = _ok(Hoiio.voice.rate(ALICE, BOB))
    _expect(price.rate_decimal == RATE, f"a rate of {RATE}, not {price.rate_decimal}")
    _expect(price.talktime == TALKTIME, f"a talktime of {TALKTIME}, not {price.talktime}")
    screen.fact(f"{price.rate_decimal} {price.currency} a minute, both legs together")
    screen.fact(f"{CREDIT} {price.currency} of credit last {price.talktime} minutes")


def _call(place: Playground, screen: Screen, deadline: Deadline) -> str:
    screen.step("The call: one phone rings, then the other")
    screen.code(f"Hoiio.voice.call('{ALICE}', '{BOB}')")
    ref = _ok(Hoiio.voice.call(ALICE, BOB)).txn_ref or ""
    _expect(ref != "", "a transaction reference")
    screen.fact(f"accepted as {ref}")
    _pick_up(place.alice, BOB, screen, deadline)
    _pick_up(place.bob, ALICE, screen, deadline)
    return ref


def _pick_up(phone: Phone, caller: str, screen: Screen, deadline: Deadline) -> None:
    shown = phone.expect("ringing", deadline)["caller_id"]
    _expect(shown == caller, f"{phone.number} ringing with {caller} on it, not {shown}")
    screen.fact(f"{phone.number} rings and shows {shown}")
    phone.expect("answered", deadline)
    screen.fact(f"{phone.number} answers")


def _listen(place: Playground, screen: Screen, deadline: Deadline) -> None:
    screen.step("Each hears the other")
    for phone, other in ((place.alice, place.bob), (place.bob, place.alice)):
        tone = _hear(phone, other.tone, deadline)
        screen.fact(
            f"{phone.number} plays {phone.tone} Hz"
            f" and hears {tone['hz']} Hz at {tone['level']} dBFS"
        )


def _hear(phone: Phone, hz: int, deadline: Deadline) -> Event:
    """Wait for a second in which the phone hears this tone and no other."""
    while True:
        tones = phone.expect("hearing", deadline)["tones"]
        if len(tones) == 1 and abs(tones[0]["hz"] - hz) <= HZ_OFF:
            tone: Event = tones[0]
            return tone


def _live(ref: str, screen: Screen) -> None:
    screen.step("The call's state while they talk")
    screen.code(f"Hoiio.voice.status('{ref}')")
    live = _ok(Hoiio.voice.status(ref))
    states = live.call_status_dest1, live.call_status_dest2
    _expect(states == ("ongoing", "ongoing"), f"both legs ongoing, not {states}")
    screen.fact(f"{ALICE} {states[0]}, {BOB} {states[1]}")


def _hang_up(ref: str, place: Playground, screen: Screen, deadline: Deadline) -> None:
    screen.step("The hangup")
    screen.code(f"Hoiio.voice.hangup('{ref}')")
    _ok(Hoiio.voice.hangup(ref))
    for phone in (place.alice, place.bob):
        reason = phone.expect("ended", deadline)["reason"]
        _expect(reason == "remote", f"{phone.number} hung up on, not {reason}")
        screen.fact(f"{phone.number}: the line is dead")


def _record(ref: str, screen: Screen) -> None:
    screen.step("The record, and what it cost")
    screen.code(f"Hoiio.voice.status('{ref}')")
    record = _ok(Hoiio.voice.status(ref))
    states = record.call_status_dest1, record.call_status_dest2
    _expect(states == ("answered", "answered"), f"both legs answered, not {states}")
    _expect(record.duration == 1, f"one started minute, not {record.duration}")
    _expect(record.debit_decimal == RATE, f"a debit of {RATE}, not {record.debit_decimal}")
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


def _history(ref: str, screen: Screen) -> None:
    screen.step("The history")
    screen.code("Hoiio.voice.history()")
    page = _ok(Hoiio.voice.history())
    refs = [entry.txn_ref for entry in page.entries or []]
    _expect(refs == [ref], f"{ref} alone in the history, not {refs}")
    _expect(page.total_entries_count == 1, f"one call in all, not {page.total_entries_count}")
    for entry in page.entries or []:
        screen.fact(f"{entry.date}  {entry.txn_ref}  {entry.dest1} → {entry.dest2}")


def _balance(screen: Screen) -> None:
    screen.step("The balance")
    screen.code("Hoiio.account.balance()")
    credit = _ok(Hoiio.account.balance())
    left = Decimal(CREDIT) - RATE
    _expect(credit.balance_decimal == left, f"{left} left, not {credit.balance_decimal}")
    screen.fact(f"{CREDIT} - {RATE} = {credit.balance_decimal} {credit.currency}")


def _ok(response: Response) -> Response:
    _expect(response.is_success(), f"success, but the service said {response.status}")
    return response


def _expect(seen: bool, what: str) -> None:
    if not seen:
        raise NotSeen(what)
