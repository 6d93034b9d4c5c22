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


Pair = tuple[str | None, str | None]
"""An ``app_id`` and an ``access_token`` as one place has them; None for one that it has not."""


def credentials(asked: Pair, own: Pair, environment: Mapping[str, str]) -> Credentials:
    """The credentials asked for, else the client's own, else those of the environment.

    The two belong together: an ``app_id`` is never sent with the token of another one. Of a place
    with an ``app_id`` alone, the token is taken from the next place if that has the same ``app_id``
    or none; of a place with a token alone, a new one say, the ``app_id`` is the next place's.

    Raises ``NotConfigured``, which says how to set them, when one of them is missing then, or is no
    text that can be sent.
    """
    if asked != _NEITHER:
        check_credentials(*asked)
    pair, below = asked, own
    if not all(pair):
        if not all(below):
            found = environment.get("HOIIO_APP_ID"), environment.get("HOIIO_ACCESS_TOKEN")
            below = _over(below, found)
        pair = _over(pair, below)
    app_id, access_token = pair
    if not (app_id and access_token):
        raise NotConfigured(_missing(app_id, below))
    if not (_plain(app_id) and _plain(access_token)):
        check_credentials(app_id, access_token)
        app_id, access_token = exact(app_id), exact(access_token)
    return Credentials(app_id, access_token)


_NEITHER: Final = (None, None)


def _over(given: Pair, below: Pair) -> Pair:
    """What one place has, completed by the next; see :func:`credentials`."""
    app_id, access_token = given
    if not app_id:
        return below[0], access_token or below[1]
    if not access_token and below[0] in {None, "", app_id}:
        access_token = below[1]
    return app_id, access_token


def _missing(app_id: str | None, below: Pair) -> str:
    if not app_id:
        what = "no app_id"
    elif below[1]:
        what = "no access_token for this app_id, as the one that is set is another's; give both"
    else:
        what = "no access_token"
    return (
        f"{what}: call Hoiio.init(app_id, access_token), or set the environment variables "
        "HOIIO_APP_ID and HOIIO_ACCESS_TOKEN"
    )


def _plain(value: str) -> bool:
    return type(value) is str and value.isascii() and value.isprintable()


def check_credentials(app_id: object, access_token: object) -> None:
    """Raise ``NotConfigured`` for credentials that cannot be sent; None is not given."""
    for name, value in (("app_id", app_id), ("access_token", access_token)):
        if value is None:
            continue
        if not isinstance(value, str):
            raise NotConfigured(f"the {name} is a str, not {type(value).__name__}")
        if not value:
            raise NotConfigured(
                f"the {name} is empty; left out, it is the client's own or the environment's"
            )
        if "\0" in value or not is_encodable(value):
            raise NotConfigured(f"the {name} cannot be sent: part of it is no text")


def check_settings(app_id: object, access_token: object, url: str | None) -> None:
    """Raise ``NotConfigured`` for what a client is given and could never use."""
    check_credentials(app_id, access_token)
    if url is not None:
        base_url(url, {})


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
    if given is None:
        given = environment.get("HOIIO_BASE_URL") or wire.BASE_URL
    elif not isinstance(cast("object", given), str):
        raise NotConfigured(f"base_url is a str like {wire.BASE_URL!r}, not {type(given).__name__}")
    return _checked(exact(given))


@lru_cache(maxsize=64)
def _checked(url: str) -> str:
    if not _is_plain_http(url):
        raise NotConfigured(
            f"not an http or https URL: {shown(url)}; set base_url or HOIIO_BASE_URL to one like "
            f"{wire.BASE_URL}"
        )
    return url if url.endswith("/") else f"{url}/"


def shown(url: str | None) -> str:
    """A URL as a message may quote it: it may have a password in it."""
    return repr(url and without_password(url))


def without_password(url: str) -> str:
    """The URL, or what was meant for one, without who is named in it and their password."""
    return re.sub(r"^([^/@]*//)?.*@", r"\1[hidden]@", url, flags=re.DOTALL)


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
                text = value if type(value) is str else exact(value)
                # Most values are plain, and asking costs a tenth of escaping.
                if text.strip(_PLAIN):
                    try:
                        text = _escaped(text)
                    except UnicodeEncodeError:
                        message = f"{value!r} cannot be sent: part of it is no Unicode text"
                        raise InvalidArgument(name, message) from None
                rest = f"{rest}&{name}={text}"
        url, body = f"{self.base_url}{path}", b""
        headers: dict[str, str] = {}
        if self._method == "GET":
            url = f"{url}?{self._start}{rest}"
        else:
            headers["Content-Type"] = wire.FORM
            body = f"{self._start}{rest}".encode("ascii")
        if key is not None:
            headers[wire.IDEMPOTENCY_HEADER] = key
        connect = connect if connect < total else total
        return HttpRequest(self._method, url, headers, body, connect, total)


def exact(value: str | int) -> str:
    """The value's text, also of a member of an ``Enum``, which ``str`` would name."""
    return str.__str__(value) if isinstance(value, str) else str(value)


def _escaped(text: str) -> str:
    from urllib.parse import quote_plus  # noqa: PLC0415 - slow to load

    return quote_plus(text)


_PLAIN: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.~-"
