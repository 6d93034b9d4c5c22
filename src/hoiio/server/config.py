"""The service's configuration: every key with its default and meaning, and how it is found.

A flag comes before the environment, the environment before the file, the file before the default.
The dataclasses below are the one table of keys: loading, the environment's names and
docs/configuration.md all follow from it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, cast, get_type_hints

from hoiio.server import readers
from hoiio.server.readers import Address, Reader

ENVIRONMENT: Final = "HOIIO_SERVER_"
FILE_NAME: Final = "hoiio.toml"
_CONFIG_VARIABLE: Final = "HOIIO_SERVER_CONFIG"


class ConfigError(Exception):
    """The configuration cannot be used; the message is one line for the operator."""


class Dest1Sees(StrEnum):
    """Whose number dest1 is shown (api rule 11)."""

    DEST2 = "dest2"
    REGISTERED = "registered"
    TRUNK = "trunk"


class LogFormat(StrEnum):
    """How log lines look; ``auto`` is console on a terminal and JSON elsewhere."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least important lines that are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


# --- the keys ---------------------------------------------------------------------------------


class Setting(NamedTuple):
    """What a key may be and what it means, in words that docs/configuration.md repeats."""

    reader: Reader
    meaning: str


@dataclass(frozen=True, slots=True)
class Trunk:
    """``[sip.trunk]``: the provider that takes every number no route covers."""

    host: Annotated[str, Setting(readers.text, "The provider's host name or address.")] = ""
    port: Annotated[int, Setting(readers.whole(1, 65535), "Its UDP port.")] = 5060
    user: Annotated[str, Setting(readers.text, "The SIP user.")] = ""
    password: Annotated[str, Setting(readers.secret, "The SIP password.")] = field(
        default="", repr=False
    )
    auth_user: Annotated[
        str | None, Setting(readers.text, "The user to authenticate as, where it differs.")
    ] = None
    from_domain: Annotated[
        str | None, Setting(readers.text, "The domain in From, where it is not the host.")
    ] = None
    register: Annotated[
        bool, Setting(readers.switch, "Whether to send REGISTER and keep it fresh.")
    ] = False
    number: Annotated[
        str | None,
        Setting(
            readers.phone_number,
            "The trunk's own number: the caller ID of accounts that have none.",
        ),
    ] = None
    public_address: Annotated[
        str | None,
        Setting(readers.text, "The domain that identities carry, where from_domain is not set."),
    ] = None
    codecs: Annotated[
        tuple[str, ...],
        Setting(readers.words("pcmu", "pcma"), "Voice codecs, the best first."),
    ] = ("pcmu", "pcma")
    plus: Annotated[bool, Setting(readers.switch, "Whether numbers are sent with their plus.")] = (
        True
    )
    pai_on_private: Annotated[
        bool,
        Setting(
            readers.switch,
            "Whether calls that withhold their number assert the trunk's own to the provider.",
        ),
    ] = False


@dataclass(frozen=True, slots=True)
class Ringback:
    """``[sip.ringback]``: what dest1 hears while dest2 rings; Singapore's by default."""

    frequency: Annotated[float, Setting(readers.decimal(20, 3999, "Hz"), "The tone, in Hz.")] = (
        425.0
    )
    modulation: Annotated[
        float,
        Setting(readers.decimal(0, 3999, "Hz"), "Hz multiplied onto the tone; 0: a pure one."),
    ] = 24.0
    cadence: Annotated[
        tuple[float, ...],
        Setting(readers.cadence, "Seconds of sound and silence in turn, repeated."),
    ] = (0.4, 0.2, 0.4, 2.0)
    level: Annotated[
        float, Setting(readers.decimal(-60, -3, "dB"), "Loudness in dB, below full scale.")
    ] = -20.0


_HTTP: Final = Address("127.0.0.1", 8080)
_SIP: Final = Address("127.0.0.1", 5060)


@dataclass(frozen=True, slots=True)
class Sip:
    """``[sip]``: where and how calls leave."""

    listen: Annotated[
        Address, Setting(readers.ipv4_address, "Where SIP listens (UDP); port 0 picks one.")
    ] = _SIP
    media_timeout: Annotated[
        float,
        Setting(readers.seconds(1, 3600), "Seconds without audio until a phone has vanished."),
    ] = 30.0
    rtp_ports: Annotated[tuple[int, int], Setting(readers.ports, "UDP ports for audio.")] = (
        10_000,
        20_000,
    )
    public_address: Annotated[
        str | None,
        Setting(
            readers.text,
            "The host named in caller IDs, in place of the one SIP listens on; no help behind NAT.",
        ),
    ] = None
    strict_media: Annotated[
        bool, Setting(readers.switch, "Take audio only from where the far end said it comes from.")
    ] = True
    routes: Annotated[
        Mapping[str, str],
        Setting(readers.routes, "Numbers that are reached without the trunk, and where."),
    ] = field(default_factory=dict[str, str])
    ringback: Ringback = field(default_factory=Ringback)
    trunk: Trunk = field(default_factory=Trunk)


