"""Storage in one SQLite file: a thread that writes, a thread that reads, jobs for both."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from hoiio.server.billing.charge import Price
from hoiio.server.billing.guards import Ceilings, Overrides
from hoiio.server.billing.tariff import Row
from hoiio.server.storage import (
    accounts,
    applications,
    books,
    calls,
    guards,
    heartbeat,
    idempotency,
    limits,
    outbox,
    seal,
    tariffs,
    upkeep,
)
from hoiio.server.storage.credentials import new_access_token, new_app_id, new_signing_secret
from hoiio.server.storage.errors import StorageError
from hoiio.server.storage.migrate import migrate
from hoiio.server.storage.protocol import (
    Account,
    Admission,
    Application,
    AttemptRecord,
    CallRecord,
    Change,
    Delivery,
    HistoryPage,
    IdempotencyKey,
    NotificationState,
    Placed,
    Refusal,
    T,
    Taken,
    Wanted,
)
from hoiio.server.storage.rows import one
from hoiio.server.storage.sealing import Purpose, Sealer
from hoiio.server.storage.worker import BATCH_JOBS, Job, Worker

BUSY_SECONDS: Final = 5.0
"""How long a write waits for another process's."""


def wall_clock() -> int:
    """What the machine says: Unix time in microseconds."""
    return time.time_ns() // 1_000


