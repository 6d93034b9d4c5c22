"""``make serve``: a service to play with, and two phones that tell what happens to them."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Final

from hoiio.demo.playground import ALICE, BOB, Playground, playground
from hoiio.demo.processes import Deadline, Event, NotSeen, Phone
from hoiio.demo.screen import Screen
from hoiio.softphone.report import as_sentence

START: Final = 30.0
"""Seconds that phones and service may take to be there."""


def play(screen: Screen) -> None:
    """Start, say how to use it, tell what the phones do, until interrupted or the service ends."""
    screen.step("Two phones and a service")
    with playground(screen.command, Deadline.after(START), (ALICE, BOB), answer_after=2.0) as place:
        screen.fact(f"two SIP phones wait: {ALICE} and {BOB}; they answer after 2 seconds")
        screen.fact(f"the service is ready at {place.base_url}")
        _invite(place, screen)
        for phone in place.phones:
            threading.Thread(target=_follow, args=(phone, screen), daemon=True).start()
        code = place.service.wait()
    raise NotSeen(f"the service ended with exit code {code}")


def _invite(place: Playground, screen: Screen) -> None:
    screen.step("In a shell: paste this, then use the command line")
    screen.paste(f"export HOIIO_BASE_URL={place.base_url}")
    screen.paste(f"export HOIIO_APP_ID={place.app_id} HOIIO_ACCESS_TOKEN={place.access_token}")
    screen.paste(f".venv/bin/hoiio call {ALICE} {BOB} --max-duration 5 --wait ended")
    screen.paste(".venv/bin/hoiio history")
    screen.step("Or in .venv/bin/python")
    screen.paste("from hoiio import Hoiio")
    screen.paste(f"Hoiio.init({place.app_id!r}, {place.access_token!r}, {place.base_url!r})")
    screen.paste(f"call = Hoiio.voice.call({ALICE!r}, {BOB!r})")
    screen.paste("Hoiio.voice.status(call.txn_ref)")
    screen.paste("Hoiio.voice.hangup(call.txn_ref)")
    screen.step("What the phones tell (Ctrl-C ends it all)")


def _follow(phone: Phone, screen: Screen) -> None:
    """Print what a phone tells, its hearing only when it changes, until the phone ends."""
    forever = Deadline.after(threading.TIMEOUT_MAX)
    before: list[int] | None = None
    try:
        while True:
            event = phone.event(forever)
            heard = _heard(event)
            if heard is None or heard != before:
                at = datetime.fromisoformat(event["at"])
                screen.note(f"{phone.number}  {as_sentence(event['event'], at, event)}")
            before = heard if heard is not None else before
    except NotSeen:  # it was stopped
        return


def _heard(event: Event) -> list[int] | None:
    return [tone["hz"] for tone in event["tones"]] if event["event"] == "hearing" else None
