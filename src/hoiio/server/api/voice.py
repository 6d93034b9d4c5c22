"""The ``voice/`` endpoints: place a call-back, end it, look it up, price it.

Each is one function from a checked application and its parameters to the answer's fields, or to
``Refused``. Checks come in the order of api rule 3.
"""

from __future__ import annotations

from hoiio import wire
from hoiio.server.api import answers, dialling, guard_log, params
from hoiio.server.api.answers import Answer
from hoiio.server.api.desk import Desk
from hoiio.server.api.params import Params, Refused
from hoiio.server.billing import charge
from hoiio.server.billing.charge import Price
from hoiio.server.calls import transaction
from hoiio.server.calls.orders import CallOrder
from hoiio.server.config import Dest1Sees
from hoiio.server.storage.protocol import (
    Account,
    Application,
    CallRecord,
    IdempotencyKey,
    Placed,
)
from hoiio.wire import Status


async def call(
    desk: Desk, application: Application, given: Params, key: IdempotencyKey | None
) -> Placed:
    """Ring dest1, then dest2, and connect them; returns before anything rings."""
    order = await _order(desk, application.account, given)
    outcome = await desk.calls.place_call(application, order, key)
    return dialling.admitted(guard_log.admission(application.account, outcome))


def call_answer(placed: Placed) -> Answer:
    """What a call-back answers."""
    return {"txn_ref": placed.refs[0]}


async def _order(desk: Desk, account: Account, given: Params) -> CallOrder:
    asked1 = given.get("dest1") or account.number
    if asked1 is None:
        raise Refused(wire.param_missing("dest1"))
    dest1 = params.number(asked1, Status.DEST1_INVALID)
    dest2 = params.number(given["dest2"], Status.DEST2_INVALID)
    asked = dialling.asked_caller_id(given)
    limit = params.max_duration(given["max_duration"]) if "max_duration" in given else None
    tag = params.tag(given.get("tag", ""))
    notify_url = await dialling.notify_url(desk, account, given)
    price1, price2 = await _prices(desk, account, dest1, dest2)
    dialling.within_trial(account, dest1, dest2)
    return CallOrder(
        dest1=dest1,
        dest2=dest2,
        dest1_sees=_dest1_sees(desk, account, dest2),
        dest2_sees=dialling.shown_caller_id(desk, account, given, asked),
        price1=price1,
        price2=price2,
        tag=tag,
        notify_url=notify_url,
        max_duration=limit,
    )


def _dest1_sees(desk: Desk, account: Account, dest2: str) -> str | None:
    if desk.dest1_sees is Dest1Sees.DEST2:
        return dest2
    if desk.dest1_sees is Dest1Sees.REGISTERED and account.number is not None:
        return account.number
    return desk.trunk_number


async def _prices(desk: Desk, account: Account, dest1: str, dest2: str) -> tuple[Price, Price]:
    """Both legs' prices, for two different numbers that can be called."""
    if dest1 == dest2:
        raise Refused(Status.SAME_DEST1_DEST2)
    return (
        await dialling.leg_price(desk, account, dest1, Status.DEST1_NOT_SUPPORTED),
        await dialling.leg_price(desk, account, dest2, Status.DEST2_NOT_SUPPORTED),
    )


async def get_rate(desk: Desk, application: Application, given: Params) -> Answer:
    """What a minute between two numbers costs, and how many the balance pays for."""
    account = application.account
    dest1 = params.number(given["dest1"], Status.DEST1_INVALID)
    dest2 = params.number(given["dest2"], Status.DEST2_INVALID)
    prices = await _prices(desk, account, dest1, dest2)
    return {
        "currency": account.currency,
        "rate": wire.format_money(charge.rate(prices)),
        "talktime": str(charge.talktime(account.balance, prices)),
    }


async def hangup(desk: Desk, application: Application, given: Params) -> Answer:
    """End a call; answers once it is settled. One that has ended already stays as it is."""
    record = await record_of(desk, application, given["txn_ref"])
    if not await desk.calls.hang_up(record.ref):
        raise Refused(Status.SERVICE_NOT_AVAILABLE)
    return answers.NOTHING


async def ends_a_call(desk: Desk, application: Application, given: Params) -> bool:
    """Whether a hangup would end a live call: no limit may keep it from that (api rule 17)."""
    record = await desk.storage.record(application.id, given.get("txn_ref", ""))
    return record is not None and record.live


async def query_status(desk: Desk, application: Application, given: Params) -> Answer:
    """How a call is going, or how it went."""
    return transaction.fields(await record_of(desk, application, given["txn_ref"]))


async def get_history(desk: Desk, application: Application, given: Params) -> Answer:
    """The application's transactions, newest first, 100 a page."""
    start = params.date(given["from"], Status.FROM_INVALID) if "from" in given else None
    end = params.date(given["to"], Status.TO_INVALID) if "to" in given else None
    page = params.page(given["page"]) if "page" in given else 1
    if start is not None and end is not None and end < start:
        raise Refused(Status.TO_BEFORE_FROM)
    upto = given.get("upto")
    if upto is not None:
        await record_of(desk, application, upto)
    found = await desk.storage.history(application.id, start=start, end=end, page=page, upto=upto)
    return answers.history(found)


async def record_of(desk: Desk, application: Application, ref: str) -> CallRecord:
    """A transaction of this application; ``Refused`` for any other."""
    record = await desk.storage.record(application.id, ref)
    if record is None:
        raise Refused(Status.INVALID_TXN_REF)
    return record
