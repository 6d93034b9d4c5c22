"""Every way to use a client: each transport, sync and async. One test body serves them all.

An async client is given the face of a sync one: whatever is awaited or iterated over runs in an
event loop of another thread, asyncio's or trio's.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable
from contextlib import contextmanager
from functools import partial

from anyio.from_thread import start_blocking_portal

from hoiio import AsyncClient, AsyncResponse, Client
from hoiio.transport.with_httpx2 import AsyncHttpx2Transport, Httpx2Transport
from hoiio.transport.with_pyreqwest import AsyncPyreqwestTransport, PyreqwestTransport


class Own:
    """A transport of one's own: it can do no more than the protocol asks for."""

    def __init__(self, inner=None):
        self.inner = inner or Httpx2Transport()
        self.sent = 0

    def send(self, request):
        self.sent += 1
        return self.inner.send(request)

    def close(self):
        self.inner.close()


class AsyncOwn:
    """The same in async."""

    def __init__(self, inner=None):
        self.inner = inner or AsyncHttpx2Transport()
        self.sent = 0

    async def send(self, request):
        self.sent += 1
        return await self.inner.send(request)

    async def close(self):
        await self.inner.close()


class Style:
    """A transport and a way to wait. ``client(…)`` makes a client that looks sync."""

    def __init__(self, library, loop=None, portal=None):
        self.library = library
        self.loop = loop
        self.portal = portal

    def transport(self, **options):
        """One of the library's, with its options."""
        made = {
            ("httpx2", False): Httpx2Transport,
            ("httpx2", True): AsyncHttpx2Transport,
            ("pyreqwest", False): PyreqwestTransport,
            ("pyreqwest", True): AsyncPyreqwestTransport,
            ("own", False): Own,
            ("own", True): AsyncOwn,
        }
        return made[self.library, self.loop is not None](**options)

    @contextmanager
    def client(self, app_id="id", access_token="s3cret/+", **settings):
        if "transport" not in settings:
            own = self.library == "own"
            settings["transport"] = self.transport() if own else self.library
        if self.portal is None:
            with Client(app_id, access_token, **settings) as client:
                yield client
            return
        client = AsyncClient(app_id, access_token, **settings)
        try:
            yield Blocking(self.portal, client)
        finally:
            self.portal.call(client.close)


class Blocking:
    """Something async that is used as if it were sync."""

    def __init__(self, portal, inner):
        vars(self).update(portal=portal, inner=inner)

    def __getattr__(self, name):
        return self._faced(getattr(self.inner, name))

    def __setattr__(self, name, value):
        setattr(self.inner, name, value)

    def __repr__(self):
        return repr(self.inner)

    def __call__(self, *args, **kwargs):
        return self._faced(self.inner(*args, **kwargs))

    def _faced(self, value):
        if hasattr(value, "all") and not isinstance(value, AsyncResponse):
            # A page of history that nobody awaited yet: it can be walked from as it is.
            return LazyPage(self.portal, value)
        if isinstance(value, Awaitable):
            return self._faced(self.portal.call(partial(_awaited, value)))
        if isinstance(value, AsyncIterator):
            return self._iterated(value)
        ours = getattr(type(value), "__module__", "").startswith("hoiio")
        if inspect.ismethod(value) or (ours and hasattr(value, "_client")):
            return Blocking(self.portal, value)
        return Blocking(self.portal, value) if isinstance(value, AsyncResponse) else value

    def _iterated(self, source):
        try:
            while True:
                try:
                    value = self.portal.call(source.__anext__)
                except StopAsyncIteration:
                    return
                yield self._faced(value)
        finally:
            self.portal.call(source.aclose)


class LazyPage(Blocking):
    """Awaited as soon as one looks at its fields."""

    def __getattr__(self, name):
        if name not in {"all", "to_csv"}:
            return getattr(self._faced(self.portal.call(partial(_awaited, self.inner))), name)
        return super().__getattr__(name)


async def _awaited(value):
    return await value


SYNC = [("httpx2", None), ("pyreqwest", None)]
ASYNC = [("httpx2", "asyncio"), ("httpx2", "trio"), ("pyreqwest", "asyncio")]
OWN = [("own", None), ("own", "asyncio"), ("own", "trio")]


def name(way):
    """How pytest shows one of the above."""
    library, loop = way
    return f"{library}-{loop or 'sync'}"


@contextmanager
def style(way):
    """A style, and the loop that it needs, while the block runs."""
    library, loop = way
    if loop is None:
        yield Style(library)
        return
    with start_blocking_portal(loop) as portal:
        yield Style(library, loop, portal)
