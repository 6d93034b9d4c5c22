"""``hoiio admin``: accounts, applications, credit and tariffs, while the service runs or not.

Each command prints one JSON object, or a table with ``--pretty``. Only ``account create`` makes a
data folder: for any other command a missing one is a slip of the finger.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from hoiio import wire
from hoiio.cli.admin_decks import Currency, Starts, check_currency, future_start, told_start
from hoiio.cli.admin_shared import Answer, Config, Data, Pretty, print_answer, run
from hoiio.cli.console import UsageError
from hoiio.server.billing.tariff import TariffError, parse_tariff
from hoiio.server.readers import phone_number
from hoiio.server.storage.protocol import Account
from hoiio.server.storage.rows import account_id, uid
from hoiio.server.storage.sqlite import SqliteStorage

CREDIT_MAX: Final = 1_000_000_000 * wire.MICROS
"""The most that one top-up may add: a billion units."""

_NAME_MAX: Final = 100
_ACCOUNT: Final = ("id", "name", "number", "currency", "balance")

Amount = Annotated[str, Parameter(allow_leading_hyphen=True, help="In units, such as 12.50.")]

app = App(name="admin", help="Manage accounts, applications, credit and tariffs.")
_account = App(name="account", help="Who pays.")
_application = App(name="app", help="Credentials that spend an account's credit.")
_credit = App(name="credit", help="What can be spent.")
_tariff = App(name="tariff", help="What a minute costs.")
for _group in (_account, _application, _credit, _tariff):
    app.command(_group)
_APPS: Final = "hoiio.cli.admin_apps"
_application.command(f"{_APPS}:create", name="create", help="Create credentials for an account.")
_application.command(f"{_APPS}:listed", name="list", help="List applications without secrets.")
_application.command(f"{_APPS}:rotate", name="rotate", help="Change a token or signing secret.")
_application.command(f"{_APPS}:revoke", name="revoke", help="Make credentials invalid for good.")
_notifications = App(name="notifications", help="What was told to whom, and what was not.")
app.command(_notifications)
_NOTES: Final = "hoiio.cli.admin_notifications"
_notifications.command(f"{_NOTES}:listed", name="list", help="List what has not arrived, or all.")
_notifications.command(f"{_NOTES}:show", name="show", help="Show one, with each attempt.")
_notifications.command(f"{_NOTES}:replay", name="replay", help="Send one again, now.")
_ACCOUNTS: Final = "hoiio.cli.admin_accounts"
_account.command(f"{_ACCOUNTS}:set_account", name="set", help="Change what an account may do.")
_account.command(f"{_ACCOUNTS}:show_account", name="show", help="Show what an account may do.")
app.command(f"{_ACCOUNTS}:number", name="number", help="Numbers that an account may show.")
_BOOKS: Final = "hoiio.cli.admin_books"
app.command(f"{_BOOKS}:ledger", name="ledger", help="List what moved an account's balance.")
app.command(f"{_BOOKS}:audit", name="audit", help="Prove that the books add up.")
_UPKEEP: Final = "hoiio.cli.admin_upkeep"
app.command("hoiio.cli.admin_guards:app", name="guards", help="What an account may call and spend.")
app.command(f"{_UPKEEP}:backup", name="backup", help="Copy the database into a new file.")
app.command(f"{_UPKEEP}:purge", name="purge", help="Mask the numbers of calls long ended.")


@_account.command(name="create")
def create_account(
    name: str,
    /,
    *,
    number: Annotated[str | None, Parameter(help="The registered number, +65…")] = None,
    currency: Currency = "SGD",
    credit: Amount = "0",
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """Create an account."""
    _check_name(name)
    check_currency(currency)
    registered = None if number is None else _number(number)
    amount = _amount(credit, least=0)

    async def work(storage: SqliteStorage) -> Answer:
        made = await storage.create_account(
            name, number=registered, currency=currency, credit=amount
        )
        return _shown(made)

    print_answer(run(work, data, config, create=True), pretty=pretty)


@_account.command(name="list")
def list_accounts(*, data: Data = None, config: Config = None, pretty: Pretty = False) -> None:
    """List all accounts."""

    async def work(storage: SqliteStorage) -> Answer:
        return {"accounts": [_shown(account) for account in await storage.accounts()]}

    print_answer(run(work, data, config), pretty=pretty, empty=_ACCOUNT)


@_credit.command(name="add")
def add_credit(
    account: str,
    amount: Amount,
    /,
    *,
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """Add credit to an account.

    :param account: Its id or unique name.
    """
    micros = _amount(amount, least=1)

    async def work(storage: SqliteStorage) -> Answer:
        owner = await storage.account(account)
        after = await storage.add_credit(owner.id, micros)
        return {
            "id": uid(after.id),
            "balance": wire.format_money(after.balance),
            "currency": after.currency,
        }

    print_answer(run(work, data, config), pretty=pretty)


@_tariff.command(name="import")
def import_tariff(
    file: Path,
    /,
    *,
    currency: Currency = "SGD",
    starts: Starts | None = None,
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """Replace a currency's tariff by a CSV file, now or later, and tell what that changes."""
    check_currency(currency)
    starts_at = None if starts is None else future_start(starts)
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = parse_tariff(lines)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text") from error
    except TariffError as error:
        raise UsageError(f"{file}, {error}") from error

    async def work(storage: SqliteStorage) -> Answer:
        found = await storage.import_tariff(currency, rows, starts_at)
        return {
            "rows": len(rows),
            "free": sum(row.free for row in rows),
            "currency": currency,
            "added": found.added,
            "removed": found.removed,
            "changed": found.changed,
            **({} if starts_at is None else {"starts": told_start(starts_at)}),
        }

    print_answer(run(work, data, config), pretty=pretty)


_DECKS: Final = "hoiio.cli.admin_decks"
_tariff.command(f"{_DECKS}:list_decks", name="list", help="List the tariffs in use and to come.")
_tariff.command(f"{_DECKS}:remove", name="remove", help="Take back a tariff that has not started.")


# --- reading what was typed ---------------------------------------------------------------------


def _check_name(name: str) -> None:
    if not name.isprintable() or name != name.strip() or not 1 <= len(name) <= _NAME_MAX:
        raise UsageError(f"an account's name must be 1 to {_NAME_MAX} printable characters")
    if account_id(name) is not None:
        raise UsageError(f"an account cannot be named {name}: that is the form of an id")


def _number(text: str) -> str:
    try:
        return phone_number(text)
    except ValueError as error:
        raise UsageError(f"--number must be {error}, not {text!r}") from error


def _amount(text: str, *, least: int) -> int:
    """Micro-units of an amount that is at least ``least``."""
    try:
        micros = wire.parse_money(text)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not least <= micros <= CREDIT_MAX:
        low = "0 or more" if least == 0 else "above 0"
        raise UsageError(
            f"an amount must be {low} and at most {wire.format_money(CREDIT_MAX)}, not {text}"
        )
    return micros


# --- showing it ----------------------------------------------------------------------


def _shown(account: Account) -> Answer:
    balance = wire.format_money(account.balance)
    values = (uid(account.id), account.name, account.number, account.currency, balance)
    return dict(zip(_ACCOUNT, values, strict=True))