@dataclass(frozen=True, slots=True)
class Engine:
    """``[engine]``: the process that carries the calls."""

    max_legs: Annotated[
        int,
        Setting(
            readers.whole(2, 60),
            "How many legs may be up or reserved at once, 60 at most: an engine whose service died "
            "ends no more of them within its two seconds.",
        ),
    ] = 50


@dataclass(frozen=True, slots=True)
class Calls:
    """``[calls]``: how calls run."""

    ring_dest1: Annotated[float, Setting(readers.seconds(1, 600), "Seconds that dest1 rings.")] = (
        30.0
    )
    ring_dest2: Annotated[float, Setting(readers.seconds(1, 600), "Seconds that dest2 rings.")] = (
        60.0
    )
    max_duration: Annotated[
        int,
        Setting(readers.whole(1, 86_400), "Seconds until a call without max_duration ends."),
    ] = 14_400
    dest1_sees: Annotated[
        Dest1Sees,
        Setting(
            readers.choice(Dest1Sees),
            "Whose number dest1 is shown: dest2's, the registered one or the trunk's.",
        ),
    ] = Dest1Sees.DEST2


@dataclass(frozen=True, slots=True)
class Api:
    """``[api]``: what the HTTP side allows."""

    wrong_credentials: Annotated[
        int,
        Setting(
            readers.whole(1, 1_000_000),
            "Wrong credentials a minute from one address until it is told nothing but to wait; "
            "a quarter of it, different tokens, for one application.",
        ),
    ] = 60
    connections: Annotated[
        int,
        Setting(
            readers.whole(1, 1_000_000),
            "HTTP connections at once, as far as open files allow; past it, who has waited longest "
            "without a whole request makes room.",
        ),
    ] = 2_000
    request_within: Annotated[
        float,
        Setting(
            readers.seconds(0.1, 600),
            "Seconds that a request's head may take to arrive, and its body as long again.",
        ),
    ] = 20.0
    idle_within: Annotated[
        float,
        Setting(readers.seconds(0.1, 600), "Seconds that an idle HTTP connection is kept."),
    ] = 30.0
    streams_per_application: Annotated[
        int,
        Setting(
            readers.whole(1, 1_000_000),
            "Event streams (voice/events) of one application at once; of all applications together "
            "they are half of the connections at most.",
        ),
    ] = 100


