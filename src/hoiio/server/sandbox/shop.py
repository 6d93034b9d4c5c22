"""What a sandbox has in store: a price list, an account with credit, and credentials."""

from __future__ import annotations

import ipaddress
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hoiio import sandbox, wire
from hoiio.server.billing.charge import Price
from hoiio.server.billing.tariff import Row
from hoiio.server.storage.credentials import new_signing_secret
from hoiio.server.storage.data import DATABASE
from hoiio.server.storage.errors import StorageError
from hoiio.server.storage.limits import AccountChanges
from hoiio.server.storage.protocol import Application
from hoiio.server.storage.sqlite import SqliteStorage

CURRENCY: Final = "SGD"
CREDIT: Final = 1000 * wire.MICROS
RATE: Final = 18_000
"""Of one leg a minute, in micro-units: 0.018, as in the guide."""
BEYOND_ANY_CREDIT: Final = 10**12 * wire.MICROS
"""The rate of the number that nobody can pay: a thousand times the most that one top-up adds."""

DECK: Final = (
    *(Row(str(digit), Price(RATE)) for digit in range(1, 10)),
    Row(sandbox.NO_CREDIT.removeprefix("+"), Price(BEYOND_ANY_CREDIT)),
)

PLENTY: Final = 1_000_000
LIMITS: Final = AccountChanges(
    requests_per_minute=PLENTY, calls_per_minute=PLENTY, concurrent_calls=1000
)
"""A loop or a test may ask as often as it likes."""

NUMBER: Final = "+6511111111"
"""The registered number of a sandbox's account: its default ``dest1`` and caller ID."""

THIS_MACHINE: Final = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))
"""Where a developer's own receiver listens."""

_NAME: Final = "sandbox"
_MARK: Final = "sandbox"


def mark(data: Path, *, sandbox: bool) -> None:
    """Keep a sandbox's data folder and a real service's apart.

    A new folder becomes a sandbox's by a file in it. Raises ``StorageError`` where the folder is
    the other kind's.
    """
    file = data / _MARK
    if file.exists() and not sandbox:
        raise StorageError(f"the data folder {data} is a sandbox's; choose another with --data")
    if sandbox and not file.exists():
        if (data / DATABASE).exists():
            raise StorageError(
                f"the data folder {data} is a real service's; choose another with --data, "
                "or none for a temporary one"
            )
        try:
            file.touch(mode=0o600)
        except OSError as error:
            raise StorageError(f"cannot write {file}: {error.strerror}") from error


async def open_shop(storage: SqliteStorage) -> Customer:
    """Make sure of a tariff and an account; the first application that is live."""
    if not await storage.has_tariff():
        await storage.import_tariff(CURRENCY, DECK)
    for listed in await storage.list_apps(None):
        application = await storage.application(listed.app_id)
        if application is not None and not application.revoked:
            secret = await storage.signing_secret(application.app_id)
            return Customer(application, secret or "")
    return await new_customer(storage, _NAME)


@dataclass(frozen=True, slots=True)
class Customer:
    """An application and what its notifications are signed with; empty where that is its token."""

    application: Application
    signing_secret: str = field(repr=False)


async def new_customer(storage: SqliteStorage, name: str) -> Customer:
    """A new application of a new account with credit, and hardly any limits.

    Raises ``Conflict`` for a name that is taken.
    """
    account = await storage.create_account(name, number=NUMBER, currency=CURRENCY, credit=CREDIT)
    await storage.change_account(account.id, LIMITS)
    secret = new_signing_secret()
    return Customer(await storage.create_app(account.id, signing_secret=secret), secret)


def environment(url: str, customer: Customer) -> dict[str, str]:
    """The variables by which a client finds a service, and both of them prove who they are."""
    variables = {
        "HOIIO_BASE_URL": url,
        "HOIIO_APP_ID": customer.application.app_id,
        "HOIIO_ACCESS_TOKEN": customer.application.access_token,
        "HOIIO_SIGNING_SECRET": customer.signing_secret,
    }
    return {name: value for name, value in variables.items() if value}


def exports(url: str, customer: Customer) -> list[str]:
    """The same as lines for a shell."""
    variables = environment(url, customer).items()
    return [f"export {name}={shlex.quote(value)}" for name, value in variables]
