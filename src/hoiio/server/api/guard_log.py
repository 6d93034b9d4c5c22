"""The audit lines of the guards: who was refused, and which guard spoke. The log masks numbers."""

from __future__ import annotations

from typing import Final, TypeVar

import structlog

from hoiio.server.billing.guards import Guard, Verdict
from hoiio.server.storage.protocol import Account, Refusal

T = TypeVar("T")

_GUARDS: Final = frozenset(guard.value for guard in Guard)

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def number_refused(account: Account, number: str, verdict: Verdict) -> None:
    """A number that an account may not call."""
    log.warning(
        "guard refused a number",
        guard=verdict.guard.value,
        account=account.name,
        number=number,
        reason=verdict.reason,
    )


def admission(account: Account, outcome: T) -> T:
    """What came of an admission, handed on; told where it was a guard that refused it."""
    if isinstance(outcome, Refusal) and outcome.value in _GUARDS:
        log.warning("guard refused a request", guard=outcome.value, account=account.name)
    return outcome
