"""Transactions on the outbox: notifications wait in it, are leased, attempted, noted, replayed."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from hoiio.server.storage.errors import Conflict, StorageError, Unknown
from hoiio.server.storage.protocol import (
    AttemptRecord,
    Delivery,
    NotificationState,
    Taken,
    Wanted,
)
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import Row, call_id, must, one
from hoiio.server.storage.sealing import Purpose, Sealer

PROBES: Final = 200
"""Queues looked at in one transaction, so that calls are not kept waiting."""

_NOBODY: Final = "?"
"""The receiver of a URL that names none."""


# --- delivering ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notification that is due and stands in no queue yet."""

    id: int
    receiver: str


def waiting(db: sqlite3.Connection, now: int, limit: int) -> list[Waiting]:
    """What is due at ``now`` and in no queue, oldest first; costs nothing for what is not due."""
    rows = db.execute(SQL["waiting_notifications"], {"now": now, "limit": limit}).fetchall()
    return [Waiting(key, receiver(url)) for key, url in rows]


def enqueue(db: sqlite3.Connection, found: Sequence[Waiting], now: int) -> None:
    """Put each into the queue of its account to its receiver, if it is still due and in none."""
    rows = [{"id": each.id, "receiver": each.receiver, "now": now} for each in found]
    db.executemany(SQL["queue_notification"], rows)


def any_queued(db: sqlite3.Connection) -> bool:
    """Whether anything stands in a queue."""
    return one(db, "next_queue", start=0) is not None


def receiver(url: str) -> str:
    """Who answers a URL: its host and port as written, in lower case; never empty."""
    try:
        return urlsplit(url).netloc.lower() or _NOBODY
    except ValueError:
        return _NOBODY


def take(db: sqlite3.Connection, sealer: Sealer, wanted: Wanted) -> Taken:
    """Lease what stands in queues: account by account, of each its receivers in turn.

    An account is served while ``share`` leaves it room, a receiver of it up to ``each``. However
    much is due for one, the next costs one probe of an index.
    """
    walk = _Walk(db, sealer, wanted)
    start = wanted.start
    while walk.goes_on():
        row = one(db, "next_queue", start=start)
        if row is None:
            return walk.taken(0)
        (account,) = row
        start = account + 1 if walk.serve(account) else account
    return walk.taken(start)


