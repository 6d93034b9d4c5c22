"""A thread that owns a database connection and runs jobs on it, several to a transaction."""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from hoiio.server.storage.errors import StorageError

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

BATCH_JOBS: Final = 256
BATCH_SECONDS: Final = 0.005


@dataclass(frozen=True, slots=True)
class _Task:
    job: Job[Any]
    future: Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    future: Future[Any]
    result: object = None
    error: BaseException | None = None

    def tell(self) -> None:
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Worker:
    """Runs jobs in the order they come; a job's outcome is told only after its commit.

    A job that raises undoes itself and nothing else. ``begin`` starts a transaction; ``batch`` is
    how many jobs may share one: a reader takes one, as a later job must see later commits.
    """

    def __init__(self, db: sqlite3.Connection, *, name: str, begin: str, batch: int) -> None:
        self._db = db
        self._begin = begin
        self._batch = batch
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> Future[T]:
        """Queue a job. Raises ``StorageError`` after ``close``."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise StorageError("the database is closed")
            self._tasks.put(_Task(job, future))
        return future

    def close(self) -> None:
        """Finish what is queued, then close the connection; blocks until both are done."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._tasks.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            self._transaction(task)
        self._db.close()

    def _transaction(self, first: _Task) -> None:
        tasks, outcomes = [first], list[_Outcome]()
        try:
            self._db.execute(self._begin)
            self._fill(tasks, outcomes)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo(error)
            outcomes = _all_failed(tasks, outcomes, error)
        for outcome in outcomes:
            outcome.tell()

    def _undo(self, reason: sqlite3.Error) -> None:
        """Roll back. Where that fails too, no transaction can begin, and the next one tries it."""
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            reason.add_note(f"nor was it undone: {error}")

    def _fill(self, tasks: list[_Task], outcomes: list[_Outcome]) -> None:
        """Run jobs in the open transaction while there are any and their time is not over."""
        until = time.monotonic() + BATCH_SECONDS
        task: _Task | None = tasks[0]
        while task is not None:
            if task.future.set_running_or_notify_cancel():
                outcomes.append(self._attempt(task))
            if len(tasks) >= self._batch or time.monotonic() >= until:
                return
            if (task := self._waiting()) is not None:
                tasks.append(task)

    def _waiting(self) -> _Task | None:
        try:
            task = self._tasks.get_nowait()
        except queue.Empty:
            return None
        if task is None:
            self._tasks.put(None)  # the end is for _run to see; nothing is queued behind it
        return task

    def _attempt(self, task: _Task) -> _Outcome:
        self._db.execute("SAVEPOINT job")
        try:
            result = task.job(self._db)
        except BaseException as error:  # whatever a job raises is its caller's to see
            if not self._db.in_transaction:
                raise sqlite3.OperationalError(f"the transaction was lost: {error}") from error
            self._db.execute("ROLLBACK TO job")
            self._db.execute("RELEASE job")
            return _Outcome(task.future, error=error)
        self._db.execute("RELEASE job")
        return _Outcome(task.future, result)


def _all_failed(
    tasks: list[_Task], outcomes: list[_Outcome], error: sqlite3.Error
) -> list[_Outcome]:
    """Nothing of a lost transaction is durable, so nobody is told a success."""
    failure = StorageError(f"the database did not take a transaction: {error}")
    failure.__cause__ = error
    begun = {outcome.future for outcome in outcomes}
    own = [outcome for outcome in outcomes if outcome.error is not None]
    lost = [outcome.future for outcome in outcomes if outcome.error is None]
    for task in tasks:
        if task.future not in begun and _is_open(task.future):
            lost.append(task.future)
    return [*own, *(_Outcome(future, error=failure) for future in lost)]


def _is_open(future: Future[Any]) -> bool:
    """Whether anybody still waits; a task that failed halfway runs already."""
    return not future.done() and (future.running() or future.set_running_or_notify_cancel())
