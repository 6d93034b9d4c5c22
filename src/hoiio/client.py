"""A client: credentials, a place to send to, and the API's methods, sync or async."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Coroutine, Generator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from hoiio import parameters, wire
from hoiio.account import Account
from hoiio.answer import parse
from hoiio.defaults import CONNECT_TIMEOUT, RETRIES, TOTAL_TIMEOUT
from hoiio.driver import run, run_async
from hoiio.exchange import Exchange, Features, Pollers
from hoiio.request import Query, Site, Value, base_url, check_settings, credentials, shown
from hoiio.response import AsyncHistory, AsyncResponse, Origin, Response
from hoiio.transport import (
    AsyncTransport,
    HttpRequest,
    HttpResponse,
    Library,
    Loaded,
    Method,
    Transport,
    load,
    load_async,
)
from hoiio.voice import A, C, P, Voice

if TYPE_CHECKING:
    from typing import Self, Unpack

    from hoiio.paging import Paging
    from hoiio.voice import ChargeableOptions, Options
    from hoiio.watching import Until, Watching

R = TypeVar("R", Response, AsyncResponse)
_NO_OPTIONS: Final[Mapping[str, Any]] = {}


class BaseClient(ABC, Generic[A, P, C]):
    """What both clients share: their settings, and what is to be done for each request."""

    voice: Voice[A, P, C]
    """Calls, conferences, records, prices."""
    account: Account[A, P, C]
    """Credit and who one is."""

    def __init__(
        self,
        app_id: str | None,
        access_token: str | None,
        *,
        base_url: str | None,
        prefix: str | None,
        method: Method,
        connect_timeout: float,
        timeout: float,
        retries: int,
        raise_errors: bool,
    ) -> None:
        parameters.method(method)
        check_settings(app_id, access_token, base_url)
        self._app_id = app_id
        self._access_token = access_token
        self._base_url = base_url
        self._method: Method = method
        self._connect_timeout = parameters.seconds("connect_timeout", connect_timeout)
        self._timeout = parameters.seconds("timeout", timeout)
        self._retries = parameters.count("retries", retries)
        self._raise_errors = raise_errors
        self._last_site: Site | None = None
        self._own_site: Site | None = None
        self._reader: Reader[Any] | None = None
        self._features: Features = Features()
        self._pollers: Pollers = Pollers()
        self.prefix = prefix
        self.voice = Voice(self)
        self.account = Account(self)

    @property
    def prefix(self) -> str | None:
        """What goes before a number without a plus, itself with its plus; None for nothing."""
        return self._prefix

    @prefix.setter
    def prefix(self, prefix: str | None) -> None:
        self._prefix = parameters.country_prefix(prefix)

    @abstractmethod
    def send(
        self,
        endpoint: wire.Endpoint,
        params: Mapping[str, Value],
        **options: Unpack[ChargeableOptions],
    ) -> A:
        """Make one request of any endpoint, with parameters that are taken as they are."""

    @abstractmethod
    def history(self, query: Query, **options: Unpack[Options]) -> P:
        """A page of history; what :meth:`Voice.history` asks for."""

    @abstractmethod
    def wait(self, txn_ref: str, until: Until, timeout: float | None, site: Site) -> A:
        """What :meth:`Voice.wait` asks for."""

    @abstractmethod
    def watch(self, txn_ref: str, timeout: float | None, site: Site) -> C:
        """What :meth:`Voice.watch` asks for."""

    def __repr__(self) -> str:
        place = shown(self._base_url)
        return f"{type(self).__name__}(app_id={self._app_id!r}, base_url={place})"

    # --- what is to be done -----------------------------------------------------------------

    def site(self, who: Mapping[str, Any]) -> Site:
        """Who asks whom: nearly always the same as the last time.

        ``who`` has the request's own credentials, if it has any. Raises ``NotConfigured``.
        """
        asked = who.get("app_id"), who.get("access_token")
        given = credentials(asked, (self._app_id, self._access_token), os.environ)
        base = base_url(self._base_url, os.environ)
        site = self._last_site
        if site is None or site.who != given or site.base_url != base:
            site = self._last_site = Site(given, base, self._method)
        if self._app_id and self._access_token and self._base_url and not who:
            # Nothing of it comes from the environment, which may change.
            self._own_site = site
        return site

    def _exchange(
        self,
        kind: type[R],
        endpoint: wire.Endpoint,
        params: Mapping[str, Value],
        options: Mapping[str, Any],
    ) -> Exchange[R]:
        """What leads to an answer. Raises at once for what cannot be sent."""
        connect, total, key = self._connect_timeout, self._timeout, None
        if options:
            _check_options(options, endpoint)
            connect = _span(options, "connect_timeout", connect)
            total = _span(options, "timeout", total)
            key = parameters.idempotency_key(options.get("idempotency_key"))
        known = endpoint in wire.ENDPOINTS
        # Of what is not known no service has promised that it honours a key.
        if key is None and endpoint.chargeable and known:
            key = os.urandom(16).hex()
        site = self._own_site
        if site is None or options:
            site = self.site(options)
        reader = self._reader
        if reader is None or reader.site is not site:
            reader = self._reader = Reader(kind, self, site)
        return Exchange(
            site.request(endpoint.path, params, key, connect=connect, total=total),
            reader.read,
            self._features,
            base_url=site.base_url,
            # What is not known to be harmless might cost money when it is done twice.
            chargeable=endpoint.chargeable or not known,
            key=key,
            retries=self._retries,
        )

    def _watching(
        self, kind: type[R], txn_ref: str, timeout: float | None, site: Site
    ) -> Watching[R]:
        """The steps of following a call. Raises at once for what cannot be sent."""
        from hoiio.watching import Call, watch  # noqa: PLC0415 - loaded at use

        reader = Reader(kind, self, site)
        params = {"txn_ref": txn_ref}

        def stream(seconds: float) -> HttpRequest | None:
            if wire.EVENT_STREAM not in self._features.of(site.base_url) or seconds <= 0:
                return None
            connect = self._connect_timeout
            return site.request(wire.EVENTS.path, params, None, connect=connect, total=seconds)

        def ask(seconds: float) -> Exchange[R]:
            total = min(self._timeout, seconds)
            return self._asking(reader, wire.QUERY_STATUS, params, total=total)

        call = Call(txn_ref, ask, stream, reader.read)
        return watch(call, timeout, self._pollers)

    def _pages(self, kind: type[R], first: R, query: Query, site: Site) -> Paging[R]:
        """The steps of walking on from a page."""
        from hoiio.paging import pages  # noqa: PLC0415 - loaded at use

        knows_upto = wire.UPTO in self._features.of(site.base_url)
        return pages(
            first, query, lambda asked: self._page(kind, asked, site), knows_upto=knows_upto
        )

    def _page(
        self, kind: type[R], query: Query, site: Site, options: Mapping[str, Any] = _NO_OPTIONS
    ) -> Exchange[R]:
        _check_options(options, wire.GET_HISTORY)
        params = {"from": query.from_, "to": query.to, "page": query.page, "upto": query.upto}
        reader = Reader(kind, self, site, query)
        connect = _span(options, "connect_timeout", self._connect_timeout)
        total = _span(options, "timeout", self._timeout)
        return self._asking(reader, wire.GET_HISTORY, params, connect=connect, total=total)

    def _asking(
        self,
        reader: Reader[R],
        endpoint: wire.Endpoint,
        params: Mapping[str, Value],
        *,
        connect: float | None = None,
        total: float,
    ) -> Exchange[R]:
        """One read of a site that is known already."""
        connect = self._connect_timeout if connect is None else connect
        site = reader.site
        return Exchange(
            site.request(endpoint.path, params, None, connect=connect, total=total),
            reader.read,
            self._features,
            base_url=site.base_url,
            chargeable=False,
            key=None,
            retries=self._retries,
        )


def _span(options: Mapping[str, Any], name: str, otherwise: float) -> float:
    given = options.get(name)
    return otherwise if given is None else parameters.seconds(name, given)


def _check_options(options: Mapping[str, Any], endpoint: wire.Endpoint) -> None:
    unknown = options.keys() - _OPTIONS
    if unknown or ("idempotency_key" in options and not endpoint.chargeable):
        name = min(unknown, default="idempotency_key")
        raise TypeError(f"got an unexpected keyword argument {name!r}")


_OPTIONS = frozenset({"app_id", "access_token", "timeout", "connect_timeout", "idempotency_key"})


class Reader(Generic[R]):
    """Makes an answer of what came from a site, that can ask on there."""

    __slots__ = ("_kind", "_origin", "site")

    def __init__(
        self,
        kind: type[R],
        client: BaseClient[Any, Any, Any],
        site: Site,
        query: Query | None = None,
    ) -> None:
        self.site = site
        self._kind: type[R] = kind
        self._origin = Origin(client, site, query)

    def read(self, came: HttpResponse | str) -> R:
        """The answer in a whole response, or in an event of a stream."""
        return parse(self._kind, came, who=self.site.who, origin=self._origin)


class Client(BaseClient[Response, Response, Generator[Response]]):
    """Speaks to one service. Safe to share between threads and, with httpx2, across a fork.

    What is not given is taken from ``HOIIO_APP_ID``, ``HOIIO_ACCESS_TOKEN`` and ``HOIIO_BASE_URL``
    when a request is made; an ``app_id`` is never sent with the token of another one.
    ``prefix`` (``'65'`` or ``'+65'``) is put before numbers without a plus.
    ``method="GET"`` puts all parameters into the URL, the access token too, where logs may keep it.

    Times are in seconds: ``connect_timeout`` to reach the service, ``timeout`` for everything,
    ``retries`` included. With ``raise_errors`` an error of the API is raised as ``APIError``.
    ``transport`` names the HTTP library, or is one's own.

    Raises ``InvalidArgument`` for settings that are none, ``NotConfigured`` for credentials or a
    ``base_url`` that are none.
    """

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
        retries: int = RETRIES,
        raise_errors: bool = False,
        transport: Transport | Library = "httpx2",
    ) -> None:
        super().__init__(
            app_id,
            access_token,
            base_url=base_url,
            prefix=prefix,
            method=method,
            connect_timeout=connect_timeout,
            timeout=timeout,
            retries=retries,
            raise_errors=raise_errors,
        )
        self._transport = Loaded(transport, load)

    def send(
        self,
        endpoint: wire.Endpoint,
        params: Mapping[str, Value],
        **options: Unpack[ChargeableOptions],
    ) -> Response:
        """Make one request of any endpoint, with parameters that are taken as they are.

        A read that fails, or is refused for its rate, is made again within the time-out; a
        chargeable request only if it never left or the service honours its idempotency key.
        """
        exchange = self._exchange(Response, endpoint, params, options)
        transport = self._transport.now or self._transport()
        return run(transport, exchange, strict=self._raise_errors)

    def history(self, query: Query, **options: Unpack[Options]) -> Response:
        """A page of history; what :meth:`Voice.history` asks for."""
        exchange = self._page(Response, query, self.site(options), options)
        return run(self._transport(), exchange, strict=self._raise_errors)

    def wait(self, txn_ref: str, until: Until, timeout: float | None, site: Site) -> Response:
        """What :meth:`Voice.wait` asks for."""
        from hoiio import listener, watching  # noqa: PLC0415 - loaded at use

        steps = watching.wait(self._watching(Response, txn_ref, timeout, site), until)
        return listener.wait(self._transport(), steps, strict=self._raise_errors)

    def watch(self, txn_ref: str, timeout: float | None, site: Site) -> Generator[Response]:
        """What :meth:`Voice.watch` asks for."""
        from hoiio import listener  # noqa: PLC0415 - loaded at use

        steps = self._watching(Response, txn_ref, timeout, site)
        return listener.watch(self._transport(), steps, strict=self._raise_errors)

    def entries(self, first: Response, query: Query, site: Site) -> Generator[Response]:
        """What :meth:`Response.all` asks for."""
        from hoiio import walker  # noqa: PLC0415 - loaded at use

        return walker.walk(self._transport(), self._pages(Response, first, query, site))

    def from_environment(self) -> Client:
        """One like it, whose credentials and place are the environment's."""
        client = Client(
            prefix=self.prefix,
            method=self._method,
            connect_timeout=self._connect_timeout,
            timeout=self._timeout,
            retries=self._retries,
            raise_errors=self._raise_errors,
        )
        client.take_over(self)
        return client

    def take_over(self, former: Client, *, connections: bool = True) -> None:
        """Use what another client has learnt of the services, and its connections, as well."""
        if connections:
            self._transport = former._transport
        self._features = former._features
        self._pollers = former._pollers

    def make_way_for(self, client: Client) -> None:
        """Close its connections, unless they are the other client's, too."""
        if self._transport.now is not client._transport.now:
            self.close()

    def close(self) -> None:
        """Close its connections; a later request opens new ones."""
        if self._transport.now is not None:
            self._transport.now.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient(
    BaseClient[Coroutine[Any, Any, AsyncResponse], AsyncHistory, AsyncGenerator[AsyncResponse]]
):
    """Speaks to one service. Safe to share between tasks of one event loop, asyncio's or trio's.

    What is not given is taken from ``HOIIO_APP_ID``, ``HOIIO_ACCESS_TOKEN`` and ``HOIIO_BASE_URL``
    when a request is made; an ``app_id`` is never sent with the token of another one.
    ``prefix`` (``'65'`` or ``'+65'``) is put before numbers without a plus.
    ``method="GET"`` puts all parameters into the URL, the access token too, where logs may keep it.

    Times are in seconds: ``connect_timeout`` to reach the service, ``timeout`` for everything,
    ``retries`` included. With ``raise_errors`` an error of the API is raised as ``APIError``.
    ``transport`` names the HTTP library, or is one's own.

    Raises ``InvalidArgument`` for settings that are none, ``NotConfigured`` for credentials or a
    ``base_url`` that are none.
    """

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
        retries: int = RETRIES,
        raise_errors: bool = False,
        transport: AsyncTransport | Library = "httpx2",
    ) -> None:
        super().__init__(
            app_id,
            access_token,
            base_url=base_url,
            prefix=prefix,
            method=method,
            connect_timeout=connect_timeout,
            timeout=timeout,
            retries=retries,
            raise_errors=raise_errors,
        )
        self._transport = Loaded(transport, load_async)

    def send(
        self,
        endpoint: wire.Endpoint,
        params: Mapping[str, Value],
        **options: Unpack[ChargeableOptions],
    ) -> Coroutine[Any, Any, AsyncResponse]:
        """Make one request of any endpoint, with parameters that are taken as they are.

        A read that fails, or is refused for its rate, is made again within the time-out; a
        chargeable request only if it never left or the service honours its idempotency key.
        """
        exchange = self._exchange(AsyncResponse, endpoint, params, options)
        transport = self._transport.now or self._transport()
        return run_async(transport, exchange, strict=self._raise_errors)

    def history(self, query: Query, **options: Unpack[Options]) -> AsyncHistory:
        """A page of history; what :meth:`Voice.history` asks for."""
        return AsyncHistory(self, query, {**options})

    def page(
        self, query: Query, *, walking: bool = False, **options: Unpack[Options]
    ) -> Coroutine[Any, Any, AsyncResponse]:
        """What awaiting an :class:`AsyncHistory` asks for; who walks on from it takes an error."""
        exchange = self._page(AsyncResponse, query, self.site(options), options)
        strict = self._raise_errors and not walking
        return run_async(self._transport(), exchange, strict=strict)

    def wait(
        self, txn_ref: str, until: Until, timeout: float | None, site: Site
    ) -> Coroutine[Any, Any, AsyncResponse]:
        """What :meth:`Voice.wait` asks for."""
        from hoiio import listener, watching  # noqa: PLC0415 - loaded at use

        steps = watching.wait(self._watching(AsyncResponse, txn_ref, timeout, site), until)
        return listener.wait_async(self._transport(), steps, strict=self._raise_errors)

    def watch(
        self, txn_ref: str, timeout: float | None, site: Site
    ) -> AsyncGenerator[AsyncResponse]:
        """What :meth:`Voice.watch` asks for."""
        from hoiio import listener  # noqa: PLC0415 - loaded at use

        steps = self._watching(AsyncResponse, txn_ref, timeout, site)
        return listener.watch_async(self._transport(), steps, strict=self._raise_errors)

    def entries(
        self, first: AsyncResponse, query: Query, site: Site
    ) -> AsyncGenerator[AsyncResponse]:
        """What :meth:`AsyncResponse.all` asks for."""
        from hoiio import walker  # noqa: PLC0415 - loaded at use

        transport = self._transport()
        steps = self._pages(AsyncResponse, first, query, site)
        return walker.walk_async(lambda page: run_async(transport, page), steps)

    async def close(self) -> None:
        """Close its connections; a later request opens new ones."""
        if self._transport.now is not None:
            closing = self._transport.now.close()
            # What a transport of one's own should have given costs nobody the answers they have.
            if hasattr(closing, "__await__"):
                await closing

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
