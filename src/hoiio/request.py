"""What a request says, as pure values: credentials, numbers, dates, the form that is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from hoiio import wire
from hoiio.errors import NotConfigured

Value = str | int | None
"""A parameter before it is written; None leaves it out."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks. The access token is a secret and stays out of every ``repr``."""

    app_id: str
    access_token: str = field(repr=False)


def credentials(
    app_id: str | None, access_token: str | None, environment: Mapping[str, str]
) -> Credentials:
    """The credentials given, else those of the environment.

    Raises ``NotConfigured``, which says how to set them, when either is in neither place, or is no
    text that can be sent.
    """
    app_id = app_id or environment.get("HOIIO_APP_ID")
    access_token = access_token or environment.get("HOIIO_ACCESS_TOKEN")
    if app_id and access_token:
        _check_credential("app_id", app_id)
        _check_credential("access_token", access_token)
        return Credentials(app_id, access_token)
    missing = "access_token" if app_id else "app_id"
    raise NotConfigured(
        f"no {missing}: call Hoiio.init(app_id, access_token), or set the environment variables "
        "HOIIO_APP_ID and HOIIO_ACCESS_TOKEN"
    )


def _check_credential(name: str, value: str) -> None:
    if not _is_encodable(value):
        raise NotConfigured(f"the {name} cannot be sent: part of it is no Unicode text")


def _is_encodable(text: str) -> bool:
    """False for lone surrogates, as undecodable bytes of a command line or the environment get."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def base_url(given: str | None, environment: Mapping[str, str]) -> str:
    """Where the API lives, with its final slash: given, or ``HOIIO_BASE_URL``, or the default.

    Raises ``NotConfigured`` when it is no plain http or https URL.
    """
    url = given or environment.get("HOIIO_BASE_URL") or wire.BASE_URL
    if not _is_plain_http(url):
        raise NotConfigured(
            f"not an http or https URL: {url!r}; set base_url or HOIIO_BASE_URL to one like "
            f"{wire.BASE_URL}"
        )
    return url if url.endswith("/") else f"{url}/"


def _is_plain_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port  # raises when it is no port
    except ValueError:
        return False
    plain = parts.scheme in {"http", "https"} and parts.hostname and port != 0
    return bool(plain) and not parts.query and not parts.fragment and not _has_space(url)


def _has_space(url: str) -> bool:
    return any(char.isspace() or not char.isprintable() for char in url)


def country_prefix(prefix: object) -> str | None:
    """A country prefix with its plus: ``+65`` for ``'65'`` or ``'+65'``.

    Raises ``ValueError`` for anything but digits, in a string, with or without a plus.
    """
    if prefix is None:
        return None
    digits = prefix.removeprefix("+") if isinstance(prefix, str) else ""
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"not a country prefix like '65' or '+65': {prefix!r}")
    return f"+{digits}"


def number(value: str | int | None, prefix: str | None) -> str | None:
    """A number as it is sent: the prefix goes before one without a plus, never before a word.

    An ``int`` counts as its digits.
    """
    if value is None:
        return None
    text = str(value)
    return f"{prefix}{text}" if prefix and text[:1].isdigit() else text


def date(value: str | datetime | None) -> str | None:
    """A date as it is sent: GMT+8 without a zone or a fraction; a naive one is in GMT+8 already."""
    if not isinstance(value, datetime):
        return value
    local = value if value.tzinfo is None else value.astimezone(wire.GMT8)
    return local.replace(microsecond=0, tzinfo=None).isoformat(sep=" ")


def form(who: Credentials, params: Mapping[str, Value]) -> dict[str, str]:
    """All parameters of a request, credentials first, absent ones left out.

    Raises ``ValueError`` for a parameter that is no text that can be sent.
    """
    given = {name: str(value) for name, value in params.items() if value is not None}
    for name, text in given.items():
        if not _is_encodable(text):
            raise ValueError(f"{name} cannot be sent: part of it is no Unicode text: {text!r}")
    return {"app_id": who.app_id, "access_token": who.access_token, **given}
