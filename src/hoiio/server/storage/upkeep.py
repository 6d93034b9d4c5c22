"""What an operator does to a database as a whole, beside a service that uses it.

Each works on a connection of its own that is in no transaction.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hoiio.server.storage import idempotency, masking
from hoiio.server.storage.errors import Conflict, StorageError
from hoiio.server.storage.masking import Fields
from hoiio.server.storage.queries import SQL

CHUNK: Final = 200
"""Records masked in one transaction, so that calls are not kept waiting."""

PAUSE: Final = 0.01
"""Seconds between two transactions, in which the service gets the write lock."""


def backup(db: sqlite3.Connection, target: Path) -> int:
    """Copy the database as it is at one moment into a new file; returns its size in bytes.

    The file appears whole or not at all, readable by its owner only. Raises ``Conflict`` when
    there is one already, ``StorageError`` when it cannot be written.
    """
    if os.path.lexists(target):
        raise Conflict(f"{target} is there already")
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise _unwritable(target, error) from error
    try:
        return _copied(db, part, target)
    except FileExistsError as error:
        raise Conflict(f"{target} is there already") from error
    except OSError as error:
        raise _unwritable(target, error) from error
    except sqlite3.Error as error:
        raise StorageError(f"cannot write {target}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def _copied(db: sqlite3.Connection, part: Path, target: Path) -> int:
    db.execute("VACUUM INTO ?", (str(part),))
    _sync(part)
    size = part.stat().st_size
    os.link(part, target)  # unlike a rename, it never replaces a file
    _sync(target.parent)
    return size


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(target: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot write {target}: {error.strerror}")


@dataclass(frozen=True, slots=True)
class Purged:
    """How many records were changed, and how many idempotency keys were dropped."""

    calls: int
    notifications: int
    idempotency_keys: int


def purge(db: sqlite3.Connection, before: int, now: int) -> Purged:
    """Mask the phone numbers of calls that were admitted before an instant and have ended.

    Masked as the log does it; in the records, in what the call's machine left, in tags, rooms and
    URLs, and in notifications that arrived or were given up. Idempotency keys of before it, whose
    names may be anything, are dropped once their time is over. What was there is overwritten in the
    file too. Live calls and the ledger are not touched. May be broken off and run again.
    """
    db.execute("PRAGMA secure_delete = ON")
    purged = Purged(
        _masked(db, "ended_calls", "mask_call", before, masking.call),
        _masked(db, "finished_notifications", "mask_notification", before, masking.notification),
        _dropped_keys(db, min(before, now - idempotency.KEPT)),
    )
    with suppress(sqlite3.OperationalError):  # a reader keeps the log; the service empties it later
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return purged


def _masked(
    db: sqlite3.Connection, read: str, write: str, before: int, mask: Callable[[Fields], Fields]
) -> int:
    """Mask what one query finds, chunk by chunk; returns how many rows that changed."""
    done = 0
    for rows in _chunks(db, read, before):
        changed = [after for row in rows if (after := mask(row)) != row]
        if changed:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(SQL[write], changed)
            db.execute("COMMIT")
            done += len(changed)
            time.sleep(PAUSE)
    return done


def _dropped_keys(db: sqlite3.Connection, before: int) -> int:
    """Drop the keys taken before an instant, chunk by chunk; returns how many."""
    done = 0
    while some := db.execute(SQL["drop_old_keys"], {"before": before, "most": CHUNK}).rowcount:
        done += some
        time.sleep(PAUSE)
    return done


def _chunks(db: sqlite3.Connection, read: str, before: int) -> Iterator[Sequence[Fields]]:
    after = 0
    while True:
        asked = db.execute(SQL[read], {"after": after, "before": before, "limit": CHUNK})
        names = [column[0] for column in asked.description]
        rows = [dict(zip(names, row, strict=True)) for row in asked]
        if not rows:
            return
        yield rows
        after = rows[-1]["id"]
