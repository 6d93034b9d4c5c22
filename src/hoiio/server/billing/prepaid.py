"""Prepaid by the minute: what is held when, what is captured, and when a call must end.

Pure. A minute is paid for before it is spoken: admission holds the first, the next is held
``LOOK_AHEAD`` before its boundary, and a minute that was spoken is captured. Minutes count from 1;
amounts are micro-units, lengths of time microseconds since the answer unless they say seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from hoiio.server.billing import charge
from hoiio.server.billing.charge import MINUTE, Price
from hoiio.wire import MICROS

LOOK_AHEAD: Final = 10 * MICROS
"""How long before its boundary the next minute is held."""

GRACE: Final = 15 * MICROS
"""How long a call may wait for an extension that is expected: more than a restart takes."""

ASK_AGAIN: Final = 2 * MICROS
"""Pause between tries to hold a minute that credit did not allow; a top-up may have come."""


class Minutes(msgspec.Struct, frozen=True):
    """How far a call is paid.

    ``paid`` minutes may be spoken, the holds of the first ``captured`` are debits already, ``held``
    is the latest minute that has a hold of its own. With ``refused`` there was no credit for more.
    """

    paid: int = 1
    held: int = 1
    captured: int = 0
    refused: bool = False


FIRST: Final = Minutes()
"""A call of which admission held the first minute."""


class Hold(msgspec.Struct, frozen=True):
    """A minute to be held: which, for how much, and how far the call is paid with it."""

    minute: int
    amount: int
    after: Minutes


def begun(prices: Sequence[Price], max_seconds: int) -> Minutes:
    """What admission's hold pays: a minute, or more where those after it cost nothing."""
    return Minutes(_covered(prices, 1, _limit(max_seconds)))


def _limit(max_seconds: int) -> int:
    return -(-max_seconds // 60)


def _cost(prices: Sequence[Price], minute: int) -> int:
    """What the first ``minute`` minutes cost together: the sum of their holds."""
    return charge.debit(prices, minute * MINUTE)


def _covered(prices: Sequence[Price], minute: int, limit: int) -> int:
    """The last minute, at most ``limit``, that costs no more than ``minute`` of them do."""
    if charge.rate(prices) == 0:
        return max(minute, limit)
    while minute < limit and _cost(prices, minute + 1) == _cost(prices, minute):
        minute += 1
    return minute


def billed_for(minutes: Minutes, max_seconds: int) -> int:
    """The longest time that may be billed: what is paid, at most the call's own limit."""
    return min(max_seconds * MICROS, minutes.paid * MINUTE)


def up_for(minutes: Minutes, max_seconds: int) -> int:
    """When the engine is to end the call.

    Final where nothing more is to come: at the call's own limit, or at the end of the last minute
    where credit is out. Otherwise the next minute is expected, and ``GRACE`` is given to bring it.
    """
    grace = 0 if minutes.refused else GRACE
    return min(max_seconds * MICROS, minutes.paid * MINUTE + grace)


def hold_due(
    minutes: Minutes, prices: Sequence[Price], max_seconds: int, talked: int
) -> Hold | None:
    """The minute that is to be held now, if any.

    None once the engine has ended the call: it is not told to go on any more.
    """
    boundary = minutes.paid * MINUTE
    wanted = minutes.paid < _limit(max_seconds)
    if not wanted or not boundary - LOOK_AHEAD <= talked < up_for(minutes, max_seconds):
        return None
    minute = minutes.paid + 1
    amount = _cost(prices, minute) - _cost(prices, minutes.paid)
    paid = _covered(prices, minute, _limit(max_seconds))
    # Minutes without a hold of their own have nothing that could be captured.
    done = minutes.paid if minutes.captured == minutes.held else minutes.captured
    return Hold(minute, amount, Minutes(paid, minute, done))


def captured(minutes: Minutes, talked: int) -> Minutes:
    """The minutes once those that were spoken to their end are captured."""
    spoken = min(minutes.held, talked // MINUTE)
    return replace(minutes, captured=max(minutes.captured, spoken))


def refused(minutes: Minutes) -> Minutes:
    """The minutes once credit did not allow another."""
    return replace(minutes, refused=True)


def next_look(minutes: Minutes, max_seconds: int, talked: int) -> int | None:
    """When the call is to be looked at again; None when nothing more will be due."""
    looks: list[int] = []
    boundary = minutes.paid * MINUTE
    if minutes.paid < _limit(max_seconds):
        ask = max(boundary - LOOK_AHEAD, talked + ASK_AGAIN if minutes.refused else 0)
        if ask < up_for(minutes, max_seconds):
            looks.append(ask)
    if minutes.captured < minutes.held:
        looks.append((minutes.captured + 1) * MINUTE)
    return min(looks, default=None)
