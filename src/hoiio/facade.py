"""``Hoiio``: set up once, then used from anywhere in a program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hoiio.account import Account
from hoiio.client import Client
from hoiio.response import Response
from hoiio.transport import CONNECT_TIMEOUT, TOTAL_TIMEOUT
from hoiio.voice import Voice


class Facade:
    """One client for a whole program; see :data:`hoiio.Hoiio`."""

    def __init__(self) -> None:
        self._client = Client()

    def init(
        self,
        app_id: str | None = None,
        access_token: str | None = None,
        base_url: str | None = None,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        timeout: float = TOTAL_TIMEOUT,
        raise_errors: bool = False,
    ) -> None:
        """Set the credentials and where the service is; what is None comes from the environment.

        The rest is as for :class:`hoiio.Client`. Requests that other threads have under way are not
        disturbed.
        """
        former = self._client
        self._client = Client(
            app_id,
            access_token,
            base_url=base_url,
            prefix=former.prefix,
            connect_timeout=connect_timeout,
            timeout=timeout,
            raise_errors=raise_errors,
        )
        self._client.take_over(former)

    @property
    def prefix(self) -> str | None:
        """A country prefix, ``'65'`` or ``'+65'``, put before numbers without a plus.

        Setting anything else but None raises ``InvalidArgument``.
        """
        return self._client.prefix

    @prefix.setter
    def prefix(self, prefix: str | None) -> None:
        self._client.prefix = prefix

    @property
    def voice(self) -> Voice[Response, Response, Iterator[Response]]:
        """Calls, conferences, records, prices."""
        return self._client.voice

    @property
    def account(self) -> Account[Response, Response, Iterator[Response]]:
        """Credit and who one is."""
        return self._client.account

    def close(self) -> None:
        """Close its connections; a later request opens new ones."""
        self._client.close()

    def __repr__(self) -> str:
        return f"Hoiio({self._client!r})"


Hoiio: Final = Facade()
"""The program's client: ``Hoiio.init(…)`` or the environment, then ``Hoiio.voice.call(…)``."""
