"""The library's errors in the command line's words: options instead of parameters."""

from __future__ import annotations

import re
import shlex
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from hoiio.cli.console import UsageError
from hoiio.errors import APIError, HoiioException, InvalidArgument

NAMES: Final = {
    "dest1": "A",
    "dest2": "B",
    "dests": "A B…",
    "txn_ref": "REF",
    "action": "ACTION",
    "from_": "--since",
    "to": "--until",
    "prefix": "prefix, in the profile",
}
"""What the command line calls a parameter, where it is not an option of the same name."""

_VARIABLE: Final = re.compile("HOIIO_(APP_ID|ACCESS_TOKEN|BASE_URL)")
_LIBRARYS: Final = ", or set a prefix, as in Hoiio.prefix = '65'"


def in_words(error: HoiioException, profile: str | None = None) -> str:
    """One sentence that says what went wrong and what to type instead.

    ``profile`` is whose credentials were used, None for the environment's.
    """
    if isinstance(error, InvalidArgument):
        reason = str(error).removeprefix(f"{error.name}: ").replace(_LIBRARYS, _advice(profile))
        return f"{option(error.name)}: {reason}"
    if error.maybe_sent and error.idempotency_key and error.advice:
        return f"{Exception.__str__(error)}; {maybe_placed(error.idempotency_key)}"
    if isinstance(error, APIError) and profile is not None:
        return _VARIABLE.sub(
            lambda found: f"{found[1].lower()} of the profile {profile!r}", str(error)
        )
    return str(error)


def maybe_placed(key: str) -> str:
    """What to do where no answer says whether a call was placed; what to type is for a shell."""
    return (
        "the call may have been placed: look at hoiio history before calling again, or call again "
        f"with --idempotency-key {shlex.quote(key)} where the service honours it"
    )


def _advice(profile: str | None) -> str:
    """How to have a prefix: none, where the environment is used, which has no place for one."""
    if profile is None:
        return ""
    return f", or keep a prefix, as with: hoiio profile set {profile} --prefix 65"


@contextmanager
def named(parameter: str, typed: str) -> Generator[None, None, None]:
    """Within it, a parameter was typed as another option than its own."""
    try:
        yield
    except InvalidArgument as error:
        if error.name != parameter:
            raise
        raise UsageError(f"{typed}: {str(error).removeprefix(f'{parameter}: ')}") from None


def option(parameter: str) -> str:
    """How a parameter is typed."""
    return NAMES.get(parameter) or f"--{parameter.replace('_', '-')}"
