"""``Hoiio``: set up once, then used from anywhere in a program."""

from __future__ import annotations

from typing import Final

from hoiio.account import Account
from hoiio.client import Client
from hoiio.transport import Transport
from hoiio.voice import Voice


class Facade:
    """One client for a whole program; see :data:`hoiio.Hoiio`."""

    def __init__(self) -> None:
        # Kept for good, so that a new init() breaks no request under way in another thread.
        self._transport = Transport()
        self._client = Client(transport=self._transport)

    def init(
        self,
        app_id: str | None = None,
        access_token: str | None = None,
        base_url: str | None = None,
    ) -> None:
        """Set the credentials and where the service is; what is None comes from the environment."""
        self._client = Client(
            app_id,
            access_token,
            base_url=base_url,
            prefix=self._client.prefix,
            transport=self._transport,
        )

    @property
    def prefix(self) -> str | None:
        """A country prefix, ``'65'`` or ``'+65'``, put before numbers without a plus.

        Setting anything else but None raises ``ValueError``.
        """
        return self._client.prefix

    @prefix.setter
    def prefix(self, prefix: str | None) -> None:
        self._client.prefix = prefix

    @property
    def voice(self) -> Voice:
        """Calls, conferences, records, prices."""
        return self._client.voice

    @property
    def account(self) -> Account:
        """Credit and who one is."""
        return self._client.account

    def close(self) -> None:
        """Close its connections; a later request opens new ones."""
        self._transport.close()

    def __repr__(self) -> str:
        return f"Hoiio({self._client!r})"


Hoiio: Final = Facade()
"""The program's client: ``Hoiio.init(…)`` or the environment, then ``Hoiio.voice.call(…)``."""
