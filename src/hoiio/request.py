"""Who asks whom: credentials, where the service is, and the HTTP request that says it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from hoiio import wire
from hoiio.errors import InvalidArgument, NotConfigured
from hoiio.transport import HttpRequest

if TYPE_CHECKING:
    from hoiio.transport import Method

Value = str | int | None
"""A parameter before it is written; None leaves it out."""


class Credentials(NamedTuple):
    """Who asks. The access token is a secret and stays out of every ``repr``."""

    app_id: str
    access_token: str

    def __repr__(self) -> str:
        return f"Credentials(app_id={self.app_id!r})"


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
        if not (_plain(app_id) and _plain(access_token)):
            _check_credential("app_id", app_id)
            _check_credential("access_token", access_token)
        return Credentials(app_id, access_token)
    missing = "access_token" if app_id else "app_id"
    raise NotConfigured(
        f"no {missing}: call Hoiio.init(app_id, access_token), or set the environment variables "
        "HOIIO_APP_ID and HOIIO_ACCESS_TOKEN"
    )


def _plain(value: object) -> bool:
    return type(value) is str and value.isascii()


def _check_credential(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise NotConfigured(f"the {name} is a str, not {type(value).__name__}")
    if not is_encodable(value):
        raise NotConfigured(f"the {name} cannot be sent: part of it is no Unicode text")


def is_encodable(text: str) -> bool:
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
    if given is not None and not isinstance(cast("object", given), str):
        raise NotConfigured(f"base_url is a str like {wire.BASE_URL!r}, not {given!r}")
    return _checked(given or environment.get("HOIIO_BASE_URL") or wire.BASE_URL)


@lru_cache(maxsize=64)
def _checked(url: str) -> str:
    if not _is_plain_http(url):
        raise NotConfigured(
            f"not an http or https URL: {url!r}; set base_url or HOIIO_BASE_URL to one like "
            f"{wire.BASE_URL}"
        )
    return url if url.endswith("/") else f"{url}/"


def _is_plain_http(url: object) -> bool:
    if not isinstance(url, str):
        return False
    from urllib.parse import urlsplit  # noqa: PLC0415 - slow to load

    try:
        parts = urlsplit(url)
        port = parts.port  # raises when it is no port
    except ValueError:
        return False
    plain = parts.scheme in {"http", "https"} and parts.hostname and port != 0
    return bool(plain) and not parts.query and not parts.fragment and not _has_space(url)


def _has_space(url: str) -> bool:
    return any(char.isspace() or not char.isprintable() for char in url)


class Query(NamedTuple):
    """One page of one list."""

    page: int | None
    from_: str | None
    to: str | None
    upto: str | None


class Site:
    """One service, asked in one name: what is the same in all requests to it."""

    __slots__ = ("_method", "_start", "base_url", "who")

    def __init__(self, who: Credentials, base_url: str, method: Method) -> None:
        self.who = who
        self.base_url = base_url
        self._method: Method = method
        self._start = f"app_id={_escaped(who.app_id)}&access_token={_escaped(who.access_token)}"

    def request(
        self,
        path: str,
        params: Mapping[str, Value],
        key: str | None,
        *,
        connect: float,
        total: float,
    ) -> HttpRequest:
        """The request of an endpoint's path: all parameters as form data, absent ones left out.

        ``key`` is its idempotency key, if it has one. With GET everything is in the URL. Times are
        in seconds. Raises ``InvalidArgument`` for a parameter that is no text that can be sent.
        """
        # The token stays out of what a crash reporter would show of this frame.
        rest = ""
        for name, value in params.items():
            if value is not None:
                try:
                    rest = f"{rest}&{name}={_escaped(str(value))}"
                except UnicodeEncodeError:
                    message = f"{value!r} cannot be sent: part of it is no Unicode text"
                    raise InvalidArgument(name, message) from None
        url, body = f"{self.base_url}{path}", b""
        headers: dict[str, str] = {}
        if self._method == "GET":
            url = f"{url}?{self._start}{rest}"
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = f"{self._start}{rest}".encode("ascii")
        if key is not None:
            headers[wire.IDEMPOTENCY_HEADER] = key
        return HttpRequest(self._method, url, headers, body, min(connect, total), total)


def _escaped(text: str) -> str:
    # Most values are plain, and asking costs a tenth of escaping.
    if _PLAIN.fullmatch(text):
        return text
    from urllib.parse import quote_plus  # noqa: PLC0415 - slow to load

    return quote_plus(text)


_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]*", re.ASCII)
