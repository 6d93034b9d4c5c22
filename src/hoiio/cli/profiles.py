"""The file of profiles: whose credentials, for which service. TOML, for its owner's eyes only.

```toml
[default]
app_id = "…"
access_token = "…"
base_url = "https://voice.example/open/"
prefix = "65"
```

A file that others could read is refused, as is one that is someone else's: who can write it decides
where the access token is sent.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import shlex
import stat
import sys
import tempfile
import tomllib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, cast

from hoiio.cli.console import UsageError
from hoiio.errors import InvalidArgument, NotConfigured
from hoiio.parameters import country_prefix
from hoiio.request import base_url, shown

DEFAULT: Final = "default"
"""The profile that is used when none is chosen."""
PATH_VARIABLE: Final = "HOIIO_PROFILES"
"""Names another file."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SIZE_MAX: Final = 1 << 20
_OWNERS: Final = stat.S_IRUSR | stat.S_IWUSR


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one section says; None for what it leaves out."""

    app_id: str | None = None
    access_token: str | None = field(default=None, repr=False)
    base_url: str | None = field(default=None, repr=False)
    prefix: str | None = None


KEYS: Final = tuple(each.name for each in fields(Profile))


def location(environment: Mapping[str, str]) -> Path:
    """Where the file is: ``HOIIO_PROFILES``, else below ``XDG_CONFIG_HOME`` or ``~/.config``."""
    named = environment.get(PATH_VARIABLE)
    if named:
        return Path(named)
    configuration = environment.get("XDG_CONFIG_HOME", "")
    # A relative one is to be ignored (XDG Base Directory Specification).
    if Path(configuration).is_absolute():
        return Path(configuration) / "hoiio" / "profiles.toml"
    try:
        return Path.home() / ".config" / "hoiio" / "profiles.toml"
    except RuntimeError:
        raise UsageError(
            f"there is no home folder to keep profiles in: set {PATH_VARIABLE}"
        ) from None


def read(path: Path) -> dict[str, Profile]:
    """All profiles of a file, by name; none where there is no file.

    Raises ``UsageError`` for a file that others could have read or written, or that is malformed.
    """
    return parse(_text(path), path)


def parse(text: str, path: Path) -> dict[str, Profile]:
    """The profiles of a file's text. Pure.

    Raises ``UsageError`` that names the file, and the line of a slip of syntax.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}") from None
    except (ValueError, RecursionError):  # more digits, or brackets, than Python takes
        raise UsageError(
            f"{path}: a number in it is too long, or a list too deep, for a file of profiles"
        ) from None
    return {name: _profile(name, table, path) for name, table in tables.items()}


def _profile(name: str, table: object, path: Path) -> Profile:
    if not isinstance(table, dict):
        raise UsageError(f'{path}: {name} stands outside of a section like "[{DEFAULT}]"')
    found: dict[str, str] = {}
    for key, value in cast("dict[str, Any]", table).items():
        if key not in KEYS:
            raise UsageError(f"{path}: [{name}] cannot have {key}, only {', '.join(KEYS)}")
        if not isinstance(value, str):
            raise UsageError(f"{path}: {key} of [{name}] must be text in quotes")
        found[key] = value
    try:
        return checked(Profile(**found))
    except UsageError as error:
        raise UsageError(f"{path}: [{name}] {error}") from None


def checked(profile: Profile) -> Profile:
    """The profile, if its values can be used. Raises ``UsageError`` that names the key."""
    for key in KEYS:
        value = getattr(profile, key)
        if value is not None and not (value and value.isprintable()):
            raise UsageError(f"{key}: empty, or a character in it cannot be printed")
    try:
        if profile.base_url is not None:
            base_url(profile.base_url, {})
        country_prefix(profile.prefix)
    except NotConfigured:
        raise UsageError(f"base_url: not an http or https URL: {shown(profile.base_url)}") from None
    except InvalidArgument as error:
        raise UsageError(str(error)) from None
    return profile


def check_name(name: str) -> str:
    """A profile's name. Raises ``UsageError``."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"a profile's name is letters, digits, _ and - only: {name!r}")
    return name


def put(path: Path, name: str, change: Callable[[Profile], Profile]) -> None:
    """Change a profile in the file, which is replaced whole; all else in it stays.

    ``change`` gets what it says now, nothing where there is none. Raises ``UsageError`` where the
    file cannot be read or written, and what ``change`` raises.
    """
    path = path.resolve()  # a link stays one
    try:
        with _alone(path):
            _replace(path, _changed(_text(path), path, name, change))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


def _changed(text: str, path: Path, name: str, change: Callable[[Profile], Profile]) -> str:
    """The text of the file with a profile changed. Pure."""
    known = parse(text, path)
    profile = change(known.get(name, Profile()))
    wanted = known | {name: profile}
    written = _with_section(text, name, profile)
    if not _says(written, wanted, path):
        # A header that was none, such as one inside of a text of many lines.
        written = "".join(_section(each, value) for each, value in wanted.items())
    return written


def _says(text: str, wanted: Mapping[str, Profile], path: Path) -> bool:
    try:
        return parse(text, path) == wanted
    except UsageError:
        return False


def _with_section(text: str, name: str, profile: Profile) -> str:
    """The text with one section instead of the old one, or at its end. Pure."""
    before: list[str] = []
    after: list[str] = []
    found = within = False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            within = line.split("#")[0].strip() in {f"[{name}]", f'["{name}"]'}
            found = found or within
        if not within or line.lstrip().startswith("#"):
            (after if found else before).append(line)
    head = "".join(before)
    gap = "" if not head or head.endswith("\n\n") else "\n" if head.endswith("\n") else "\n\n"
    return head + gap + _section(name, profile) + "".join(after)


def _section(name: str, profile: Profile) -> str:
    header = name if _NAME.fullmatch(name) else json.dumps(name)
    values = ((key, getattr(profile, key)) for key in KEYS)
    # What JSON writes of printable text, TOML reads.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values if value]
    return "\n".join([f"[{header}]", *lines, "", ""])


@contextmanager
def _alone(path: Path) -> Generator[None, None, None]:
    """While nobody else changes the file. What is locked stays, as the file itself is replaced."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":  # it has no such lock
        yield
        return
    import fcntl  # noqa: PLC0415 - not everywhere

    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(path.with_name(f".{path.name}.lock"), flags, _OWNERS)
    with os.fdopen(descriptor, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    part = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _text(path: Path) -> str:
    """What the file holds; nothing where there is none. It is judged by what was opened."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            _check_owner(os.fstat(file.fileno()), path)
            raw = file.read(_SIZE_MAX + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    if len(raw) > _SIZE_MAX:
        raise UsageError(f"{path} is too long for a file of profiles")
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}: not UTF-8 (at line {line})") from None


def _open_at_once(path: str, flags: int) -> int:
    """Where it is no file, without waiting for whoever is at its other end."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_owner(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path} is no file")
    if sys.platform == "win32":  # its access lists are not in the mode
        return
    if status.st_uid != os.geteuid():
        raise UsageError(
            f"{path} belongs to another user, who would know the access token: chown it"
        )
    if stat.S_IMODE(status.st_mode) & ~_OWNERS:
        raise UsageError(
            f"{path} could be read by others, and holds access tokens: "
            f"chmod 600 {shlex.quote(str(path))}"
        )
