"""``make demo``: a call and a conference from price to bill, each step really seen, or it fails."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from hoiio import Hoiio
from hoiio.demo.callback import call_back
from hoiio.demo.meeting import conference
from hoiio.demo.playground import CREDIT, NUMBERS, playground
from hoiio.demo.processes import Deadline
from hoiio.demo.screen import Screen
from hoiio.demo.seen import expect, ok

PATIENCE: Final = 55.0
"""Seconds for the whole story; it takes about half of them."""

CALLS: Final = 5
"""Transactions: one call-back, four participants."""


def show(screen: Screen) -> None:
    """Tell the whole story; raises ``NotSeen`` at the first thing that does not happen."""
    deadline = Deadline.after(PATIENCE)
    screen.step("Four phones and a service, on this machine alone")
    with playground(screen.command, deadline, NUMBERS, answer_after=1.0) as place:
        screen.fact(f"four SIP phones wait: {', '.join(NUMBERS)}")
        screen.fact(f"the service is ready at {place.base_url}")
        Hoiio.init(place.app_id, place.access_token, base_url=place.base_url)
        called = call_back(place, screen, deadline)
        met = conference(place, screen, deadline)
        _history(screen)
        _balance(called, met, screen)
        expect(place.service.stop() == 0, "the service ends in good order")
        Hoiio.close()
    screen.done("All of it really happened, and nothing is left of it.")


def _history(screen: Screen) -> None:
    screen.step("The history, newest first")
    screen.code("Hoiio.voice.history()")
    page = ok(Hoiio.voice.history())
    entries = page.entries or []
    expect(len(entries) == CALLS, f"{CALLS} entries, not {len(entries)}")
    expect(page.total_entries_count == CALLS, f"{CALLS} in all, not {page.total_entries_count}")
    for entry in entries:
        with_whom = entry.dest2 or f"room {entry.room}"
        screen.fact(f"{entry.date}  {entry.txn_ref}  {entry.dest1} → {with_whom}")


def _balance(called: Decimal, met: Decimal, screen: Screen) -> None:
    screen.step("The balance")
    screen.code("Hoiio.account.balance()")
    credit = ok(Hoiio.account.balance())
    left = Decimal(CREDIT) - called - met
    expect(credit.balance_decimal == left, f"{left} left, not {credit.balance_decimal}")
    screen.fact(f"{CREDIT} - {called} - {met} = {credit.balance_decimal} {credit.currency}")
