"""What the API orders, checked and priced, and what admission is to write for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hoiio.server.billing import charge, prepaid
from hoiio.server.billing.charge import NO_LEG, Price
from hoiio.server.calls import callback, machines, participant
from hoiio.server.calls.unconnected import unconnected
from hoiio.server.storage.protocol import Admission, Application, IdempotencyKey, NewCall
from hoiio.wire import MICROS


@dataclass(frozen=True, slots=True)
class CallSettings:
    """What an operator may set about calls; seconds. Participants ring as long as dest2."""

    ring_seconds1: float = 30.0
    ring_seconds2: float = 60.0
    max_seconds: int = 4 * 3600


@dataclass(frozen=True, slots=True)
class CallOrder:
    """A call-back. ``*_sees`` is the caller ID shown to that leg, None to withhold the number."""

    dest1: str
    dest2: str
    dest1_sees: str | None
    dest2_sees: str | None
    price1: Price
    price2: Price
    tag: str = ""
    notify_url: str = ""
    max_duration: int | None = None


@dataclass(frozen=True, slots=True)
class ConferenceOrder:
    """People to be put into a room, with the price of each; ``room`` is empty for one to be made.

    ``sees`` is the caller ID shown to all of them, None to withhold the number.
    """

    numbers: Sequence[str]
    prices: Sequence[Price]
    sees: str | None
    room: str = ""
    tag: str = ""
    notify_url: str = ""


Order = CallOrder | ConferenceOrder


def transactions(order: Order) -> int:
    """How many transactions an order makes."""
    return 1 if isinstance(order, CallOrder) else len(order.numbers)


def legs_each(order: Order) -> int:
    """How many legs each of them may come to have."""
    return 2 if isinstance(order, CallOrder) else 1


def admission(
    application: Application,
    order: Order,
    settings: CallSettings,
    *,
    now: int,
    ceiling_reached: bool,
    key: IdempotencyKey | None = None,
) -> Admission:
    """What is to be written. ``now`` is the engine's clock, which never jumps."""
    if isinstance(order, CallOrder):
        room, calls = None, [_call_back(order, settings, now)]
    else:
        room, calls = order.room, _participants(application, order, settings, now)
    return Admission(
        application=application.id,
        account=application.account.id,
        currency=application.account.currency,
        now=now,
        ceiling_reached=ceiling_reached,
        calls=calls,
        room=room,
        tag=order.tag,
        notify_url=order.notify_url,
        key=key,
    )


def _call_back(order: CallOrder, settings: CallSettings, now: int) -> NewCall:
    prices = (order.price1, order.price2)
    max_seconds = order.max_duration or settings.max_seconds
    alone = settings.ring_seconds2 + callback.BRIDGE_GRACE

    def state(ref: str, _room: str) -> bytes:
        call = callback.new(
            ref,
            now,
            numbers=(order.dest1, order.dest2),
            sees=(order.dest1_sees, order.dest2_sees),
            ring_seconds=(settings.ring_seconds1, settings.ring_seconds2),
            max_seconds=max_seconds,
            minutes=prepaid.begun(prices, max_seconds),
        )
        return machines.encode(call)

    return NewCall(
        order.dest1,
        order.dest2,
        order.price1,
        order.price2,
        charge.first_hold(prices),
        state,
        reserves=unconnected(order.price1, round(alone * MICROS)),
    )


def _participants(
    application: Application, order: ConferenceOrder, settings: CallSettings, now: int
) -> list[NewCall]:
    def state(number: str, price: Price) -> Callable[[str, str], bytes]:
        def of(ref: str, room: str) -> bytes:
            joining = participant.new(
                ref,
                now,
                number=number,
                sees=order.sees,
                # Rooms are an application's own; no ref of a call-back has a slash.
                room=f"{application.id}/{room}",
                ring_seconds=settings.ring_seconds2,
                max_seconds=settings.max_seconds,
                minutes=prepaid.begun((price,), settings.max_seconds),
            )
            return machines.encode(joining)

        return of

    return [
        NewCall(number, "", price, NO_LEG, charge.first_hold((price,)), state(number, price))
        for number, price in zip(order.numbers, order.prices, strict=True)
    ]
