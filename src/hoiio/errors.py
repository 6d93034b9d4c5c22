"""What the client raises, and when.

An error of the API is no exception by itself: it is a ``Response`` that says so. It becomes an
:class:`APIError` on request, with ``raise_errors=True`` or :meth:`hoiio.Response.raise_for_error`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoiio.wire import Status

if TYPE_CHECKING:
    from hoiio.answer import Answer

MAYBE_PLACED: Final = (
    "the call may have been placed: look at history() before calling again, or call again with the "
    "same idempotency_key where the service honours it"
)
UNREACHED: Final = "see that the service runs, and that base_url is right"
EXCERPT: Final = 200
"""How many characters of what a service made up an exception's message has."""
HIDDEN: Final = "[hidden]"
"""What stands where a secret was."""


class HoiioException(Exception):
    """The base of everything this package raises on purpose."""

    maybe_sent: bool = False
    """Whether the service may have acted on the request although no answer says so: a call may
    have been placed. Look at ``history()`` before calling again, or call again with the same
    ``idempotency_key``."""
    idempotency_key: str | None = None
    """The key that a chargeable request went out with."""
    advice: str = ""
    """What to do, where the exception's kind alone does not tell."""

    def __reduce__(self) -> tuple[object, ...]:
        # So that it comes whole out of another process, whatever its own __init__ takes.
        return _again, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        words = super().__str__()
        return f"{words}; {self.advice}" if self.advice else words


def _again(
    kind: type[HoiioException], args: tuple[object, ...], state: dict[str, object]
) -> HoiioException:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class NotConfigured(HoiioException):
    """No credentials, a base URL that is none, a library that is not there: the message helps.

    With ``maybe_sent`` a transport of one's own has sent a request, and gave what is no response.
    """


class InvalidArgument(HoiioException, ValueError):
    """A parameter of the wrong type or of an impossible value; nothing was sent.

    ``name`` is the parameter's; the message has an example of a right one.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class ConnectionFailed(HoiioException):
    """The service was not reached, or the connection broke before its answer was read."""

    def __init__(self, message: str, *, maybe_sent: bool) -> None:
        super().__init__(message)
        self.maybe_sent = maybe_sent
        if not maybe_sent:
            self.advice = UNREACHED


class TimedOut(ConnectionFailed):
    """No connection, or no answer, in time. ``maybe_sent`` tells the two apart."""


class WaitTimedOut(HoiioException, TimeoutError):
    """A call did not come as far as was waited for; ``last`` is how it was."""

    def __init__(self, message: str, last: Answer) -> None:
        super().__init__(message)
        self.last = last


class InvalidResponse(HoiioException):
    """What came back is no answer of the API: HTML, cut-off JSON, fields of the wrong shape.

    ``http_status`` is the HTTP status code, None where there was none; ``excerpt`` the first 200
    characters of the body, without the access token.
    """

    maybe_sent = True
    advice = "check the base URL, and what stands between"

    def __init__(self, why: str, text: str, http_status: int | None = None) -> None:
        self.why = why
        self.http_status = http_status
        self.excerpt = text[:EXCERPT]
        prefix = "" if http_status is None else f"HTTP {http_status}, "
        super().__init__(f"{prefix}not an answer of the API ({why}): {self.excerpt!r}")


class APIError(HoiioException):
    """The API refused. ``status`` is the error, ``response`` the whole answer.

    Nothing was placed, unless perhaps with a ``ServerError``. It is one of the subclasses where the
    status is known; a status that is not comes as this class.
    """

    def __init__(self, status: str, response: Answer) -> None:
        from hoiio.meanings import meaning  # noqa: PLC0415 - only errors need words

        quoted = _quoted(status)
        words = meaning(status) if quoted == status else ""
        super().__init__(f"{quoted}: {words}" if words else quoted)
        self.status = status
        self.response = response


def _quoted(status: str) -> str:
    """A status as it came, if that is a short line; whoever answered may have written anything."""
    start = status if len(status) <= EXCERPT else f"{status[:EXCERPT]}…"
    return "".join(char if char.isprintable() else "\ufffd" for char in start)


class InvalidCredentials(APIError):
    """The application or its access token is wrong, expired or revoked."""


class InvalidParameter(APIError):
    """A parameter is missing, malformed, or names what does not exist."""


class InsufficientCredit(APIError):
    """The credit does not pay for the first minute, or a ceiling on spending is reached."""


class RateLimited(APIError):
    """Too many requests in a minute, or too many calls at a time.

    ``retry_after`` are the seconds after which to try again, None when the service did not say.
    """

    @property
    def retry_after(self) -> int | None:
        """Seconds."""
        return self.response.retry_after


class NotAllowed(APIError):
    """The number cannot be called from this account."""


class ServerError(APIError):
    """The service failed, and may have acted before it did, or takes no calls now."""


class InvalidNotification(HoiioException):
    """What came in is no notification of the service; answer 400 and record nothing."""


class InvalidSignature(InvalidNotification):
    """Nobody who holds the secret sent this, or not now; answer 400 and record nothing."""


_FAMILIES: Final[dict[str, type[APIError]]] = {
    Status.INVALID_ACCESS_TOKEN: InvalidCredentials,
    Status.INVALID_APP_ID: InvalidCredentials,
    Status.INSUFFICIENT_CREDIT: InsufficientCredit,
    Status.RATE_LIMIT_EXCEEDED: RateLimited,
    Status.CONCURRENT_CALL_LIMIT_REACHED: RateLimited,
    Status.NOT_ALLOWED_FOR_TRIAL: NotAllowed,
    Status.DEST1_NOT_SUPPORTED: NotAllowed,
    Status.DEST2_NOT_SUPPORTED: NotAllowed,
    Status.DEST_NOT_SUPPORTED: NotAllowed,
    Status.INTERNAL_SERVER_ERROR: ServerError,
    Status.SERVICE_NOT_AVAILABLE: ServerError,
}


def api_error(response: Answer) -> APIError:
    """The exception that a refusal becomes."""
    status = response.status
    family = _FAMILIES.get(status)
    if family is None:
        known = status in set(Status) or status.endswith("_param_missing")
        family = InvalidParameter if known else APIError
    error = family(status, response)
    error.idempotency_key = response.idempotency_key
    if response.idempotency_key is not None and status == Status.INTERNAL_SERVER_ERROR:
        # It says that the service failed, not when: a call may have been placed before.
        error.maybe_sent, error.advice = True, MAYBE_PLACED
    return error
