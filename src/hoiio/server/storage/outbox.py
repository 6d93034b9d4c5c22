"""Transactions on the outbox: notifications wait in it, are leased, attempted, noted, replayed."""

from __future__ import annotations

import sqlite3
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
"""Receivers looked at in one transaction, so that calls are not kept waiting."""

_NOBODY: Final = "?"
"""The receiver of a URL that names none."""


# --- delivering ---------------------------------------------------------------------------------


def sort(db: sqlite3.Connection, limit: int) -> int:
    """Write whose each new notification is; returns how many there were, at most ``limit``."""
    rows = db.execute(SQL["unsorted_notifications"], {"limit": limit}).fetchall()
    found = [{"id": key, "receiver": receiver(url)} for key, url in rows]
    db.executemany(SQL["sort_notification"], found)
    return len(found)


def receiver(url: str) -> str:
    """Who answers a URL: its host and port as written, in lower case; never empty."""
    try:
        return urlsplit(url).netloc.lower() or _NOBODY
    except ValueError:
        return _NOBODY


def take(db: sqlite3.Connection, sealer: Sealer, wanted: Wanted) -> Taken:
    """Lease what is due, oldest first, of each receiver that has room, in their names' order.

    However much is due for one, the next costs one probe of an index.
    """
    taken: list[Delivery] = []
    after = wanted.after
    for _ in range(PROBES):
        row = one(db, "next_receiver", after=after)
        if row is None:
            return Taken(taken, "")
        (after,) = row
        room = min(wanted.each - wanted.busy.get(after, 0), wanted.limit - len(taken))
        if room > 0:
            taken += _take_from(db, sealer, wanted, after, room)
        if len(taken) >= wanted.limit:
            break
    return Taken(taken, after)


def _take_from(
    db: sqlite3.Connection, sealer: Sealer, wanted: Wanted, receiver: str, limit: int
) -> list[Delivery]:
    asked = {"receiver": receiver, "now": wanted.now, "until": wanted.until, "limit": limit}
    taken = db.execute(SQL["take_notifications"], asked).fetchall()
    return [_delivery(db, sealer, key, wanted.now) for (key,) in sorted(taken)]


def _delivery(db: sqlite3.Connection, sealer: Sealer, key: int, now: int) -> Delivery:
    row = must(db, "delivery", id=key, now=now)
    _, ref, url, body, receiver, tries, lease, app_id, sealed, secret, former = row
    token, problem = "", ""
    secrets: tuple[str, ...] = ()
    try:
        token = sealer.open(sealed, app_id)
        signing = [each for each in (secret, former) if each is not None]
        secrets = tuple(sealer.open(each, app_id, Purpose.SIGNING) for each in signing)
    except StorageError as error:
        problem = str(error)
    return Delivery(key, ref, url, body, receiver, tries, lease, token, secrets, problem)


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
