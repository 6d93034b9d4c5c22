"""``hoiio admin guards``: what an account may call and spend, in place of the service's guards."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from cyclopts import App

from hoiio.cli.admin_shared import Answer, Config, Data, Pretty, print_answer, run
from hoiio.cli.console import UsageError
from hoiio.cli.guard_options import NAMES, GuardOptions, in_force, service_guards, written
from hoiio.server.billing.guards import Overrides
from hoiio.server.config import Guards
from hoiio.server.storage.guards import Usage
from hoiio.server.storage.protocol import Account
from hoiio.server.storage.rows import uid
from hoiio.server.storage.sqlite import SqliteStorage

_NOT_TYPED: Final = GuardOptions()

app = App(name="guards", help="What an account may call and spend, against toll fraud.")


@app.command(name="show")
def show(
    account: str, /, *, data: Data = None, config: Config = None, pretty: Pretty = False
) -> None:
    """Show an account's guards, whose they are, and what it has spent."""
    print_answer(_shown(account, data, config), pretty=pretty)


@app.command(name="set")
def change(
    account: str,
    /,
    *,
    guards: GuardOptions = _NOT_TYPED,
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """Give an account guards of its own, or with ``default`` the service's again."""
    if not guards.typed:
        raise UsageError("nothing to set: name a guard, such as --spend-per-hour 20; see --help")
    own = guards.change()

    async def work(storage: SqliteStorage) -> None:
        owner = await storage.account(account)
        await storage.change_guards(owner.id, own)

    run(work, data, config)
    print_answer(_shown(account, data, config), pretty=pretty)


def _shown(name_or_id: str, data: str | None, config: str | None) -> Answer:
    async def work(storage: SqliteStorage) -> tuple[Account, Usage]:
        owner = await storage.account(name_or_id)
        return owner, await storage.guard_usage(owner.id)

    owner, usage = run(work, data, config)
    service = service_guards(data, config)
    guards = [_row(name, owner.guards, service) for name in NAMES]
    spent = {name: written(name, value) for name, value in asdict(usage).items()}
    return {"id": uid(owner.id), "currency": owner.currency, "guards": guards, **spent}


def _row(name: str, own: Overrides, service: Guards) -> dict[str, object]:
    source = "service" if getattr(own, name) is None else "account"
    return {"guard": name, "value": in_force(name, own, service), "of": source}