class SqliteStorage:
    """``protocol.Storage`` in SQLite, and what the admin commands need besides.

    One that is not ``durable`` does not wait for the disk: what a power cut would lose is of no
    worth, as in a test.
    """

    def __init__(
        self,
        path: Path,
        sealer: Sealer,
        clock: Callable[[], int] = wall_clock,
        *,
        durable: bool = True,
    ) -> None:
        self._path = path
        self._sealer = sealer
        self._clock = clock
        self._tariffs = tariffs.TariffCache()
        writing, reading = _connect(path, durable=durable), _connect(path)
        self._writer = Worker(
            writing, name="storage-writer", begin="BEGIN IMMEDIATE", batch=BATCH_JOBS
        )
        self._reader = Worker(reading, name="storage-reader", begin="BEGIN", batch=1)

    @classmethod
    def open(
        cls,
        path: Path,
        sealer: Sealer,
        clock: Callable[[], int] = wall_clock,
        *,
        durable: bool = True,
    ) -> SqliteStorage:
        """Open or make a database and bring its schema up to date.

        Raises ``StorageError`` when it cannot be used: no permission, corrupt, a newer schema,
        sealed with another secret.
        """
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(_connect(path, durable=durable)) as db:
                _use_wal(db)
                migrate(db)
                seal.prove(db, sealer)
            return cls(path, sealer, clock, durable=durable)
        except OSError as error:
            raise StorageError(f"cannot open the database {path}: {error.strerror}") from error
        except (sqlite3.Error, StorageError) as error:
            raise StorageError(f"cannot use the database {path}: {error}") from error

    async def _write(self, job: Job[T]) -> T:
        return await asyncio.wrap_future(self._writer.submit(job))

    async def _read(self, job: Job[T]) -> T:
        return await asyncio.wrap_future(self._reader.submit(job))

    # --- what the service asks -------------------------------------------------------------

    async def application(self, app_id: str) -> Application | None:
        """The application and its account as they are now; None when unknown."""
        now = self._clock()
        return await self._read(lambda db: accounts.application(db, self._sealer, app_id, now))

    async def price(self, currency: str, number: str) -> Price | None:
        """What one leg to this number costs; None when it is not covered."""
        now = self._clock()
        return await self._read(lambda db: self._tariffs.price(db, currency, number, now))

    async def has_tariff(self) -> bool:
        """Whether any tariff was imported yet."""
        return await self._read(lambda db: one(db, "any_tariff") is not None)

    async def admit(self, admission: Admission) -> Sequence[CallRecord] | Placed | Refusal:
        """Write its calls with their holds, in their order, or refuse it; nothing in between."""
        try:
            return await self._write(lambda db: calls.admit(db, admission))
        except calls.Refused as refused:
            return refused.refusal

    async def placed(self, application: int, key: IdempotencyKey) -> Placed | Refusal | None:
        """What an earlier request with this key placed; None when there was none."""
        return await self._read(lambda db: idempotency.earlier(db, application, key))

    async def advance(self, ref: str, step: Callable[[CallRecord], Change[T]]) -> T | None:
        """Apply ``step`` to a live call and write what it says; None when it is not live."""
        return await self._write(lambda db: calls.advance(db, ref, step))

    async def record(self, application: int, ref: str) -> CallRecord | None:
        """One transaction of this application; None also for another application's."""
        return await self._read(lambda db: calls.record(db, application, ref))

    async def history(
        self,
        application: int,
        *,
        start: int | None,
        end: int | None,
        page: int,
        upto: str | None,
    ) -> HistoryPage:
        """A page of transactions with start <= date < end, newest first."""
        return await self._read(
            lambda db: calls.history(db, application, start=start, end=end, page=page, upto=upto)
        )

    async def live_calls(self) -> Sequence[CallRecord]:
        """Every call that is not settled, oldest first."""
        return await self._read(calls.live_calls)

    async def beat(self, now: int) -> None:
        """Write the heartbeat; the clock of the service that runs now is the one that counts."""
        await self._write(lambda db: heartbeat.beat(db, now))

    async def last_beat(self) -> int | None:
        """When the service was last known alive; None before the first beat."""
        return await self._read(heartbeat.last_beat)

    async def queue_notifications(self, now: int, limit: int) -> int:
        """Put what is due into the queues; how many, at most ``limit``."""
        found = await self._read(lambda db: outbox.waiting(db, now, limit))
        if found:
            await self._write(lambda db: outbox.enqueue(db, found, now))
        return len(found)

    async def take_notifications(self, wanted: Wanted) -> Taken:
        """Lease notifications that stand in queues, of one account after another."""
        if not await self._read(outbox.any_queued):
            return Taken([], 0, {}, short=False)
        return await self._write(lambda db: outbox.take(db, self._sealer, wanted))

    async def note_attempt(
        self, delivery: Delivery, attempt: AttemptRecord, state: NotificationState, due_at: int
    ) -> None:
        """Write how an attempt went and what follows; ``due_at`` is when it is due again."""
        await self._write(lambda db: outbox.note(db, delivery, attempt, state, due_at))

    async def put_off_notification(self, delivery: Delivery, due_at: int) -> None:
        """Give a delivery back that was not attempted, to be due then."""
        await self._write(lambda db: outbox.put_off(db, delivery, due_at))

    async def release_notifications(self) -> None:
        """End all leases: whoever held them is gone."""
        await self._write(outbox.release)

    async def use_ceilings(self, ceilings: Ceilings) -> None:
        """Let these be what accounts may spend that have no ceilings of their own."""
        await self._write(lambda db: guards.use_ceilings(db, ceilings))

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
        await asyncio.to_thread(self._reader.close)
        await asyncio.to_thread(self._writer.close)

    # --- what an operator asks -------------------------------------------------------------

    async def account(self, name_or_id: str) -> Account:
        """An account by id (``AA-1``) or name. Raises ``Unknown``."""
        return await self._read(lambda db: accounts.find(db, name_or_id))

    async def accounts(self) -> Sequence[Account]:
        """All accounts, oldest first."""
        return await self._read(accounts.every)

    async def create_account(
        self, name: str, *, number: str | None = None, currency: str = "SGD", credit: int = 0
    ) -> Account:
        """A new account with its first credit. Raises ``Conflict`` for a name that is taken."""
        now = self._clock()
        return await self._write(
            lambda db: accounts.create(
                db, name, number=number, currency=currency, credit=credit, now=now
            )
        )

    async def create_app(
        self,
        account: int,
        app_id: str | None = None,
        access_token: str | None = None,
        signing_secret: str | None = None,
    ) -> Application:
        """New credentials, or existing ones taken over. Raises ``Conflict`` for a known id."""
        key, now = app_id or new_app_id(), self._clock()
        token = self._sealer.seal(access_token or new_access_token(), key)
        signing = signing_secret or new_signing_secret()
        secret = self._sealer.seal(signing, key, Purpose.SIGNING)

        def job(db: sqlite3.Connection) -> Application | None:
            applications.create(db, account, key, token=token, secret=secret, now=now)
            return accounts.application(db, self._sealer, key, now)

        created = await self._write(job)
        if created is None:
            raise StorageError(f"application {key} is gone")
        return created

    async def list_apps(self, account: int | None) -> Sequence[applications.Listed]:
        """All applications, or those of one account, oldest first."""
        return await self._read(lambda db: applications.every(db, account))

    async def signing_secret(self, app_id: str) -> str | None:
        """What an application's notifications are signed with; None where it has none."""
        return await self._read(lambda db: applications.signing_secret(db, self._sealer, app_id))

    async def rotate_token(self, app_id: str, token: str, keep: int) -> applications.Listed:
        """A new access token; the old one stays good for ``keep`` microseconds.

        Raises ``Unknown``, or ``Conflict`` for a revoked application.
        """
        sealed, now = self._sealer.seal(token, app_id), self._clock()
        return await self._write(
            lambda db: applications.rotate(
                db, "rotate_token", app_id, sealed, until=now + keep, now=now
            )
        )

    async def rotate_secret(self, app_id: str, secret: str, overlap: int) -> applications.Listed:
        """A new signing secret; the old one signs too for ``overlap`` microseconds.

        Raises ``Unknown``, or ``Conflict`` for a revoked application.
        """
        sealed, now = self._sealer.seal(secret, app_id, Purpose.SIGNING), self._clock()
        return await self._write(
            lambda db: applications.rotate(
                db, "rotate_secret", app_id, sealed, until=now + overlap, now=now
            )
        )

    async def revoke(self, app_id: str) -> applications.Listed:
        """Let nobody in any more with an application's credentials. Raises ``Unknown``."""
        return await self._write(lambda db: applications.revoke(db, app_id))

    async def notifications(
        self, states: Collection[NotificationState], owner: str | None, limit: int
    ) -> outbox.Notices:
        """Notifications in these states, of an application or an account, newest first.

        Raises ``Unknown`` for an owner that is neither.
        """

        def job(db: sqlite3.Connection) -> outbox.Notices:
            application = None if owner is None else applications.key_of(db, owner)
            of_all = owner is None or application is not None
            account = None if of_all else accounts.find(db, owner or "").id
            return outbox.notices(db, states, account=account, application=application, limit=limit)

        return await self._read(job)

    async def notification(self, name: str) -> outbox.Told:
        """One notification, by its number or its transaction's ref. Raises ``Unknown``."""
        return await self._read(lambda db: outbox.told(db, name))

    async def replay_notification(self, name: str) -> outbox.Notice:
        """Make a notification due at once, on a fresh schedule.

        Raises ``Unknown``, or ``Conflict`` when its numbers were purged.
        """
        return await self._write(lambda db: outbox.replay(db, name))

    async def add_credit(self, account: int, amount: int) -> Account:
        """Top an account up; returns it as it is then."""
        now = self._clock()

        def job(db: sqlite3.Connection) -> Account:
            accounts.top_up(db, account, amount, now)
            return accounts.by_id(db, account)

        return await self._write(job)

    async def change_account(
        self,
        account: int,
        changes: limits.AccountChanges,
        own: Callable[[Overrides], Overrides] = lambda had: had,
    ) -> Account:
        """Change what an account may do, and its own guards with it; returns it as it is then."""

        def job(db: sqlite3.Connection) -> Account:
            guards.change_overrides(db, account, own)
            return limits.change(db, account, changes)

        return await self._write(job)

    async def add_number(self, account: int, number: str) -> Account:
        """Make a number an account's own; returns it as it is then."""
        return await self._write(lambda db: limits.add_number(db, account, number))

    async def remove_number(self, account: int, number: str) -> Account:
        """Take a number from an account; returns it as it is then.

        Raises ``Conflict`` for the registered number, ``Unknown`` for one that is not its own.
        """
        return await self._write(lambda db: limits.remove_number(db, account, number))

    async def import_tariff(
        self, currency: str, rows: Sequence[Row], starts_at: int | None = None
    ) -> tariffs.Comparison:
        """Replace a currency's deck: staged in parts, switched at once, the old one dropped.

        With ``starts_at`` it is used from then on, and the earlier one until then. Returns what
        that changes. Raises ``Conflict`` when another import was faster, or starts at that moment.
        """
        now = self._clock()
        begin = partial(tariffs.begin_deck, currency=currency, now=now, starts_at=starts_at)
        deck = await self._write(begin)
        for at in range(0, len(rows), tariffs.CHUNK):
            part = rows[at : at + tariffs.CHUNK]
            await self._write(partial(tariffs.fill_deck, deck=deck, rows=part))
            await asyncio.sleep(tariffs.PAUSE)
        return await self._switch(currency, deck, starts_at)

    async def _switch(self, currency: str, deck: int, starts_at: int | None) -> tariffs.Comparison:
        now = self._clock()
        moment = now if starts_at is None else starts_at
        found = await self._read(lambda db: tariffs.compare(db, currency, deck, moment))
        if starts_at is None:
            use = partial(tariffs.use_deck, previous=found.previous)
        else:
            use = partial(tariffs.start_deck_later, starts_at=starts_at)
        for stale in await self._write(partial(use, currency=currency, deck=deck, now=now)):
            await self._drop(stale)
        return found

    async def remove_tariff(self, currency: str, starts_at: int) -> None:
        """Take back a deck that has not started yet. Raises ``Unknown`` when there is none."""
        now = self._clock()
        take_back = partial(tariffs.take_back_deck, currency=currency, starts_at=starts_at, now=now)
        await self._drop(await self._write(take_back))

    async def decks(self) -> Sequence[tariffs.Deck]:
        """The decks that are used or will be, by currency and start."""
        now = self._clock()
        return await self._read(lambda db: tariffs.listed(db, now))

    async def _drop(self, deck: int) -> None:
        some = partial(tariffs.drop_some, deck=deck)
        while await self._write(some):  # noqa: ASYNC110 - the pause is for others to write in
            await asyncio.sleep(tariffs.PAUSE)

    async def change_guards(
        self, account: int, change: Callable[[Overrides], Overrides]
    ) -> Overrides:
        """Write what an account has of its own in place of the service's guards."""
        return await self._write(lambda db: guards.change_overrides(db, account, change))

    async def guard_usage(self, account: int) -> guards.Usage:
        """What an account has spent and run up in this hour and this day."""
        now = self._clock()
        return await self._read(lambda db: guards.usage(db, account, now))

    async def ledger(self, account: int) -> AsyncIterator[books.Entry]:
        """An account's entries as they are at one moment, oldest first, read as they are taken."""
        last = await self._read(lambda db: books.last_entry(db, account))
        read = partial(books.entries, account=account, last=last)
        chunk = await self._read(partial(read, place=books.Place()))
        while chunk.entries:
            for entry in chunk.entries:
                yield entry
            chunk = await self._read(partial(read, place=chunk.end))

    async def audit(self) -> books.Audit:
        """Prove the books as they are at one moment, whoever writes meanwhile."""
        return await self._read(books.audit)

    async def backup(self, target: Path) -> int:
        """Copy the database at one moment into a new file, whoever writes meanwhile; its bytes.

        Raises ``Conflict`` when the file is there already.
        """
        return await asyncio.to_thread(self._beside, lambda db: upkeep.backup(db, target))

    async def purge(self, before: int) -> upkeep.Purged:
        """Mask the numbers of calls that were admitted before an instant and have ended."""
        now = self._clock()
        return await asyncio.to_thread(self._beside, lambda db: upkeep.purge(db, before, now))

    def _beside(self, job: Job[T]) -> T:
        """Run what makes its own transactions, or none."""
        try:
            with closing(_connect(self._path)) as db:
                return job(db)
        except sqlite3.Error as error:
            raise StorageError(f"the database {self._path} cannot be used: {error}") from error


def _connect(path: Path, *, durable: bool = True) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")  # what is purged later has left no copy behind
    return db


def _use_wal(db: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, once in a database's life.

    The switch fails at once while another process does the same, without the busy time-out.
    """
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
