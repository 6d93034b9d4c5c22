"""Conferences: put people into a room, and moderate who is in it.

Each is one function from a checked application and its parameters to the answer's fields, or to
``Refused``. Checks come in the order of api rule 3; one bad number fails the whole request.
"""

from __future__ import annotations

from hoiio.server.api import answers, dialling, guard_log, params
from hoiio.server.api.answers import Answer
from hoiio.server.api.desk import Desk
from hoiio.server.api.params import Params, Refused
from hoiio.server.calls.orders import ConferenceOrder
from hoiio.server.storage.protocol import Account, Application, IdempotencyKey, Placed
from hoiio.wire import Action, Status


async def place(
    desk: Desk, application: Application, given: Params, key: IdempotencyKey | None
) -> Placed:
    """Ring people and put those who answer into a room; returns before anything rings."""
    order = await _order(desk, application.account, given)
    outcome = await desk.calls.place_conference(application, order, key)
    return dialling.admitted(guard_log.admission(application.account, outcome))


def voice_conference_answer(placed: Placed) -> Answer:
    """What the old path answers: refs as one comma string (api rule 8)."""
    return {"txn_refs": ",".join(placed.refs), "room": placed.room}


def conference_call_answer(placed: Placed) -> Answer:
    """What the newer path answers: refs as an array."""
    return {"txn_refs": placed.refs, "room": placed.room}


async def _order(desk: Desk, account: Account, given: Params) -> ConferenceOrder:
    numbers = params.numbers(given["dest"])
    room = params.room(given["room"]) if "room" in given else ""
    asked = dialling.asked_caller_id(given)
    tag = params.tag(given.get("tag", ""))
    notify_url = await dialling.notify_url(desk, account, given)
    refusal = Status.DEST_NOT_SUPPORTED
    prices = [await dialling.leg_price(desk, account, number, refusal) for number in numbers]
    dialling.within_trial(account, *numbers)
    return ConferenceOrder(
        numbers=numbers,
        prices=prices,
        sees=dialling.shown_caller_id(desk, account, given, asked),
        room=room,
        tag=tag,
        notify_url=notify_url,
    )


async def moderate(desk: Desk, application: Application, given: Params) -> Answer:
    """Kick, mute or unmute a participant; answers once it is so and durable."""
    action = _action(given["action"])
    record = await desk.storage.record(application.id, given["txn_ref"])
    if record is None or not record.room or not record.live:
        raise Refused(Status.INVALID_TXN_REF)
    if action is Action.KICK:
        done = await desk.calls.hang_up(record.ref)
    else:
        done = await desk.calls.mute(record.ref, muted=action is Action.MUTE)
    if not done:
        raise Refused(Status.SERVICE_NOT_AVAILABLE)
    return answers.NOTHING


def _action(value: str) -> Action:
    try:
        return Action(value)
    except ValueError:
        raise Refused(Status.INVALID_ACTION) from None