def share(free: int, busy: int) -> int:
    """How many more deliveries an account may begin that has ``busy`` under way.

    It takes no more than it leaves free: alone it gets half of all, and whoever comes next finds
    half of the rest, so that none can keep another out.
    """
    return max(0, (free - busy + 1) // 2)


class _Walk:
    """One look at the queues, of so many probes."""

    def __init__(self, db: sqlite3.Connection, sealer: Sealer, wanted: Wanted) -> None:
        self._db, self._sealer, self._wanted = db, sealer, wanted
        self._probes = 0
        self._found: list[Delivery] = []
        self._turns: dict[int, str] = {}
        self._short = False
        self._busy = Counter[int]()
        for (account, _), count in wanted.busy.items():
            self._busy[account] += count

    def goes_on(self) -> bool:
        """Whether there is room and this look has not taken too long; counts as a probe."""
        self._probes += 1
        self._short |= self._free() <= 0
        return self._free() > 0 and self._probes <= PROBES

    def serve(self, account: int) -> bool:
        """Take of an account what there is room for; whether it had its turn by then.

        Its receivers' turns go on behind the one that was looked at last.
        """
        wanted = self._wanted
        room = share(self._free(), self._busy[account])
        after = self._turns[account] = wanted.turns.get(account, "")
        while room and self._probes < PROBES:
            self._probes += 1
            row = one(self._db, "next_receiver", queue=account, after=after)
            if row is None:
                self._turns[account] = ""
                return True
            (after,) = row
            some = min(wanted.each - wanted.busy.get((account, after), 0), room)
            if some > 0:
                room -= self._take(account, after, some)
            self._turns[account] = after
        self._short |= not room
        return not room

    def taken(self, start: int) -> Taken:
        """What was found; the next look begins at the account ``start``."""
        return Taken(self._found, start, self._turns, short=self._short)

    def _free(self) -> int:
        return self._wanted.limit - len(self._found)

    def _take(self, account: int, receiver: str, limit: int) -> int:
        asked = {"queue": account, "receiver": receiver, "until": self._wanted.until}
        rows = self._db.execute(SQL["take_notifications"], asked | {"limit": limit}).fetchall()
        now = self._wanted.now
        self._found += [_delivery(self._db, self._sealer, key, now) for (key,) in sorted(rows)]
        return len(rows)


def _delivery(db: sqlite3.Connection, sealer: Sealer, key: int, now: int) -> Delivery:
    row = must(db, "delivery", id=key, now=now)
    _, ref, url, body, account, receiver, tries, lease, app_id, sealed, secret, former = row
    token, problem = "", ""
    secrets: tuple[str, ...] = ()
    try:
        token = sealer.open(sealed, app_id)
        signing = [each for each in (secret, former) if each is not None]
        secrets = tuple(sealer.open(each, app_id, Purpose.SIGNING) for each in signing)
    except StorageError as error:
        problem = str(error)
    queue = (account, receiver)
    return Delivery(key, ref, url, body, queue, tries, lease, token, secrets, problem)


def note(
    db: sqlite3.Connection,
    delivery: Delivery,
    attempt: AttemptRecord,
    state: NotificationState,
    due_at: int,
) -> None:
    """Write how an attempt went, and what follows while the delivery's lease is its own."""
    made = {"at": attempt.at, "took": attempt.took, "status": attempt.status}
    db.execute(SQL["add_attempt"], {"id": delivery.id, "reason": attempt.reason} | made)
    follows = {"state": state.value, "due_at": due_at, "lease": delivery.lease}
    db.execute(SQL["note_attempt"], {"id": delivery.id} | follows)


def put_off(db: sqlite3.Connection, delivery: Delivery, due_at: int) -> None:
    """Give a delivery's lease back, to be attempted later; as if it had not been taken."""
    follows = {"id": delivery.id, "lease": delivery.lease, "due_at": due_at}
    db.execute(SQL["put_off_notification"], follows)


def release(db: sqlite3.Connection) -> None:
    """Make due at once whatever was leased: its holder is gone."""
    db.execute(SQL["release_notifications"])


# --- what an operator sees ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification in a list. ``due_at`` is 0 for at once; ``last_*`` are None before any."""

    id: int
    ref: str
    app_id: str
    account: int
    receiver: str | None
    url: str
    state: NotificationState
    tries: int
    due_at: int
    leased: bool
    created_at: int
    attempts: int
    last_at: int | None
    last_status: int | None
    last_reason: str | None


@dataclass(frozen=True, slots=True)
class Notices:
    """The newest of those that were asked for, and how many there are in all."""

    total: int
    listed: Sequence[Notice]


@dataclass(frozen=True, slots=True)
class Told:
    """All about one notification; a masked one has no numbers any more and cannot be replayed."""

    notice: Notice
    body: bytes
    masked: bool
    attempts: Sequence[AttemptRecord]


def notices(
    db: sqlite3.Connection,
    states: Collection[NotificationState],
    *,
    account: int | None,
    application: int | None,
    limit: int,
) -> Notices:
    """Notifications in these states, of an account or an application or of all, newest first."""
    asked: dict[str, Any] = {
        state.value: state.value if state in states else "" for state in NotificationState
    }
    asked |= {"account": account or 0, "application": application or 0}
    (total,) = must(db, "count_notifications", **asked)
    rows = db.execute(SQL["notifications"], asked | {"limit": limit}).fetchall()
    return Notices(total, [_notice(row) for row in rows])


def told(db: sqlite3.Connection, name: str) -> Told:
    """One notification, by its number or its transaction's ref. Raises ``Unknown``."""
    notice = _found(db, name)
    body, masked = must(db, "notification_body", id=notice.id)
    rows = db.execute(SQL["attempts_of"], {"id": notice.id}).fetchall()
    return Told(notice, body, bool(masked), [AttemptRecord(*row) for row in rows])


def replay(db: sqlite3.Connection, name: str) -> Notice:
    """Make a notification due at once, on a fresh schedule.

    Raises ``Unknown``, or ``Conflict`` when its numbers were purged.
    """
    notice = _found(db, name)
    if one(db, "replay_notification", id=notice.id) is None:
        raise Conflict(f"the numbers in notification {notice.id} were purged: it cannot be sent")
    return _found(db, str(notice.id))


def _found(db: sqlite3.Connection, name: str) -> Notice:
    key = call_id(name)
    row = None
    if key is not None:
        row = one(db, "notification_by_call", id=key)
    elif name.isascii() and name.isdigit() and len(name) <= 18:
        row = one(db, "notification_by_id", id=int(name))
    if row is None:
        raise Unknown(f"no notification {name!r}: name one by its number or its call's ref")
    return _notice(row)


def _notice(row: Row) -> Notice:
    values = list(row)
    values[6] = NotificationState(values[6])
    values[9] = values[9] > 0
    return Notice(*values)
