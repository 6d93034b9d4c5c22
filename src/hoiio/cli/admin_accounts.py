"""``hoiio admin account set`` and ``show``, ``hoiio admin number``: what an account may do.

A running service goes by what they write at once.
"""

from __future__ import annotations

from typing import Annotated, Final, cast

from cyclopts import App, Parameter

from hoiio import wire
from hoiio.cli.admin_shared import Answer, Config, Data, Pretty, print_answer, run
from hoiio.cli.console import UsageError
from hoiio.cli.guard_options import GuardOptions, in_force, service_guards
from hoiio.server.readers import phone_number, whole
from hoiio.server.storage.limits import AccountChanges
from hoiio.server.storage.protocol import Account
from hoiio.server.storage.rows import uid
from hoiio.server.storage.sqlite import SqliteStorage

LIMIT_MAX: Final = 1_000_000
"""The most that any limit may be."""

_NO_GUARDS: Final = GuardOptions()
_NUMBER: Final = ("number", "registered")

number = App(name="number", help="Numbers that an account may show.")


def set_account(
    account: str,
    /,
    *,
    number: Annotated[str | None, Parameter(help="The registered number, +65…")] = None,
    requests_per_minute: Annotated[
        str | None, Parameter(help="Of each application to each API.")
    ] = None,
    calls_per_minute: Annotated[
        str | None, Parameter(help="Requests that place calls, of all applications.")
    ] = None,
    concurrent_calls: Annotated[str | None, Parameter(help="Calls that may be up.")] = None,
    trial: Annotated[
        bool, Parameter(name="--trial", negative=(), help="May call its own numbers only.")
    ] = False,
    active: Annotated[
        bool, Parameter(name="--active", negative=(), help="May call any number.")
    ] = False,
    guards: GuardOptions = _NO_GUARDS,
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """Change what an account may do, all at once, and show it with the guards that were named.

    :param account: Its id or unique name.
    """
    if trial and active:
        raise UsageError("--trial and --active exclude each other")
    changes = AccountChanges(
        number=None if number is None else _number("--number", number),
        requests_per_minute=_limit("--requests-per-minute", requests_per_minute),
        calls_per_minute=_limit("--calls-per-minute", calls_per_minute),
        concurrent_calls=_limit("--concurrent-calls", concurrent_calls),
        trial=trial if trial or active else None,
    )
    if changes == AccountChanges() and not guards.typed:
        raise UsageError("nothing to change; hoiio admin account set --help lists what can be")

    own = guards.change()

    async def work(storage: SqliteStorage) -> Account:
        owner = await storage.account(account)
        return await storage.change_account(owner.id, changes, own)

    after = run(work, data, config)
    service = service_guards(data, config)
    named = {name: in_force(name, after.guards, service) for name in guards.typed}
    print_answer({**_shown(after), **named}, pretty=pretty)


def show_account(
    account: str, /, *, data: Data = None, config: Config = None, pretty: Pretty = False
) -> None:
    """Show an account and what it may do.

    :param account: Its id or unique name.
    """

    async def work(storage: SqliteStorage) -> Answer:
        return _shown(await storage.account(account))

    print_answer(run(work, data, config), pretty=pretty)


@number.command(name="add")
def add_number(
    account: str,
    e164: Annotated[str, Parameter(name="NUMBER")],
    /,
    *,
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """Make a number an account's own; one that is so already stays so.

    :param account: Its id or unique name.
    :param e164: Like +6531234567.
    """
    added = _number("NUMBER", e164)

    async def work(storage: SqliteStorage) -> Answer:
        owner = await storage.account(account)
        return _numbers(await storage.add_number(owner.id, added))

    print_answer(run(work, data, config), pretty=pretty, empty=_NUMBER)


@number.command(name="remove")
def remove_number(
    account: str,
    e164: Annotated[str, Parameter(name="NUMBER")],
    /,
    *,
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """Take a number from an account; not the registered one.

    :param account: Its id or unique name.
    :param e164: Like +6531234567.
    """
    removed = _number("NUMBER", e164)

    async def work(storage: SqliteStorage) -> Answer:
        owner = await storage.account(account)
        return _numbers(await storage.remove_number(owner.id, removed))

    print_answer(run(work, data, config), pretty=pretty, empty=_NUMBER)


@number.command(name="list")
def list_numbers(
    account: str, /, *, data: Data = None, config: Config = None, pretty: Pretty = False
) -> None:
    """List an account's numbers, the registered one first.

    :param account: Its id or unique name.
    """

    async def work(storage: SqliteStorage) -> Answer:
        return _numbers(await storage.account(account))

    print_answer(run(work, data, config), pretty=pretty, empty=_NUMBER)


# --- reading what was typed ---------------------------------------------------------------------


def _number(name: str, text: str) -> str:
    try:
        return phone_number(text)
    except ValueError as error:
        raise UsageError(f"{name} must be {error}, not {text!r}") from error


def _limit(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return cast("int", whole(1, LIMIT_MAX)(text))
    except ValueError as error:
        raise UsageError(f"{name} must be {error}, not {text!r}") from error


# --- showing it ---------------------------------------------------------------------------------


def _shown(account: Account) -> Answer:
    return {
        "id": uid(account.id),
        "name": account.name,
        "number": account.number,
        "currency": account.currency,
        "balance": wire.format_money(account.balance),
        "status": "trial" if account.trial else "active",
        "requests_per_minute": account.requests_per_minute,
        "calls_per_minute": account.calls_per_minute,
        "concurrent_calls": account.concurrent_calls,
    }


def _numbers(account: Account) -> Answer:
    return {"id": uid(account.id), "numbers": [_entry(account, each) for each in account.own]}


def _entry(account: Account, number: str) -> Answer:
    return {"number": number, "registered": number == account.number}
