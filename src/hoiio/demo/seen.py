"""What must really be seen: answers that succeed, phones that do and hear what they should."""

from __future__ import annotations

from typing import Final

from hoiio.demo.processes import Deadline, Event, NotSeen, Phone
from hoiio.demo.screen import Screen
from hoiio.response import Response

HZ_OFF: Final = 5
"""How far from its tone a phone may be heard, in Hz."""


def expect(seen: bool, what: str) -> None:
    """Raise ``NotSeen`` with what should have been."""
    if not seen:
        raise NotSeen(what)


def ok(response: Response) -> Response:
    """A successful answer, as it is."""
    expect(response.is_success(), f"success, but the service said {response.status}")
    return response


def pick_up(phone: Phone, caller: str, screen: Screen, deadline: Deadline) -> None:
    """Wait for the phone to ring with this caller on it, and to answer."""
    shown = phone.expect("ringing", deadline)["caller_id"]
    expect(shown == caller, f"{phone.number} ringing with {caller} on it, not {shown}")
    screen.fact(f"{phone.number} rings and shows {shown}")
    phone.expect("answered", deadline)
    screen.fact(f"{phone.number} answers")


def listen(phone: Phone, others: list[Phone], screen: Screen, deadline: Deadline) -> None:
    """Wait for a second in which the phone hears exactly the tones of these."""
    hertz = sorted(other.tone for other in others)
    while True:
        tones: list[Event] = phone.expect("hearing", deadline)["tones"]
        heard = sorted(tones, key=lambda tone: float(tone["hz"]))
        if len(heard) == len(hertz) and all(
            abs(tone["hz"] - hz) <= HZ_OFF for tone, hz in zip(heard, hertz, strict=True)
        ):
            break
    told = " and ".join(f"{tone['hz']} Hz at {tone['level']} dBFS" for tone in heard)
    screen.fact(f"{phone.number} plays {phone.tone} Hz and hears {told}")


def hung_up(phone: Phone, screen: Screen, deadline: Deadline) -> None:
    """Wait for the phone to be hung up on."""
    reason = phone.expect("ended", deadline)["reason"]
    expect(reason == "remote", f"{phone.number} hung up on, not {reason}")
    screen.fact(f"{phone.number}: the line is dead")
