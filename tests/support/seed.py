"""Records of the past, written through storage with stamps that a test cannot wait for."""

import asyncio

from hoiio.server.billing.charge import Price
from hoiio.server.calls import callback, machines
from hoiio.server.calls.advance import advance
from hoiio.server.calls.inputs import TimePassed
from hoiio.server.engines.protocol import Answered, Cause, Ended
from hoiio.server.storage.data import open_data
from hoiio.server.storage.protocol import Admission, NewCall
from hoiio.wire import MICROS, to_micros

DEST1, DEST2 = "+6511111111", "+6522222222"


def seed_history(data, app_id, count, *, first, rate, minutes):
    """Ended calls a minute apart, from ``first`` on; returns their refs, oldest first."""
    return asyncio.run(_seed(data, app_id, count, to_micros(first), rate, minutes))


async def _seed(data, app_id, count, start, rate, minutes):
    storage = open_data(data, create=False)
    try:
        app = await storage.application(app_id)
        dates = [start + place * 60 * MICROS for place in range(count)]
        return [await _one(storage, app, date, rate, minutes) for date in dates]
    finally:
        await storage.close()


async def _one(storage, app, date, rate, minutes):
    (record,) = await storage.admit(_admission(app, date, rate))
    one, two = f"{record.ref}-1", f"{record.ref}-2"
    answer = date + 2 * MICROS
    end = answer + minutes * 60 * MICROS
    steps = [
        (date + MICROS, Answered(one, date + MICROS)),
        (answer, Answered(two, answer)),
        *((answer + (60 * minute - 10) * MICROS, TimePassed()) for minute in range(1, minutes)),
        (end, Ended(two, end, Cause.REMOTE)),
        (end, Ended(one, end, Cause.HUNG_UP)),
    ]
    for at, event in steps:
        await storage.advance(record.ref, lambda now, at=at, event=event: advance(now, [event], at))
    return record.ref


def _admission(app, date, rate):
    def state(ref, _room):
        call = callback.new(
            ref,
            date,
            numbers=(DEST1, DEST2),
            sees=(DEST2, DEST1),
            ring_seconds=(30.0, 60.0),
            max_seconds=14_400,
        )
        return machines.encode(call)

    return Admission(
        application=app.id,
        account=app.account.id,
        currency=app.account.currency,
        now=date,
        ceiling_reached=False,
        calls=[NewCall(DEST1, DEST2, price1=Price(rate), price2=Price(0), hold=rate, state=state)],
        tag="my-tag",
    )