@dataclass(frozen=True, slots=True)
class Notifications:
    """``[notifications]``: where notify_urls may lead."""

    allow: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        Setting(
            readers.networks,
            "Networks that a notify_url may lead to though they are not public.",
        ),
    ] = ()
    resolver: Annotated[
        Address | None,
        Setting(
            readers.resolver,
            "The DNS resolver that is asked for their names, in place of the system's.",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Guards:
    """``[guards]``: against toll fraud; an account may have its own instead.

    Amounts are units of the account's currency, in micro-units here.
    """

    refuse_prefixes: Annotated[
        tuple[str, ...],
        Setting(
            readers.prefixes,
            "Digit prefixes that are refused, added to the built-in ones (docs/operate.md).",
        ),
    ] = ()
    allow_prefixes: Annotated[
        tuple[str, ...],
        Setting(
            readers.prefixes,
            "Digit prefixes that are let through, unless a longer one is refused.",
        ),
    ] = ()
    countries: Annotated[
        tuple[str, ...],
        Setting(
            readers.countries,
            "The only countries that are called, as ISO codes (`GB`, not `UK`); none: all.",
        ),
    ] = ()
    unknown_regions: Annotated[
        bool,
        Setting(readers.switch, "Whether numbers are called that belong to no known country."),
    ] = False
    max_rate: Annotated[
        int,
        Setting(
            readers.amount,
            "The dearest rate of a leg, in currency units a minute, and the most that its first "
            "minute may cost with its fee and increments; 0: any.",
        ),
    ] = 2_000_000
    spend_per_hour: Annotated[
        int,
        Setting(readers.amount, "What an account may spend in an hour, in units; 0: no ceiling."),
    ] = 50_000_000
    spend_per_day: Annotated[
        int,
        Setting(readers.amount, "What an account may spend in a day, in units; 0: no ceiling."),
    ] = 200_000_000
    unconnected_seconds_per_hour: Annotated[
        int,
        Setting(
            readers.whole(0, 1_000_000),
            "Seconds an hour that dest1s of an account may be up alone, without their dest2; "
            "0: no ceiling.",
        ),
    ] = 3600
    unconnected_cost_per_hour: Annotated[
        int,
        Setting(
            readers.amount,
            "What those dest1s would have cost in an hour, in units; 0: no ceiling.",
        ),
    ] = 10_000_000


@dataclass(frozen=True, slots=True)
class Log:
    """``[log]``: what goes to stderr."""

    format: Annotated[
        LogFormat,
        Setting(
            readers.choice(LogFormat),
            "console, json, or auto: console on a terminal, JSON elsewhere.",
        ),
    ] = LogFormat.AUTO
    level: Annotated[
        LogLevel,
        Setting(readers.choice(LogLevel), "The least important lines that are written."),
    ] = LogLevel.INFO


@dataclass(frozen=True, slots=True)
class Config:
    """Everything an operator may set."""

    data: Annotated[Path, Setting(readers.folder, "The folder of the database and the secret.")] = (
        Path("hoiio-data")
    )
    listen: Annotated[
        Address, Setting(readers.address, "Where HTTP listens; port 0 picks one.")
    ] = _HTTP
    sip: Sip = field(default_factory=Sip)
    engine: Engine = field(default_factory=Engine)
    calls: Calls = field(default_factory=Calls)
    api: Api = field(default_factory=Api)
    notifications: Notifications = field(default_factory=Notifications)
    guards: Guards = field(default_factory=Guards)
    log: Log = field(default_factory=Log)


class Key(NamedTuple):
    """One key: its dotted path, its default, what it may be and what it means."""

    path: str
    default: object
    reader: Reader
    meaning: str

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return ENVIRONMENT + self.path.replace(".", "_").upper()


def _keys(section: type, prefix: str = "") -> Iterator[Key]:
    defaults = section()
    for name, hint in get_type_hints(section, include_extras=True).items():
        default = getattr(defaults, name)
        if is_dataclass(default):
            yield from _keys(type(default), f"{prefix}{name}.")
        else:
            setting = cast("Setting", hint.__metadata__[0])
            yield Key(prefix + name, default, *setting)


KEYS: Final[Mapping[str, Key]] = {key.path: key for key in _keys(Config)}
_SECTIONS: Final = frozenset(path.rpartition(".")[0] for path in KEYS if "." in path)
_ROUTES: Final = "sip.routes"


# --- finding their values ---------------------------------------------------------------------


class _Given(NamedTuple):
    """A value as somebody wrote it, and where."""

    where: str
    value: object


def load_config(
    flags: Mapping[str, object], environ: Mapping[str, str], config: str | Path | None = None
) -> Config:
    """The configuration from flags (by key), the environment and one TOML file.

    The file is ``config``, else the one that ``HOIIO_SERVER_CONFIG`` names, else ``hoiio.toml`` in
    the data folder where it exists. An empty flag or variable counts as not set. Raises
    ``ConfigError`` naming the file or variable, the key and what was expected. Whether the settings
    go together is a matter of who uses them: see ``check_to_serve``.
    """
    flagged = {path: _Given(_flag(path), value) for path, value in flags.items() if value}
    from_environment = _from_environment(environ)
    named = config or environ.get(_CONFIG_VARIABLE)
    sources = [flagged, from_environment]
    if named:
        sources.append(_from_file(Path(named)))
    values = _read(sources)
    if not named and (beside := cast("Path", values["data"]) / FILE_NAME) and _exists(beside):
        sources.append(_from_file(beside))
        if "data" in sources[-1]:
            raise ConfigError(f"{beside}: data cannot be set here, it is the folder of this file")
        values = _read(sources)
    return cast("Config", _build(Config, values))


def _flag(path: str) -> str:
    named = {"sip.listen": "--sip", _ROUTES: "--route", "notifications.allow": "--notify-allow"}
    return named.get(path, f"--{path}")


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    known = {key.variable: key.path for key in KEYS.values()}
    given: dict[str, _Given] = {}
    for variable, value in environ.items():
        if not variable.startswith(ENVIRONMENT) or variable == _CONFIG_VARIABLE:
            continue
        if variable not in known:
            names = [name.removeprefix(ENVIRONMENT) for name in known]
            hint = _nearest(variable.removeprefix(ENVIRONMENT), names, ENVIRONMENT)
            raise ConfigError(f"{variable} is not a setting{hint}")
        if value:
            given[known[variable]] = _Given(variable, value)
    return given


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None


def _from_file(path: Path) -> dict[str, _Given]:
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # also tomllib.TOMLDecodeError and UnicodeDecodeError
        raise ConfigError(f"{path}: is not TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply") from None
    file = _File(path, text)
    return {key: _Given(file.where(key), value) for key, value in _flat(tables, "", file)}


_NAME: Final = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_NAMES: Final = rf"({_NAME}(?:\s*\.\s*{_NAME})*)"
_HEADER: Final = re.compile(rf"\s*\[\s*{_NAMES}\s*\]\s*(?:#.*)?")
_ASSIGNED: Final = re.compile(rf"\s*{_NAMES}\s*=.*")


class _File(NamedTuple):
    """A file and its text, where keys are looked up: the parser of TOML tells no lines."""

    path: Path
    text: str

    def where(self, key: str) -> str:
        """The file, and the line of a key or section where it is certain."""
        line = self._line(key)
        return f"{self.path}" if line is None else f"{self.path}, line {line}"

    def _line(self, key: str) -> int | None:
        if '"""' in self.text or "'''" in self.text:  # any line may be inside a text
            return None
        section = ""
        for number, line in enumerate(self.text.split("\n"), 1):
            if header := _HEADER.fullmatch(line.rstrip("\r")):
                section = found = _dotted(header[1])
            elif assigned := _ASSIGNED.fullmatch(line.rstrip("\r")):
                found = ".".join(filter(None, (section, _dotted(assigned[1]))))
            else:
                continue
            if found == key or found.startswith(f"{key}."):
                return number
        return None


def _dotted(names: str) -> str:
    return ".".join(name.strip("\"'") for name in re.findall(_NAME, names))


def _flat(table: Mapping[str, object], prefix: str, file: _File) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        path = prefix + name
        if path in KEYS:
            yield path, value
        elif path not in _SECTIONS:
            raise ConfigError(
                f"{file.where(path)}: {path} is not a setting{_nearest(path, [*KEYS, *_SECTIONS])}"
            )
        elif isinstance(value, dict):
            yield from _flat(cast("dict[str, object]", value), f"{path}.", file)
        else:
            raise ConfigError(
                f"{file.where(path)}: {path} is a section: write [{path}] and its keys below"
            )


def _nearest(wrong: str, known: list[str], prefix: str = "") -> str:
    """What was meant: a name of the same section but for a slip, or the same name elsewhere."""
    section, _, name = wrong.rpartition(".")
    beside = {path.rpartition(".")[2]: path for path in known if path.rpartition(".")[0] == section}
    slip = max(0.6, 1 - 2 / max(1, len(name)))
    near = [beside[each] for each in get_close_matches(name, beside, n=1, cutoff=slip)]
    near += [path for path in known if path.rpartition(".")[2] == name]
    if near:
        return f"; did you mean {prefix}{near[0]}?"
    return "; docs/configuration.md lists all of them"


def _read(sources: list[dict[str, _Given]]) -> dict[str, object]:
    return {path: _value(key, sources) for path, key in KEYS.items()}


def _value(key: Key, sources: list[dict[str, _Given]]) -> object:
    given = [_interpreted(key, source[key.path]) for source in sources if key.path in source]
    if not given:
        return key.default
    if key.path == _ROUTES:  # numbers of all sources, each from the first that has it
        tables = cast("list[Mapping[str, str]]", given)
        return {number: uri for table in reversed(tables) for number, uri in table.items()}
    return given[0]


def _interpreted(key: Key, given: _Given) -> object:
    try:
        return key.reader(given.value)
    except ValueError as error:
        shown = "" if key.reader is readers.secret else f", not {_written(given)}"
        name = "" if given.where == key.variable or given.where.startswith("--") else f" {key.path}"
        raise ConfigError(f"{given.where}:{name} must be {error}{shown}") from None


def _written(given: _Given) -> str:
    """A value as its source has it, in one line: TOML's own notation, or what a flag was given."""
    value = given.value
    if given.where.startswith("--"):
        if isinstance(value, Mapping):
            table = cast("Mapping[str, str]", value)
            value = ", ".join(f"{key}={each}" if each else key for key, each in table.items())
        elif isinstance(value, tuple):
            value = ", ".join(map(str, cast("tuple[object, ...]", value)))
    if isinstance(value, float):
        return f"{value}"
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if shown.isprintable() else json.dumps(value, default=str)


def _build(section: type, values: Mapping[str, object], prefix: str = "") -> Any:
    kinds = get_type_hints(section)

    def member(each: Field[Any]) -> object:
        path = prefix + each.name
        return values[path] if path in KEYS else _build(kinds[each.name], values, f"{path}.")

    return section(**{each.name: member(each) for each in fields(section)})


def check_to_serve(config: Config) -> None:
    """Raise ``ConfigError`` where settings that only serving needs do not go together."""
    trunk = config.sip.trunk
    if not trunk.host and trunk != Trunk():
        raise ConfigError("sip.trunk.host is missing: a trunk needs at least its host")
    if config.calls.dest1_sees is Dest1Sees.TRUNK and trunk.number is None:
        raise ConfigError('calls.dest1_sees = "trunk" needs sip.trunk.number')
