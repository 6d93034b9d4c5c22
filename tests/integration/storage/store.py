"""A storage to test with: an application, calls to admit, and a look at what the file says."""

import asyncio
import sqlite3
import time
from contextlib import asynccontextmanager, closing
from pathlib import Path

from hoiio.server.billing.charge import NO_LEG, Price
from hoiio.server.storage import books
from hoiio.server.storage.data import DATABASE, open_data
from hoiio.server.storage.limits import AccountChanges
from hoiio.server.storage.protocol import (
    NOTHING,
    Admission,
    AttemptRecord,
    Change,
    NewCall,
    Refusal,
    Settlement,
    Wanted,
)

RATE = 18_000
CREDIT = 1_000_000
START = 1_700_000_000_000_000


class Shop:
    """One open storage with one account's application."""

    def __init__(self, data, storage, app):
        self.data, self.storage, self.app = data, storage, app

    def admission(self, *numbers, **changes):
        """A call-back, or with numbers participants, each with what ``changes`` say."""
        call = {
            "dest1": "+6511111111",
            "dest2": "+6522222222",
            "price1": Price(RATE),
            "price2": Price(RATE),
            "hold": 2 * RATE,
            "state": lambda ref, room: f"{ref} {room}".encode(),
            "reserves": NOTHING,
        }
        if numbers:
            call |= {"dest2": "", "price2": NO_LEG, "hold": RATE}
        call |= {key: changes.pop(key) for key in call.keys() & changes.keys()}
        calls = [NewCall(**(call | {"dest1": number})) for number in numbers]
        values = {
            "application": self.app.id,
            "account": self.app.account.id,
            "tag": "id_1",
            "notify_url": "http://127.0.0.1/hook",
            "currency": "SGD",
            "now": START,
            "ceiling_reached": False,
            "calls": calls or [NewCall(**call)],
        }
        return Admission(**(values | changes))

    async def admit(self, **changes):
        """Admit a call-back; its record, or why not."""
        admitted = await self.storage.admit(self.admission(**changes))
        return admitted if isinstance(admitted, Refusal) else admitted[0]

    async def join(self, room, *numbers, **changes):
        """Admit participants; their records, or why not."""
        return await self.storage.admit(self.admission(*numbers, room=room, **changes))

    async def settle(self, ref, debit=0, duration=0, body=None):
        step = settling(debit=debit, duration=duration, body=body)
        return await self.storage.advance(ref, step)

    async def account(self):
        return (await self.storage.application(self.app.app_id)).account


async def due(storage, limit=100):
    """What a deliverer would be given to post now, all of it its own from then on."""
    now = time.time_ns() // 1_000
    await storage.queue_notifications(now, 1000)
    wanted = Wanted(now, now + 60_000_000, limit=2 * limit, each=limit, busy={})
    return (await storage.take_notifications(wanted)).deliveries


async def noted(storage, delivery, state, *, due_at=0, status=None, reason=""):
    """Write that a delivery's attempt went so."""
    attempt = AttemptRecord(START, 1000, status, reason)
    await storage.note_attempt(delivery, attempt, state, due_at)


def settling(debit=0, duration=0, body=None):
    settlement = Settlement(duration, debit, START + 60_000_000, body)
    return lambda record: Change(b"over", "answered", "answered", settlement, record.ref)


@asynccontextmanager
async def a_shop(data, credit=CREDIT, name="ann", calls_per_minute=10**6):
    storage = open_data(data)
    try:
        account = await storage.create_account(name, credit=credit)
        if calls_per_minute:
            changes = AccountChanges(calls_per_minute=calls_per_minute)
            await storage.change_account(account.id, changes)
        app = await storage.create_app(account.id)
        yield Shop(data, storage, app)
    finally:
        await storage.close()


async def another(shop, name):
    """Another account's shop in the same storage."""
    account = await shop.storage.create_account(name, credit=10**9)
    await shop.storage.change_account(account.id, AccountChanges(calls_per_minute=10**6))
    return Shop(shop.data, shop.storage, await shop.storage.create_app(account.id))


def in_a_shop(test, data, **options):
    """Run a coroutine function on a fresh shop."""

    async def run():
        async with a_shop(Path(data), **options) as shop:
            return await test(shop)

    return asyncio.run(run())


def ask(data, query, *values):
    """What another process would read from the file."""
    with closing(sqlite3.connect(Path(data) / DATABASE)) as db:
        return db.execute(query, values).fetchall()


def change(data, query, *values):
    """What the tests' own hand writes."""
    with closing(sqlite3.connect(Path(data) / DATABASE)) as db, db:
        db.execute(query, values)


def problems(data, *, bills=True):
    """What the product's own audit finds in the file, at one moment.

    Without ``bills`` all but that debits are minutes at their rate: tests of the storage alone
    settle calls with debits that they made up, as a debit is worked out before it comes there.
    """
    with closing(sqlite3.connect(Path(data) / DATABASE, isolation_level=None)) as db:
        db.execute("BEGIN")
        found = books.audit(db).problems
        return [problem for problem in found if bills or problem.check != "bill"]


def audit(data, *, bills=True):
    """Prove the books: balances equal entries, debits equal theirs, no hold outlives its call."""
    assert problems(data, bills=bills) == []


def seed_calls(data, application, account, dates, *, first=1):
    """Write settled records with these dates at once; refs and ordinals run from ``first``."""
    rows = (
        (first + index, application, account, first + index, date)
        for index, date in enumerate(dates)
    )
    with closing(sqlite3.connect(Path(data) / DATABASE)) as db, db:
        db.executemany(
            """INSERT INTO calls (id, application, account, ordinal, date, dest1, dest2, status1,
            status2, room, tag, notify_url, currency, rate1, rate2, duration, debit, live, state)
            VALUES (?, ?, ?, ?, ?, '+6511111111', '+6522222222', 'answered', 'answered', '',
            'id_1', '', 'SGD', 18000, 18000, 7, 252000, 0, x'00')""",
            rows,
        )
        db.execute(
            """UPDATE applications SET (last_ordinal, last_date) =
            (SELECT max(ordinal), max(date) FROM calls WHERE application = applications.id)
            WHERE id = ?""",
            (application,),
        )
