"""The arithmetic of money: minutes, debits, holds and talktime, in integers only.

Amounts are micro-units of the account's currency, rates micro-units a minute, instants and lengths
of time microseconds, increments seconds. A transaction is priced by its legs' prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hoiio import wire

MINUTE: Final = 60 * wire.MICROS
"""One minute in microseconds."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one leg costs once its transaction is billed: a fee, then increments of time.

    ``initial`` seconds are charged whatever the length, then ``increment`` for each one started.
    """

    rate: int
    initial: int = 60
    increment: int = 60
    fee: int = 0


NO_LEG: Final = Price(0)
"""The price of the second leg that a participant does not have."""


def billed_time(answered_at: int, ended_at: int, billed_until: int | None) -> int:
    """What of a call is billed: min(end, deadline) - answer (api rule 18), never below nothing.

    ``billed_until`` is that deadline: the call's own limit, or the end of the minutes paid.
    """
    until = ended_at if billed_until is None else min(ended_at, billed_until)
    return max(0, until - answered_at)


def started_minutes(billed: int) -> int:
    """The duration of an answered call: its started minutes, whatever its increments (api rule 19).

    An answer alone starts the first minute.
    """
    return max(1, -(-billed // MINUTE))


def debit(prices: Sequence[Price], billed: int) -> int:
    """What an answered call of some billed time costs: both legs' fees and increments.

    Exact, then rounded half up once, to the micro-unit (api rule 19). With 60/60 and no fee this is
    the started minutes times the rate.
    """
    fees = sum(price.fee for price in prices)
    sixtieths = sum(price.rate * _charged_seconds(price, billed) for price in prices)
    return fees + (sixtieths + 30) // 60


def _charged_seconds(price: Price, billed: int) -> int:
    beyond = max(0, billed - price.initial * wire.MICROS)
    increments = -(-beyond // (price.increment * wire.MICROS))
    return price.initial + increments * price.increment


def first_hold(prices: Sequence[Price]) -> int:
    """What admission holds: the first minute of the transaction, its fees included."""
    return debit(prices, MINUTE)


def rate(prices: Sequence[Price]) -> int:
    """Micro-units a minute for the whole transaction (api rule 18)."""
    return sum(price.rate for price in prices)


def talktime(balance: int, prices: Sequence[Price]) -> int:
    """Whole minutes that a balance pays for, fees first, at most ``wire.TALKTIME_MAX``.

    A free destination can be talked to for the most, whatever the balance (api rule 20).
    """
    a_minute, fees = rate(prices), sum(price.fee for price in prices)
    if a_minute == 0:
        return wire.TALKTIME_MAX if fees == 0 or balance >= fees else 0
    return min(wire.TALKTIME_MAX, max(0, balance - fees) // a_minute)
