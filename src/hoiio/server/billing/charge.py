"""The arithmetic of money: minutes, debits, holds and talktime, in integers only.

Amounts are micro-units of the account's currency, rates micro-units a minute for the whole
transaction (both legs), instants Unix time in microseconds.
"""

from __future__ import annotations

from typing import Final

from hoiio import wire

MINUTE: Final = 60 * wire.MICROS
"""One minute in microseconds."""


def started_minutes(answered_at: int, ended_at: int, deadline: int | None) -> int:
    """Minutes to bill: min(end, deadline) - answer, each started one counted (api rules 18, 19).

    An answer alone starts the first minute, so an answered call is never less than one minute,
    even where its end carries the same instant or, by a late event, an earlier one.
    """
    billed_until = ended_at if deadline is None else min(ended_at, deadline)
    return max(1, -(-(billed_until - answered_at) // MINUTE))


def debit(minutes: int, rate: int) -> int:
    """What a call of so many started minutes costs with 60/60 increments (api rule 19)."""
    return minutes * rate


def first_hold(rate: int) -> int:
    """What admission holds: the first minute of the transaction."""
    return debit(1, rate)


def talktime(balance: int, rate: int) -> int:
    """Whole minutes that a balance pays for, at most ``wire.TALKTIME_MAX`` (api rule 20).

    A free destination can be talked to for ``wire.TALKTIME_MAX``, whatever the balance.
    """
    if rate == 0:
        return wire.TALKTIME_MAX
    return min(wire.TALKTIME_MAX, max(0, balance) // rate)
