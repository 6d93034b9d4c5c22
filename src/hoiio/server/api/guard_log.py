"""What the log says of requests that a rule refused: whose, and which rule. It masks numbers."""

from __future__ import annotations

from typing import Final, TypeVar

import structlog

from hoiio.server.billing.guards import Guard, Verdict
from hoiio.server.storage.protocol import Account, Refusal
from hoiio.server.storage.rows import uid

T = TypeVar("T")

_GUARDS: Final = frozenset(guard.value for guard in Guard)

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def number_refused(account: Account, number: str, verdict: Verdict) -> None:
    """A number that an account may not call."""
    log.warning(
        "guard refused a number",
        guard=verdict.guard.value,
        account=uid(account.id),
        name=account.name,
        number=number,
        reason=verdict.reason,
    )


def admission(account: Account, outcome: T) -> T:
    """What came of an admission, handed on; told where it was a guard that refused it."""
    if isinstance(outcome, Refusal) and outcome.value in _GUARDS:
        log.warning(
            "guard refused a request",
            guard=outcome.value,
            account=uid(account.id),
            name=account.name,
        )
    return outcome


def notify_url_refused(account: Account, reason: str) -> None:
    """A ``notify_url`` that leads where it may not; the reason tells what would allow it."""
    log.warning(
        "a notify_url is refused", account=uid(account.id), name=account.name, reason=reason
    )


def trial_refused(account: Account, numbers: str) -> None:
    """Numbers that a trial account called though they are not its own; no guard, so no warning."""
    log.info(
        "a trial account calls its own numbers only",
        account=uid(account.id),
        name=account.name,
        numbers=numbers,
    )
