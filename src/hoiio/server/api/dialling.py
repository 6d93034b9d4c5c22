"""What call-backs and conferences check alike before anybody is dialled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hoiio.server.api import guard_log, params
from hoiio.server.api.desk import Desk
from hoiio.server.api.params import Params, Refused
from hoiio.server.billing import guards
from hoiio.server.billing.charge import Price
from hoiio.server.notifications.check import Forbidden, NoReceiver
from hoiio.server.storage.protocol import Account, CallRecord, Placed, Refusal
from hoiio.wire import Status

_REFUSALS: Final = {
    Refusal.KEY_REUSED: Status.IDEMPOTENCY_KEY_REUSED,
    Refusal.CALLS_PER_MINUTE: Status.RATE_LIMIT_EXCEEDED,
    Refusal.ROOM_FULL: Status.DEST_TOO_MANY,
    Refusal.CONCURRENT_CALLS: Status.CONCURRENT_CALL_LIMIT_REACHED,
    Refusal.CEILING: Status.SERVICE_NOT_AVAILABLE,
    Refusal.REVOKED: Status.INVALID_APP_ID,
    Refusal.SPEND_PER_HOUR: Status.INSUFFICIENT_CREDIT,
    Refusal.SPEND_PER_DAY: Status.INSUFFICIENT_CREDIT,
    Refusal.UNCONNECTED_SECONDS: Status.INSUFFICIENT_CREDIT,
    Refusal.UNCONNECTED_COST: Status.INSUFFICIENT_CREDIT,
    Refusal.CREDIT: Status.INSUFFICIENT_CREDIT,
}


def admitted(outcome: CallRecord | Sequence[CallRecord] | Placed | Refusal) -> Placed:
    """What was placed, now or earlier; raises ``Refused`` where nothing was."""
    if isinstance(outcome, Refusal):
        raise Refused(_REFUSALS[outcome])
    if isinstance(outcome, Placed):
        return outcome
    records = (outcome,) if isinstance(outcome, CallRecord) else outcome
    return Placed(tuple(record.ref for record in records), records[0].room)


async def notify_url(desk: Desk, account: Account, given: Params) -> str:
    """Where to notify, empty for nowhere; raises ``Refused`` where it cannot be (api rule 24)."""
    url = given.get("notify_url", "")
    if url:
        target = params.notify_url(url)
        try:
            await desk.notify_urls.check(target)
        except Forbidden as forbidden:
            guard_log.notify_url_refused(account, str(forbidden))
            raise Refused(Status.INVALID_NOTIFY_URL) from None
        except NoReceiver:
            raise Refused(Status.UNABLE_TO_RESOLVE_NOTIFY_URL) from None
    return url


def asked_caller_id(given: Params) -> str | None:
    """The ``caller_id`` as far as its form goes; None when absent or withheld."""
    return params.caller_id(given["caller_id"]) if "caller_id" in given else None


def shown_caller_id(desk: Desk, account: Account, given: Params, asked: str | None) -> str | None:
    """The number that callees see, None to withhold it (api rule 11).

    By default the registered number, then the trunk's own. Raises ``Refused`` for a number that is
    not the account's.
    """
    if "caller_id" not in given:
        return account.number or desk.trunk_number
    if asked is not None and asked not in account.own:
        raise Refused(Status.CALLER_ID_INVALID)
    return asked


async def leg_price(desk: Desk, account: Account, number: str, refusal: Status) -> Price:
    """What a leg to a number costs; ``Refused`` with ``refusal`` where it may not be called.

    A guard that refuses it says so in the log, never to the caller.
    """
    rules = account.guards.rules(desk.rules)
    verdict = guards.number_verdict(rules, number)
    price = None
    if verdict is None and desk.engine.reaches(number):
        price = await desk.storage.price(account.currency, number)
    if price is not None:
        verdict = guards.rate_verdict(rules, price)
    if verdict is not None:
        guard_log.number_refused(account, number, verdict)
    if price is None or verdict is not None:
        raise Refused(refusal)
    return price


def within_trial(account: Account, *numbers: str) -> None:
    """Raise ``Refused`` for a trial account that calls numbers which are not its own."""
    strange = [number for number in numbers if number not in account.own]
    if account.trial and strange:
        guard_log.trial_refused(account, " ".join(strange))
        raise Refused(Status.NOT_ALLOWED_FOR_TRIAL)
