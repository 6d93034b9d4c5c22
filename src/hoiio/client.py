"""A client: credentials, a place to send to, and the API's methods."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from hoiio import wire
from hoiio.account import Account
from hoiio.request import Value, base_url, country_prefix, credentials, form
from hoiio.response import Response, parse
from hoiio.transport import CONNECT_TIMEOUT, TOTAL_TIMEOUT, Method, Transport
from hoiio.voice import Voice

if TYPE_CHECKING:
    from typing import Self


class Client:
    """Speaks to one service. Safe to share between threads.

    What is not given is taken from ``HOIIO_APP_ID``, ``HOIIO_ACCESS_TOKEN`` and ``HOIIO_BASE_URL``
    when a request is made. ``prefix`` (``'65'`` or ``'+65'``) is put before numbers without a plus.
    Times are in seconds: ``connect_timeout`` to reach the service, ``timeout`` for everything.
    ``method="GET"`` puts all parameters into the URL, the access token too, where logs may keep it.

    Raises ``ValueError`` for a prefix or a method that is none.
    """

    voice: Voice
    """Calls, conferences, records, prices."""
    account: Account
    """Credit and who one is."""

    def __init__(
        self,
        app_id: str | None = None,
        access_token: str | None = None,
        *,
        base_url: str | None = None,
        prefix: str | None = None,
        method: Method = "POST",
        connect_timeout: float = CONNECT_TIMEOUT,
        timeout: float = TOTAL_TIMEOUT,
        transport: Transport | None = None,
    ) -> None:
        if method not in {"POST", "GET"}:
            raise ValueError(f"method is POST or GET, not {method!r}")
        self._app_id = app_id
        self._access_token = access_token
        self._base_url = base_url
        self._method: Method = method
        self._connect_timeout = connect_timeout
        self._timeout = timeout
        self._transport = transport or Transport()
        self.prefix = prefix
        self.voice = Voice(self)
        self.account = Account(self)

    @property
    def prefix(self) -> str | None:
        """What goes before a number without a plus, itself with its plus; None for nothing."""
        return self._prefix

    @prefix.setter
    def prefix(self, prefix: str | None) -> None:
        self._prefix = country_prefix(prefix)

    def send(
        self,
        endpoint: wire.Endpoint,
        params: Mapping[str, Value],
        app_id: str | None = None,
        access_token: str | None = None,
    ) -> Response:
        """Make one request of any endpoint and read its answer.

        A read that is refused for its rate is repeated when the service says it may be, if that is
        within the time-out. A chargeable request is never repeated.

        Raises ``NotConfigured``, ``ConnectionFailed``, ``TimedOut`` or ``InvalidResponse``, and
        ``ValueError`` for a parameter with characters that are no Unicode text; an error of the
        API is an answer like any other.
        """
        deadline = time.monotonic() + self._timeout
        while True:
            answer = self._send_once(endpoint, params, app_id, access_token, deadline)
            pause = retry_after(endpoint, answer)
            if pause is None or time.monotonic() + pause >= deadline:
                return answer
            time.sleep(pause)

    def _send_once(
        self,
        endpoint: wire.Endpoint,
        params: Mapping[str, Value],
        app_id: str | None,
        access_token: str | None,
        deadline: float,
    ) -> Response:
        who = credentials(app_id or self._app_id, access_token or self._access_token, os.environ)
        http = self._transport.send(
            self._method,
            base_url(self._base_url, os.environ) + endpoint.path,
            form(who, params),
            connect=self._connect_timeout,
            total=max(deadline - time.monotonic(), 0.001),
        )
        return parse(http.text, http, secret=who.access_token)

    def close(self) -> None:
        """Close its connections; a later request opens new ones."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client(app_id={self._app_id!r}, base_url={self._base_url!r})"


def retry_after(endpoint: wire.Endpoint, answer: Response) -> int | None:
    """Seconds after which a refused read may be repeated; None when it must not be."""
    if endpoint.chargeable or answer.status != wire.Status.RATE_LIMIT_EXCEEDED:
        return None
    seconds = answer.response.headers.get("Retry-After", "") if answer.response else ""
    return int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 10 else None
