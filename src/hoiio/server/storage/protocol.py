"""What the rest of the service asks of storage, as values.

Amounts are integer micro-units of the account's currency, instants Unix time in microseconds. Each
method of ``Storage`` is one transaction, durable when it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from hoiio import wire
from hoiio.server.billing.charge import Price
from hoiio.server.billing.guards import NO_OVERRIDES, Guard, Overrides

T = TypeVar("T")

MINUTE: Final = 60 * wire.MICROS
"""How long a minute of a limit is, in microseconds."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays. ``number`` is the registered number, ``numbers`` the account's further own ones."""

    id: int
    name: str
    currency: str
    number: str | None
    numbers: tuple[str, ...]
    points: int
    bonus: int
    concurrent_calls: int
    requests_per_minute: int
    calls_per_minute: int
    minute_began: int
    minute_calls: int
    trial: bool
    guards: Overrides = NO_OVERRIDES

    @property
    def balance(self) -> int:
        """What can be spent: points and bonus, after holds."""
        return self.points + self.bonus

    @property
    def own(self) -> tuple[str, ...]:
        """All its numbers, the registered one first; each once."""
        registered = () if self.number is None else (self.number,)
        return tuple(dict.fromkeys(registered + self.numbers))

    def next_call_after(self, now: int) -> int:
        """Microseconds until the minute is over whose calls are all placed; 0 where one is left."""
        open_still = abs(now - self.minute_began) < MINUTE
        used_up = open_still and self.minute_calls >= self.calls_per_minute
        return self.minute_began + MINUTE - now if used_up else 0


@dataclass(frozen=True, slots=True)
class Application:
    """Credentials of one application and the account it spends from."""

    id: int
    app_id: str
    access_token: str
    revoked: bool
    account: Account
    former_token: str | None = None
    """One that was rotated away and is still good."""

    def __repr__(self) -> str:
        return f"Application(app_id={self.app_id!r}, account={self.account.name!r})"


class CallRecord(msgspec.Struct, frozen=True):
    """A transaction as stored. ``state`` is the call machine's own; storage does not read it."""

    ref: str
    application: int
    account: int
    ordinal: int
    date: int
    dest1: str
    dest2: str
    status1: str
    status2: str
    room: str
    tag: str
    notify_url: str
    currency: str
    rate1: int
    rate2: int
    duration: int | None
    debit: int | None
    live: bool
    state: bytes
    initial1: int = 60
    increment1: int = 60
    fee1: int = 0
    initial2: int = 60
    increment2: int = 60
    fee2: int = 0
    reserved_seconds: int = 0
    reserved_cost: int = 0
    answered_at: int | None = None
    """When the billed talk began; None while it has not, or if nobody talked."""

    @property
    def rate(self) -> int:
        """Charge per minute for the transaction: both legs' rates."""
        return self.rate1 + self.rate2

    @property
    def prices(self) -> tuple[Price, ...]:
        """Its legs' prices as they were at its admission."""
        first = Price(self.rate1, self.initial1, self.increment1, self.fee1)
        second = Price(self.rate2, self.initial2, self.increment2, self.fee2)
        return (first, second) if self.dest2 else (first,)


@dataclass(frozen=True, slots=True)
class Unconnected:
    """What a call-back ran up, or may, while its dest1 is up without its dest2.

    ``cost`` is what dest1's leg would have cost by its price, had it been billed.
    """

    seconds: int = 0
    cost: int = 0


NOTHING: Final = Unconnected()
"""What a participant runs up, who has no dest2."""


@dataclass(frozen=True, slots=True)
class NewCall:
    """One transaction to be admitted; ``dest2`` is empty for a participant.

    ``state`` is made from the ref and the room's name that storage gives.
    """

    dest1: str
    dest2: str
    price1: Price
    price2: Price
    hold: int
    state: Callable[[str, str], bytes]
    reserves: Unconnected = NOTHING
    """The most that it may run up unconnected; it counts as that until it has ended."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What a sender named a request, within its application and one endpoint (api rule 22).

    ``fingerprint`` tells two requests apart: it is a hash of what they ask.
    """

    endpoint: str
    name: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Placed:
    """What a request placed: its transactions in order; ``room`` is empty for a call-back."""

    refs: tuple[str, ...]
    room: str


@dataclass(frozen=True, slots=True)
class Admission:
    """What one request asks to be written: its transactions, all of them or none.

    ``room`` is the conference room that they join, empty for one to be made, None for a call-back.
    Under a ``key`` it is written once, however often it is asked for.
    """

    application: int
    account: int
    currency: str
    now: int
    ceiling_reached: bool
    calls: Sequence[NewCall]
    room: str | None = None
    tag: str = ""
    notify_url: str = ""
    key: IdempotencyKey | None = None


class Refusal(StrEnum):
    """Why a request was not admitted; checked in this order."""

    KEY_REUSED = "key_reused"
    CALLS_PER_MINUTE = "calls_per_minute"
    ROOM_FULL = "room_full"
    CONCURRENT_CALLS = "concurrent_calls"
    CEILING = "ceiling"
    REVOKED = "revoked"
    SPEND_PER_HOUR = Guard.SPEND_PER_HOUR.value
    SPEND_PER_DAY = Guard.SPEND_PER_DAY.value
    UNCONNECTED_SECONDS = Guard.UNCONNECTED_SECONDS.value
    UNCONNECTED_COST = Guard.UNCONNECTED_COST.value
    CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a call ended: written once, with the money and the notification, in one transaction."""

    duration: int
    debit: int
    ended_at: int
    notification: bytes | None
    """The form-encoded body to deliver to the record's ``notify_url``; None for none."""
    unconnected: Unconnected = NOTHING


