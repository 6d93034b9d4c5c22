"""The sandbox's telephone numbers: what happens to a call is in the number that is called.

Pure values, standard library only. The sandbox engine, its tariff, ``hoiio.testing`` and the docs
all have them from here. Three digits at the end are a SIP code, or seconds after a 1:

``+65 0000 0SSS``: refused with the SIP code SSS, if not told otherwise below;
``+65 0000 1NNN``: answers at once and hangs up NNN seconds later;
any other number answers at once and stays until the other side or the service hangs up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, cast

ANSWERS: Final = "+6500000200"
"""Answers at once and stays; so does every number that is not named here."""
BUSY: Final = "+6500000486"
"""Engaged: ``busy``."""
UNANSWERED: Final = "+6500000480"
"""Nobody there, told at once: ``unanswered``."""
RINGS: Final = "+6500000408"
"""Rings and is never picked up: ``unanswered`` once the ring time-out is over."""
FAILED: Final = "+6500000503"
"""The network cannot: ``failed``."""
NO_CREDIT: Final = "+6500000402"
"""Costs more than any account has: the request is refused with ``error_insufficient_credit``."""

DROPS_MAX: Final = 999
"""The most seconds after which a number can be told to hang up."""

_REFUSED: Final = re.compile(r"\+6500000([4-6][0-9]{2})", re.ASCII)
_DROPS: Final = re.compile(r"\+6500001([0-9]{3})", re.ASCII)


def drops_after(seconds: int) -> str:
    """The number that answers at once and hangs up so many seconds later, 0 to 999.

    Raises ``ValueError`` for other seconds, ``TypeError`` for what is no whole number.
    """
    if not isinstance(cast("object", seconds), int) or isinstance(seconds, bool):
        raise TypeError(f"a number hangs up after whole seconds, such as 30, not {seconds!r}")
    if not 0 <= seconds <= DROPS_MAX:
        raise ValueError(f"a number can hang up after 0 to {DROPS_MAX} seconds, not {seconds}")
    return f"+6500001{seconds:03d}"


@dataclass(frozen=True, slots=True)
class Refuses:
    """The phone, or the network, refuses with a SIP code."""

    code: int


@dataclass(frozen=True, slots=True)
class Rings:
    """The phone rings until somebody gives up."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The phone is picked up at once, and hung up ``seconds`` later; None: never."""

    seconds: int | None = None


Behaviour = Refuses | Rings | Answers


def behaviour(number: str) -> Behaviour:
    """What the phone of a number does when it is called."""
    if number == RINGS:
        return Rings()
    if refused := _REFUSED.fullmatch(number):
        return Refuses(int(refused[1]))
    if drops := _DROPS.fullmatch(number):
        return Answers(int(drops[1]))
    return Answers()
