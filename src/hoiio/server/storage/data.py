"""The data folder: where it is, who may use it, and how it is opened."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final

from hoiio.server.storage.errors import StorageError
from hoiio.server.storage.sealing import load_sealer
from hoiio.server.storage.sqlite import SqliteStorage, wall_clock

DEFAULT: Final = Path("hoiio-data")
DATABASE: Final = "hoiio.db"
SECRET: Final = "secret"  # noqa: S105 - a file's name
LOCK: Final = "serve.lock"

# What SQLite keeps beside a database holds the same data, and outlives a process that was killed.
_SUFFIXES: Final = ("", "-wal", "-shm")
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_ANY_BY_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_MAKERS: Final = "hoiio admin account create or hoiio serve makes one"


def open_data(
    data: Path,
    *,
    create: bool = True,
    clock: Callable[[], int] = wall_clock,
    durable: bool = True,
) -> SqliteStorage:
    """Open the storage in a data folder, with a folder, database and secret made if ``create``.

    ``clock`` and ``durable`` are those of ``SqliteStorage``. Raises ``StorageError`` with the
    reason when it cannot be used.
    """
    prepare_folder(data, create=create)
    database = data / DATABASE
    if not create and not database.exists():
        raise StorageError(f"no database in the data folder {data}; {_MAKERS}")
    if database.exists() and not (data / SECRET).exists():
        raise StorageError(f"the secret {data / SECRET} is missing, its database cannot be read")
    for suffix in _SUFFIXES:
        _refuse_open_to_others(data / f"{DATABASE}{suffix}")
    sealer = load_sealer(data / SECRET, create=create)
    return SqliteStorage.open(database, sealer, clock, durable=durable)


def prepare_folder(data: Path, *, create: bool = True) -> None:
    """Make sure that the data folder is there and can be used; a new one is closed to others.

    Others may look into an existing one, as its files are closed to them, but not put files there.
    """
    try:
        if create:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not data.exists():
            raise StorageError(f"no data folder {data}; {_MAKERS}")
        if not data.is_dir():
            raise StorageError(f"{data} is not a folder")
    except FileExistsError as error:
        raise StorageError(f"{data} is not a folder") from error
    except OSError as error:
        raise StorageError(f"cannot use the data folder {data}: {error.strerror}") from error
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise StorageError(f"cannot use the data folder {data}: no permission to read and write")
    if data.stat().st_mode & _WRITABLE_BY_OTHERS:
        raise StorageError(f"others may write to the data folder {data}: chmod go-w it")


def _refuse_open_to_others(file: Path) -> None:
    """A file that is not there, or not any more, is closed."""
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"cannot use {file}: {error.strerror}") from error
    if mode & _ANY_BY_OTHERS:
        raise StorageError(f"the database {file} is open to others: chmod 600 it")


class ServiceLock:
    """Held by the one service of a data folder; the kernel lets go of it with the process.

    Admin commands do not take it. A context manager that raises ``StorageError`` on entry while
    another service runs. Children must be started by exec: a forked one would share the lock.
    """

    def __init__(self, data: Path) -> None:
        self._path = data / LOCK
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise ``StorageError``."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageError(f"cannot write {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise StorageError(f"another service uses {self._path.parent}") from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; harmless when the lock is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> ServiceLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
