"""One HTTP exchange: within its time, without redirects, its failures told apart.

The HTTP library is loaded at the first request, so that importing the package stays quick.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from hoiio.errors import ConnectionFailed, InvalidResponse, NotConfigured, TimedOut

if TYPE_CHECKING:
    import httpx2

Method = Literal["POST", "GET"]

CONNECT_TIMEOUT: Final = 5.0
TOTAL_TIMEOUT: Final = 30.0
ANSWER_MAX: Final = 8 * 1024 * 1024
"""Bytes; a full page of history is some 40 KiB."""

# Servers commonly drop an idle connection after 5 s; a request must not race with that.
_KEEPALIVE: Final = 4.0


class Transport:
    """A pool of connections, safe to share between threads and across a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._http: httpx2.Client | None = None
        self._pid = 0

    def send(
        self,
        method: Method,
        url: str,
        form: Mapping[str, str],
        *,
        connect: float = CONNECT_TIMEOUT,
        total: float = TOTAL_TIMEOUT,
    ) -> httpx2.Response:
        """Send a form and read the whole answer; times in seconds.

        Raises ``TimedOut``; ``ConnectionFailed``; ``InvalidResponse`` for a body too large or not
        encoded as it says; ``NotConfigured`` for a URL that names no host.
        """
        import httpx2  # noqa: PLC0415 - loaded at first use

        place = urlsplit(url).netloc.rpartition("@")[2]
        try:
            return self._exchange(method, url, form, connect, total)
        except (httpx2.ConnectTimeout, httpx2.PoolTimeout):
            raise TimedOut(f"no connection to {place} in time", maybe_sent=False) from None
        except httpx2.TimeoutException:
            message = f"no answer from {place} in time; it may have got the request"
            raise TimedOut(message, maybe_sent=True) from None
        except (httpx2.ConnectError, httpx2.ProxyError) as error:
            raise ConnectionFailed(f"cannot reach {place}: {error}", maybe_sent=False) from None
        except httpx2.InvalidURL as error:
            raise NotConfigured(f"the base URL cannot be used: {error}") from None
        except httpx2.DecodingError:
            raise InvalidResponse("its encoding is broken", "") from None
        except httpx2.TransportError as error:
            message = f"the connection to {place} broke: {error}"
            raise ConnectionFailed(message, maybe_sent=True) from None

    def close(self) -> None:
        """Close all connections; a later request opens new ones."""
        with self._lock:
            http, self._http = self._http, None
        if http is not None:
            http.close()

    def _exchange(
        self, method: Method, url: str, form: Mapping[str, str], connect: float, total: float
    ) -> httpx2.Response:
        deadline = time.monotonic() + total
        timeout = (min(connect, total), total, total, min(connect, total))
        http = self._client()
        if method == "GET":
            request = http.build_request("GET", url, params=form, timeout=timeout)
        else:
            request = http.build_request("POST", url, data=form, timeout=timeout)
        response = http.send(request, stream=True)
        try:
            _read(response, deadline)
        finally:
            response.close()
        return response

    def _client(self) -> httpx2.Client:
        import httpx2  # noqa: PLC0415 - loaded at first use

        with self._lock:
            # A forked child must not speak on its parent's connections.
            if self._http is None or self._pid != os.getpid():
                limits = httpx2.Limits(keepalive_expiry=_KEEPALIVE)
                self._http, self._pid = httpx2.Client(limits=limits), os.getpid()
            return self._http


def _read(response: httpx2.Response, deadline: float) -> None:
    """Read the body into the response, no longer than the deadline and no more than the limit."""
    import httpx2  # noqa: PLC0415 - loaded at first use

    class Bounded(httpx2.SyncByteStream):
        def __init__(self, inner: httpx2.SyncByteStream) -> None:
            self.inner = inner

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for chunk in self.inner:
                size += len(chunk)
                if size > ANSWER_MAX:
                    raise InvalidResponse("too large", "", response.status_code)
                if time.monotonic() > deadline:
                    raise httpx2.ReadTimeout("the body came too slowly")
                yield chunk

        def close(self) -> None:
            self.inner.close()

    stream = response.stream
    if isinstance(stream, httpx2.SyncByteStream):
        response.stream = Bounded(stream)
    response.read()
