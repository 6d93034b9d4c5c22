"""``hoiio admin notifications``: what was told to whom, what was not, and telling it again."""

from __future__ import annotations

from typing import Annotated, Final

from cyclopts import Parameter

from hoiio.cli.admin_shared import Answer, Config, Data, Pretty, instant, print_answer, run
from hoiio.cli.console import UsageError
from hoiio.server.mask import without_tokens
from hoiio.server.notifications.headers import message_id
from hoiio.server.storage.outbox import Notice
from hoiio.server.storage.protocol import AttemptRecord, NotificationState
from hoiio.server.storage.rows import uid
from hoiio.server.storage.sqlite import SqliteStorage
from hoiio.wire import MICROS

LIMIT: Final = 100

_COLUMNS: Final = (
    "id",
    "ref",
    "app_id",
    "account",
    "receiver",
    "state",
    "attempts",
    "last_at",
    "last_answer",
    "next_at",
    "created_at",
)
_ATTEMPTS: Final = ("at", "took_ms", "answer")

Flag = Parameter(negative=())


def listed(
    owner: str | None = None,
    /,
    *,
    failed: Annotated[bool, Flag] = False,
    pending: Annotated[bool, Flag] = False,
    all: Annotated[bool, Flag] = False,  # noqa: A002 - the option's name
    limit: int = LIMIT,
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """List notifications, newest first: those that have not arrived, unless told otherwise.

    :param owner: An application's id, or an account's id or unique name.
    :param failed: Only those given up.
    :param pending: Only those still to be attempted.
    :param all: Also those that arrived.
    :param limit: How many to list; "total" tells how many there are.
    """
    if failed + pending + all > 1:
        raise UsageError("--failed, --pending and --all exclude each other")
    if limit < 1:
        raise UsageError(f"--limit must be 1 or more, not {limit}")
    states = _states(failed=failed, pending=pending, every=all)

    async def work(storage: SqliteStorage) -> Answer:
        found = await storage.notifications(states, owner, limit)
        return {"total": found.total, "notifications": [_row(each) for each in found.listed]}

    print_answer(run(work, data, config), pretty=pretty, empty=_COLUMNS)


def show(
    notification: str, /, *, data: Data = None, config: Config = None, pretty: Pretty = False
) -> None:
    """Show one notification: what is posted and where to, and how each attempt went.

    :param notification: Its number, or its call's ref.
    """

    async def work(storage: SqliteStorage) -> Answer:
        told = await storage.notification(notification)
        return {
            **_row(told.notice),
            "webhook_id": message_id(told.notice.id, told.notice.ref),
            "url": without_tokens(told.notice.url),
            "body": without_tokens(told.body.decode(errors="replace")),
            "masked": told.masked,
            "attempts": [_attempt(each) for each in told.attempts],
        }

    print_answer(run(work, data, config), pretty=pretty, empty=_ATTEMPTS)


def replay(
    notification: str, /, *, data: Data = None, config: Config = None, pretty: Pretty = False
) -> None:
    """Send a notification again, now and on a fresh schedule, under the same webhook-id.

    :param notification: Its number, or its call's ref.
    """

    async def work(storage: SqliteStorage) -> Answer:
        return _row(await storage.replay_notification(notification))

    print_answer(run(work, data, config), pretty=pretty)


def _states(*, failed: bool, pending: bool, every: bool) -> frozenset[NotificationState]:
    if every:
        return frozenset(NotificationState)
    if failed:
        return frozenset({NotificationState.FAILED})
    if pending:
        return frozenset({NotificationState.PENDING})
    return frozenset({NotificationState.FAILED, NotificationState.PENDING})


def _row(notice: Notice) -> dict[str, object]:
    answer = _answer(notice.last_status, notice.last_reason)
    values = (
        notice.id,
        notice.ref,
        notice.app_id,
        uid(notice.account),
        notice.receiver,
        notice.state.value,
        notice.attempts,
        None if notice.last_at is None else instant(notice.last_at),
        answer,
        _next(notice),
        instant(notice.created_at),
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _next(notice: Notice) -> str | None:
    """When it is attempted next: an instant, or ``now`` where it is due or under way."""
    if notice.state is not NotificationState.PENDING:
        return None
    return "now" if notice.leased or not notice.due_at else instant(notice.due_at)


def _answer(status: int | None, reason: str | None) -> str | None:
    return reason if status is None else str(status)


def _attempt(attempt: AttemptRecord) -> Answer:
    values = (
        instant(attempt.at),
        attempt.took * 1000 // MICROS,
        _answer(attempt.status, attempt.reason),
    )
    return dict(zip(_ATTEMPTS, values, strict=True))
