"""``hoiio admin app``: the credentials of applications, made, changed, taken away and listed.

A secret is shown once, when it is made. What is changed here counts at once, also for a service
that runs.
"""

from __future__ import annotations

import sys
from typing import Annotated, Final

from cyclopts import Parameter

from hoiio import wire
from hoiio.cli.admin_shared import Answer, Config, Data, Pretty, instant, print_answer, run
from hoiio.cli.console import UsageError
from hoiio.server.storage.applications import Listed
from hoiio.server.storage.credentials import (
    GUESSABLE,
    acceptable,
    guessable,
    mistyped,
    new_access_token,
    new_signing_secret,
)
from hoiio.server.storage.rows import uid
from hoiio.server.storage.sqlite import SqliteStorage

HOURS_MAX: Final = 30 * 24
"""The longest that a former token or secret may stay good."""

OVERLAP: Final = 24
"""Hours for which a former signing secret signs too, where the operator does not say."""

_HOUR: Final = 3600 * wire.MICROS
_COLUMNS: Final = (
    "app_id",
    "account",
    "name",
    "revoked",
    "signing_secret",
    "old_token_until",
    "old_secret_until",
    "created_at",
)


def create(
    account: str,
    /,
    *,
    app_id: Annotated[str | None, Parameter(help="Take over an existing id.")] = None,
    access_token: Annotated[
        str | None,
        Parameter(allow_leading_hyphen=True, help="Its token; - reads standard input."),
    ] = None,
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """Create an application of an account, with new or existing credentials.

    :param account: Its id or unique name.
    """
    if (app_id is None) != (access_token is None):
        raise UsageError("--app-id and --access-token go together")
    token = _token(access_token)
    if app_id is not None and not acceptable(app_id):
        raise UsageError("--app-id must be 1 to 255 visible ASCII characters")
    secret = new_signing_secret()

    async def work(storage: SqliteStorage) -> Answer:
        owner = await storage.account(account)
        made = await storage.create_app(owner.id, app_id, token, secret)
        return {
            "app_id": made.app_id,
            "access_token": made.access_token,
            "signing_secret": secret,
        }

    answer = run(work, data, config)
    if token is not None and guessable(token):
        sys.stderr.write(
            f"hoiio: warning: an access token shorter than {GUESSABLE} characters may be found by "
            "guessing; change it soon with hoiio admin app rotate\n"
        )
    print_answer(answer, pretty=pretty)


def rotate(
    app_id: str,
    /,
    *,
    keep_old: Annotated[
        float | None, Parameter(help="Hours for which the old access token stays valid too.")
    ] = None,
    signing_secret: Annotated[
        bool, Parameter(negative=(), help="Change the signing secret, not the access token.")
    ] = False,
    overlap: Annotated[
        float | None, Parameter(help="Hours for which the old signing secret signs too; 24.")
    ] = None,
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """Give an application a new access token or signing secret, shown once.

    The old token is invalid at once, unless it is kept.
    """
    if signing_secret and keep_old is not None:
        raise UsageError("--keep-old is for access tokens; --signing-secret goes with --overlap")
    if not signing_secret and overlap is not None:
        raise UsageError("--overlap goes with --signing-secret; an access token has --keep-old")
    keep = _hours("--keep-old", 0 if keep_old is None else keep_old)
    both = _hours("--overlap", OVERLAP if overlap is None else overlap)

    async def new_token(storage: SqliteStorage) -> Answer:
        token = new_access_token()
        after = await storage.rotate_token(app_id, token, keep)
        return {
            "app_id": app_id,
            "access_token": token,
            "old_token_until": _until(after.former_token_until),
        }

    async def new_secret(storage: SqliteStorage) -> Answer:
        secret = new_signing_secret()
        after = await storage.rotate_secret(app_id, secret, both)
        return {
            "app_id": app_id,
            "signing_secret": secret,
            "old_secret_until": _until(after.former_secret_until),
        }

    work = new_secret if signing_secret else new_token
    print_answer(run(work, data, config), pretty=pretty)


def revoke(
    app_id: str, /, *, data: Data = None, config: Config = None, pretty: Pretty = False
) -> None:
    """Make an application's credentials invalid at once and for good; its live calls go on."""

    async def work(storage: SqliteStorage) -> Answer:
        return _shown(await storage.revoke(app_id))

    print_answer(run(work, data, config), pretty=pretty)


def listed(
    account: str | None = None,
    /,
    *,
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """List all applications, or an account's, without their secrets.

    :param account: Its id or unique name.
    """

    async def work(storage: SqliteStorage) -> Answer:
        owner = None if account is None else (await storage.account(account)).id
        return {"applications": [_shown(app) for app in await storage.list_apps(owner)]}

    print_answer(run(work, data, config), pretty=pretty, empty=_COLUMNS)


def _hours(name: str, given: float) -> int:
    """Hours in microseconds."""
    if not 0 <= given <= HOURS_MAX:
        raise UsageError(f"{name} must be 0 to {HOURS_MAX} hours, not {given}")
    return int(given * _HOUR)


def _until(at: int) -> str | None:
    return instant(at) if at else None


def _shown(app: Listed) -> Answer:
    values = (
        app.app_id,
        uid(app.account),
        app.account_name,
        app.revoked,
        app.has_signing_secret,
        _until(app.former_token_until),
        _until(app.former_secret_until),
        instant(app.created_at),
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _token(given: str | None) -> str | None:
    """The access token to take over; never repeated in a message."""
    if given is None:
        return None
    token = _typed().rstrip("\r\n") if given == "-" else given
    if not acceptable(token):
        raise UsageError("the access token must be 1 to 255 visible ASCII characters")
    if mistyped(token):
        raise UsageError("the access token is mistyped: its checksum is wrong")
    return token


def _typed() -> str:
    """What standard input holds, up to what no token is as long as; bytes that are no text show."""
    return sys.stdin.buffer.read(4096).decode(errors="replace")
