"""The options that give an account guards of its own, and guards as they are shown.

Both ``hoiio admin guards set`` and ``hoiio admin account set`` take them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Final, cast

from cyclopts import Parameter

from hoiio import wire
from hoiio.cli.console import UsageError
from hoiio.server import readers
from hoiio.server.billing.guards import Overrides
from hoiio.server.config import ConfigError, Guards, load_config
from hoiio.server.readers import Reader

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

NAMES: Final = tuple(_READERS)
"""Every guard that an account may have of its own, in the order in which they are shown."""

_Words = Annotated[str | None, Parameter(help="A comma list, none, or default.")]
_Amount = Annotated[str | None, Parameter(help="In currency units, 0 for no ceiling, or default.")]
_Seconds = Annotated[str | None, Parameter(help="Seconds, 0 for no ceiling, or default.")]
_Switch = Annotated[str | None, Parameter(negative=(), help="true, false or default.")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class GuardOptions:
    """The options as they were typed; None for those that were not."""

    refuse_prefixes: _Words = None
    allow_prefixes: _Words = None
    countries: _Words = None
    unknown_regions: _Switch = None
    max_rate: _Amount = None
    spend_per_hour: _Amount = None
    spend_per_day: _Amount = None
    unconnected_seconds_per_hour: _Seconds = None
    unconnected_cost_per_hour: _Amount = None

    @property
    def typed(self) -> tuple[str, ...]:
        """The names of the guards that are to be changed."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is not None)

    def change(self) -> Callable[[Overrides], Overrides]:
        """What makes an account's overrides of those that it had.

        Raises ``UsageError`` that names the option whose value is none.
        """
        changes = {name: _read(name, getattr(self, name)) for name in self.typed}
        return lambda own: replace(own, **changes)


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


def service_guards(data: str | None, config: str | None) -> Guards:
    """The guards of the configuration that the options name. Raises ``UsageError``."""
    try:
        return load_config({"data": data}, os.environ, config).guards
    except ConfigError as error:
        raise UsageError(str(error)) from error


def in_force(name: str, own: Overrides, service: Guards) -> str:
    """A guard's value, as text: the account's own, or the service's."""
    value = getattr(own, name)
    return written(name, getattr(service, name) if value is None else value)


def written(name: str, value: object) -> str:
    """A guard's value, or what was counted for it, as text."""
    if isinstance(value, tuple):
        return ",".join(cast("tuple[str, ...]", value))
    if isinstance(value, bool):
        return str(value).lower()
    if "seconds" in name:
        return str(value)
    return wire.format_money(cast("int", value))