@dataclass(frozen=True, slots=True)
class Spoken:
    """The holds of the minutes up to ``minute`` become debits, each as it is, at ``at``."""

    minute: int
    at: int


@dataclass(frozen=True, slots=True)
class NextMinute(Generic[T]):
    """A minute to be held with a change; without the credit for it, ``refused`` is done instead.

    ``again`` tells that it was refused before.
    """

    minute: int
    amount: int
    at: int
    refused: Change[T]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What a step does to a record. ``outcome`` is handed back to the caller after the commit."""

    state: bytes
    status1: str
    status2: str
    settlement: Settlement | None
    outcome: T
    spoken: Spoken | None = None
    next_minute: NextMinute[T] | None = None
    answered_at: int | None = None
    """When the billed talk began, by ``state``: it is written anew with every change."""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of an application's transactions, newest first, and how many match in all."""

    total: int
    records: Sequence[CallRecord]


class NotificationState(StrEnum):
    """Where a notification stands: to be attempted, arrived, or given up."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


Queue = tuple[int, str]
"""Whose notifications wait for whom: an account, and a receiver's host and port."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a deliverer has room for: ``limit`` more in all, ``each`` of a queue with the ``busy``.

    They are leased ``until``: if nothing is noted of one by then, it may be taken again. The look
    goes on from the account ``start``, 0 for the first, and in each behind the receiver that
    ``turns`` has for it.
    """

    now: int
    until: int
    limit: int
    each: int
    busy: Mapping[Queue, int]
    start: int = 0
    turns: Mapping[int, str] = field(default_factory=dict[int, str])


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification that is due: where to, what, and what signs it.

    ``tries`` is how often it was attempted on its schedule. One that cannot be signed says why in
    ``problem`` and is not to be posted.
    """

    id: int
    ref: str
    url: str
    body: bytes
    queue: Queue
    tries: int
    lease: int
    access_token: str
    signing_secrets: tuple[str, ...] = ()
    problem: str = ""

    def __repr__(self) -> str:
        return f"Delivery(id={self.id}, ref={self.ref!r})"


@dataclass(frozen=True, slots=True)
class Taken:
    """What was due, and where the next look goes on: at ``start``, 0 once all were looked at.

    ``turns`` has the receiver that was looked at last of each account, empty once all of its own
    were. ``short`` tells that an account may have more and had no room for it.
    """

    deliveries: Sequence[Delivery]
    start: int
    turns: Mapping[int, str]
    short: bool


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt as it went: begun ``at``, answered after ``took`` microseconds.

    ``status`` is the HTTP status; where there was none, ``reason`` says why.
    """

    at: int
    took: int
    status: int | None
    reason: str


class Storage(Protocol):
    """Everything durable, behind one method a use. Safe to call from any task of the loop."""

    async def application(self, app_id: str) -> Application | None:
        """The application and its account as they are now; None when unknown."""
        ...

    async def price(self, currency: str, number: str) -> Price | None:
        """What one leg to this number costs, by longest prefix; None: not covered."""
        ...

    async def admit(self, admission: Admission) -> Sequence[CallRecord] | Placed | Refusal:
        """Write its calls with their holds, in their order, or refuse it; nothing in between.

        ``Placed`` when an earlier request with the same key was admitted: nothing is written.
        """
        ...

    async def placed(self, application: int, key: IdempotencyKey) -> Placed | Refusal | None:
        """What an earlier request with this key placed; None when there was none.

        ``Refusal.KEY_REUSED`` when that request asked for something else.
        """
        ...

    async def advance(self, ref: str, step: Callable[[CallRecord], Change[T]]) -> T | None:
        """Load a live call under a lock, apply ``step`` and write what it says, all or nothing.

        ``step`` is pure and may run again. None when the call is unknown or already settled: a
        settled record never changes.
        """
        ...

    async def record(self, application: int, ref: str) -> CallRecord | None:
        """One transaction of this application; None also for another application's."""
        ...

    async def history(
        self,
        application: int,
        *,
        start: int | None,
        end: int | None,
        page: int,
        upto: str | None,
    ) -> HistoryPage:
        """Page ``page`` (from 1, 100 records) of transactions with start <= date < end."""
        ...

    async def live_calls(self) -> Sequence[CallRecord]:
        """Every call that is not settled, oldest first."""
        ...

    async def beat(self, now: int) -> None:
        """Write the heartbeat: this service was alive, and its calls with it, at ``now``."""
        ...

    async def last_beat(self) -> int | None:
        """When the service was last known alive; None before the first beat."""
        ...

    async def queue_notifications(self, now: int, limit: int) -> int:
        """Put what is due into the queues; how many, at most ``limit``."""
        ...

    async def take_notifications(self, wanted: Wanted) -> Taken:
        """Lease notifications that stand in queues, of one account after another."""
        ...

    async def note_attempt(
        self, delivery: Delivery, attempt: AttemptRecord, state: NotificationState, due_at: int
    ) -> None:
        """Write how an attempt went and what follows; ``due_at`` is when it is due again.

        What follows is dropped, and the attempt kept, where the delivery is leased no more.
        """
        ...

    async def put_off_notification(self, delivery: Delivery, due_at: int) -> None:
        """Give a delivery back that was not attempted, to be due then."""
        ...

    async def release_notifications(self) -> None:
        """End all leases: whoever held them is gone."""
        ...

    async def has_tariff(self) -> bool:
        """Whether any tariff was imported yet."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
        ...
