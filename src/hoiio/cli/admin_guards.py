"""``hoiio admin guards``: what an account may call and spend, in place of the service's guards."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any, Final, cast

from cyclopts import App, Parameter

from hoiio import wire
from hoiio.cli.admin_shared import Answer, Config, Data, Pretty, print_answer, run
from hoiio.cli.console import UsageError
from hoiio.server import readers
from hoiio.server.billing.guards import Overrides
from hoiio.server.config import ConfigError, Guards, load_config
from hoiio.server.readers import Reader
from hoiio.server.storage.guards import Usage
from hoiio.server.storage.protocol import Account
from hoiio.server.storage.rows import uid
from hoiio.server.storage.sqlite import SqliteStorage

_DEFAULT: Final = "default"
_NONE: Final = "none"

_READERS: Final[Mapping[str, Reader]] = {
    "refuse_prefixes": readers.prefixes,
    "allow_prefixes": readers.prefixes,
    "countries": readers.countries,
    "unknown_regions": readers.switch,
    "max_rate": readers.amount,
    "spend_per_hour": readers.amount,
    "spend_per_day": readers.amount,
    "unconnected_seconds_per_hour": readers.whole(0, 1_000_000),
    "unconnected_cost_per_hour": readers.amount,
}

Words = Annotated[str | None, Parameter(help="A comma list, none, or default.")]
Amount = Annotated[str | None, Parameter(help="In currency units, 0 for no ceiling, or default.")]

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
    refuse_prefixes: Words = None,
    allow_prefixes: Words = None,
    countries: Words = None,
    unknown_regions: Annotated[
        str | None, Parameter(negative=(), help="true, false or default.")
    ] = None,
    max_rate: Amount = None,
    spend_per_hour: Amount = None,
    spend_per_day: Amount = None,
    unconnected_seconds_per_hour: Annotated[
        str | None, Parameter(help="Seconds, 0 for no ceiling, or default.")
    ] = None,
    unconnected_cost_per_hour: Amount = None,
    data: Data = None,
    config: Config = None,
    pretty: Pretty = False,
) -> None:
    """Give an account guards of its own, or with ``default`` the service's again."""
    given = {
        "refuse_prefixes": refuse_prefixes,
        "allow_prefixes": allow_prefixes,
        "countries": countries,
        "unknown_regions": unknown_regions,
        "max_rate": max_rate,
        "spend_per_hour": spend_per_hour,
        "spend_per_day": spend_per_day,
        "unconnected_seconds_per_hour": unconnected_seconds_per_hour,
        "unconnected_cost_per_hour": unconnected_cost_per_hour,
    }
    changes = {name: _read(name, text) for name, text in given.items() if text is not None}
    if not changes:
        raise UsageError("nothing to set: name a guard, such as --spend-per-hour 20; see --help")

    async def work(storage: SqliteStorage) -> None:
        owner = await storage.account(account)
        await storage.change_guards(owner.id, lambda own: replace(own, **changes))

    run(work, data, config)
    print_answer(_shown(account, data, config), pretty=pretty)


def _read(name: str, text: str) -> Any:
    """The value of a guard as it was typed; None for the service's."""
    if text == _DEFAULT:
        return None
    listed = isinstance(getattr(Guards(), name), tuple)
    try:
        return _READERS[name]("" if listed and text == _NONE else text)
    except ValueError as error:
        option = name.replace("_", "-")
        raise UsageError(f"--{option} must be {error}, or default, not {text!r}") from error


def _shown(name_or_id: str, data: str | None, config: str | None) -> Answer:
    async def work(storage: SqliteStorage) -> tuple[Account, Usage]:
        owner = await storage.account(name_or_id)
        return owner, await storage.guard_usage(owner.id)

    owner, usage = run(work, data, config)
    service = _service(data, config)
    guards = [_row(name, owner.guards, service) for name in _READERS]
    spent = {name: _written(name, value) for name, value in asdict(usage).items()}
    return {"id": uid(owner.id), "currency": owner.currency, "guards": guards, **spent}


def _service(data: str | None, config: str | None) -> Guards:
    try:
        return load_config({"data": data}, os.environ, config).guards
    except ConfigError as error:
        raise UsageError(str(error)) from error


def _row(name: str, own: Overrides, service: Guards) -> dict[str, object]:
    value = getattr(own, name)
    source = "service" if value is None else "account"
    used = getattr(service, name) if value is None else value
    return {"guard": name, "value": _written(name, used), "of": source}


def _written(name: str, value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(cast("tuple[str, ...]", value))
    if isinstance(value, bool):
        return str(value).lower()
    if "seconds" in name:
        return str(value)
    return wire.format_money(cast("int", value))
