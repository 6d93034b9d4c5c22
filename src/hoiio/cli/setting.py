"""Whose credentials a command uses, and where it asks: one source for all of it, never a mixture.

A token of one source would else be sent to the service of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from hoiio import wire
from hoiio.cli import profiles
from hoiio.cli.console import UsageError
from hoiio.cli.profiles import Profile
from hoiio.request import shown

PROFILE_VARIABLE: Final = "HOIIO_PROFILE"
_APP_ID: Final = "HOIIO_APP_ID"
_ACCESS_TOKEN: Final = "HOIIO_ACCESS_TOKEN"  # noqa: S105 - a name
_BASE_URL: Final = "HOIIO_BASE_URL"


class Setting(NamedTuple):
    """All that a client is made of."""

    app_id: str
    access_token: str
    base_url: str
    prefix: str | None
    profile: str | None = None
    """The name of the profile that all of it is from; None for the environment."""

    def __repr__(self) -> str:
        return f"Setting(app_id={self.app_id!r}, base_url={shown(self.base_url)})"


def setting(chosen: str | None, environment: Mapping[str, str]) -> Setting:
    """From the profile that is chosen, else from the environment, else from the default profile.

    ``chosen`` is what ``--profile`` says; ``HOIIO_PROFILE`` says the same. The environment is the
    source as soon as it has one of the three variables. Raises ``UsageError`` for what is missing.
    """
    name = chosen or environment.get(PROFILE_VARIABLE)
    if name:
        return _of_profile(name, environment, _known(name, environment))
    if any(environment.get(each) for each in (_APP_ID, _ACCESS_TOKEN, _BASE_URL)):
        return _of_environment(environment)
    profile = profiles.read(profiles.location(environment)).get(profiles.DEFAULT)
    if profile is None:
        raise UsageError(
            f"no credentials: set {_APP_ID} and {_ACCESS_TOKEN}, or keep them with: "
            f"hoiio profile set {profiles.DEFAULT}"
        )
    return _of_profile(profiles.DEFAULT, environment, profile)


def _known(name: str, environment: Mapping[str, str]) -> Profile:
    path = profiles.location(environment)
    known = profiles.read(path)
    if name not in known:
        there = f"it has {', '.join(sorted(known))}" if known else "there is none yet"
        raise UsageError(f"no profile {name!r} in {path}: {there}; add it with: hoiio profile set")
    return known[name]


def _of_profile(name: str, environment: Mapping[str, str], profile: Profile) -> Setting:
    if not (profile.app_id and profile.access_token):
        missing = "access_token" if profile.app_id else "app_id"
        path = profiles.location(environment)
        raise UsageError(
            f"{path}: [{name}] has no {missing}; add it with: hoiio profile set {name}"
        )
    return Setting(
        profile.app_id,
        profile.access_token,
        profile.base_url or wire.BASE_URL,
        profile.prefix,
        name,
    )


def _of_environment(environment: Mapping[str, str]) -> Setting:
    app_id, access_token = environment.get(_APP_ID), environment.get(_ACCESS_TOKEN)
    if not (app_id and access_token):
        missing = _ACCESS_TOKEN if app_id else _APP_ID
        raise UsageError(
            f"{missing} is not set, and other HOIIO_ variables are: set all of them, or choose a "
            f"profile, as with --profile {profiles.DEFAULT}"
        )
    return Setting(app_id, access_token, environment.get(_BASE_URL) or wire.BASE_URL, None)
