"""What the client raises.

An error of the API is no exception: it is a ``Response`` that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hoiio.response import Response

EXCERPT: Final = 200
"""How many characters of an unreadable answer an exception carries."""


class HoiioException(Exception):
    """The base of everything this package raises on purpose."""


class NotConfigured(HoiioException):
    """No credentials, or a base URL that is none; the message says how to set them."""


class ConnectionFailed(HoiioException):
    """The service was not reached, or the connection broke before its answer was read.

    ``maybe_sent`` is True when the service may have received the request: a call may then have been
    placed although nothing came back. Ask ``history`` before calling again.
    """

    def __init__(self, message: str, *, maybe_sent: bool) -> None:
        super().__init__(message)
        self.maybe_sent = maybe_sent


class TimedOut(ConnectionFailed):
    """No connection, or no answer, in time. ``maybe_sent`` tells the two apart."""


class InvalidResponse(HoiioException):
    """What came back is no answer of the API: HTML, cut-off JSON, fields of the wrong shape.

    ``http_status`` is the HTTP status code, None where there was none; ``excerpt`` the first 200
    characters of the body, without the access token.
    """

    def __init__(self, why: str, text: str, http_status: int | None = None) -> None:
        self.http_status = http_status
        self.excerpt = text[:EXCERPT]
        prefix = "" if http_status is None else f"HTTP {http_status}, "
        super().__init__(f"{prefix}not an answer of the API ({why}): {self.excerpt!r}")


class RequestRefused(HoiioException):
    """The API refused. Raised only by :meth:`hoiio.Response.raise_for_status`."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response
