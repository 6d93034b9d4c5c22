"""``Hoiio``: set up once, then used from anywhere in a program.

The client behind it is loaded and made when it is first needed.
"""

from __future__ import annotations

from contextlib import contextmanager

from hoiio.defaults import CONNECT_TIMEOUT, RETRIES, TOTAL_TIMEOUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from hoiio.account import Account
    from hoiio.client import Client
    from hoiio.response import Response
    from hoiio.transport import Library, Method, Transport
    from hoiio.voice import Voice


class Facade:
    """One client for a whole program; see :data:`hoiio.Hoiio`."""

    def __init__(self) -> None:
        self._made: dict[str, Client] = {}

    @property
    def _client(self) -> Client:
        if "client" not in self._made:
            from hoiio.client import Client  # noqa: PLC0415 - loaded at use

            # Atomic: two threads that come first at the same time get the same one.
            self._made.setdefault("client", Client())
        return self._made["client"]

    def init(
        self,
        app_id: str | None = None,
        access_token: str | None = None,
        base_url: str | None = None,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        timeout: float = TOTAL_TIMEOUT,
        retries: int = RETRIES,
        raise_errors: bool = False,
        method: Method = "POST",
        transport: Transport | Library | None = None,
    ) -> None:
        """Set the credentials and where the service is; what is None comes from the environment.

        The rest is as for :class:`hoiio.Client`; without a ``transport`` the one in use stays, and
        one that takes its place closes it.
        Requests that other threads have under way are not disturbed. Raises what ``Client`` does;
        all stays as it was then.
        """
        from hoiio.client import Client  # noqa: PLC0415 - loaded at use

        former = self._client
        client = Client(
            app_id,
            access_token,
            base_url=base_url,
            prefix=former.prefix,
            connect_timeout=connect_timeout,
            timeout=timeout,
            retries=retries,
            raise_errors=raise_errors,
            method=method,
            transport=transport or "httpx2",
        )
        client.take_over(former, connections=transport is None)
        self._made["client"] = client
        former.make_way_for(client)

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
    def voice(self) -> Voice[Response, Response, Generator[Response]]:
        """Calls, conferences, records, prices."""
        return self._client.voice

    @property
    def account(self) -> Account[Response, Response, Generator[Response]]:
        """Credit and who one is."""
        return self._client.account

    @contextmanager
    def from_environment(self) -> Generator[None]:
        """For a while, take credentials and place from the environment, whatever was set.

        For tests: a program that has called ``init`` then asks the service that the environment
        names, with all its other settings.
        """
        former = self._client
        self._made["client"] = former.from_environment()
        try:
            yield
        finally:
            self._made["client"] = former

    def close(self) -> None:
        """Close its connections; a later request opens new ones."""
        self._client.close()

    if not TYPE_CHECKING:  # or every attribute would pass for one that can be set

        def __setattr__(self, name: str, value: object) -> None:
            # What the class has may be set: tests put their own in its place.
            if name != "_made" and not hasattr(type(self), name):
                raise AttributeError(f"Hoiio has no setting {name!r}: {_SETTINGS}", name=name)
            super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"Hoiio({self._client!r})"


_SETTINGS = (
    "there is Hoiio.prefix, and Hoiio.init() takes app_id, access_token, base_url, "
    "connect_timeout, timeout, retries, raise_errors, method and transport"
)

Hoiio = Facade()
"""The program's client: ``Hoiio.init(…)`` or the environment, then ``Hoiio.voice.call(…)``."""
