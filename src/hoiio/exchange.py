"""What one request of the API takes: sending, reading, and when to send again. No I/O.

An exchange says what to send, is told what came of it, and says what to do then, so that the rules
stand once, for sync and async: a driver sends, sleeps, and hands back what it got.

Whether to send again is a question of money. A chargeable request that may have arrived is repeated
only when the service is known to honour its idempotency key (api, client rule 6).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from typing import Final, Generic, NamedTuple, TypeVar, cast

from hoiio import wire
from hoiio.answer import Answer, retry_after
from hoiio.errors import (
    MAYBE_PLACED,
    ConnectionFailed,
    HoiioException,
    InvalidResponse,
    NotConfigured,
)
from hoiio.transport import HttpRequest, HttpResponse, Opened

R = TypeVar("R", bound=Answer)


class Sleep(NamedTuple):
    """Wait before going on."""

    seconds: float


Outcome = HttpResponse | Opened | bytes | HoiioException | None
"""What came of a step: of a request a response, or the exception raised; of a wait None."""


def chance() -> float:
    """A number from 0 up to 1; the module for it would cost more to load than all of this one."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


BACKOFF: Final = 0.5
BACKOFF_MAX: Final = 8.0
"""Seconds."""

_UNWELL: Final = frozenset({500, 502, 503, 504})
"""HTTP statuses that say nothing of the request, only that a server was not well."""
_SUCCESS: Final = wire.Status.SUCCESS.value
_LIMITED: Final = wire.Status.RATE_LIMIT_EXCEEDED.value
_SHORTEST: Final = 0.001
_BEFORE_THE_KEY: Final = frozenset(
    {
        wire.Status.INVALID_HTTP_METHOD,
        wire.Status.MALFORMED_PARAMS,
        wire.Status.INVALID_APP_ID,
        wire.Status.INVALID_ACCESS_TOKEN,
        wire.Status.IDEMPOTENCY_KEY_INVALID,
        wire.Status.RATE_LIMIT_EXCEEDED,
        wire.Status.INTERNAL_SERVER_ERROR,
        wire.Status.NOT_FOUND,
        wire.Status.SERVICE_NOT_AVAILABLE,
    }
)
"""Refusals that are decided before the key is looked up, or may be (api rule 3)."""
_AFTER_THE_KEY: Final = frozenset(wire.Status) - _BEFORE_THE_KEY


class Features:
    """What the service at each base URL has said it can do; one for all of a client's requests."""

    def __init__(self) -> None:
        self.newest: dict[str, str] = {}
        """For each base URL the ``Hoiio-Features`` of its newest answer: few are ever looked at."""

    def of(self, base_url: str) -> frozenset[str]:
        """By the newest answer; empty before the first."""
        header = self.newest.get(base_url, "")
        # A transport of one's own may have given anything, and this is asked when a call is lost.
        if not isinstance(cast("object", header), str):
            return frozenset()
        return frozenset(name.strip() for name in header.split(",") if name)


class Pollers:
    """How many calls are being asked after at this time, by one client."""

    def __init__(self) -> None:
        self.count = 0


class Exchange(Generic[R]):
    """One request until its answer, however often it is sent; the same each time, key and all.

    ``request`` is sent first: :meth:`begin` gives it. :meth:`heard` takes what came of it.
    ``read`` makes an answer of a response. ``key`` is the idempotency key, if there is one.
    """

    __slots__ = (
        "_base_url",
        "_chance",
        "_chargeable",
        "_clock",
        "_deadline",
        "_failures",
        "_features",
        "_key",
        "_lost",
        "_read",
        "_request",
        "_retries",
    )

    def __init__(
        self,
        request: HttpRequest,
        read: Callable[[HttpResponse], R],
        features: Features,
        *,
        base_url: str,
        chargeable: bool,
        key: str | None,
        retries: int,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = chance,
    ) -> None:
        self._request = request
        self._read = read
        self._features = features
        self._base_url = base_url
        self._chargeable = chargeable
        self._key = key
        self._retries = retries
        self._clock = clock
        self._chance = chance
        self._failures = 0
        self._lost: HoiioException | None = None
        """The last attempt that may have arrived, and was not answered."""

    def begin(self) -> HttpRequest:
        """What to send first. The time for everything counts from here."""
        self._deadline = self._clock() + self._request.total
        return self._request

    def again(self) -> HttpRequest:
        """What to send after a pause, within the time that is left."""
        left = max(self._deadline - self._clock(), _SHORTEST)
        connect = min(self._request.connect, left)
        return self._request._replace(connect=connect, total=left)

    def heard(self, outcome: Outcome) -> R | Sleep:
        """The answer, if this is one; or a pause before sending again.

        Raises what the last attempt raised; its ``maybe_sent`` counts all attempts. A refusal that
        says nothing of an attempt before it, which may have placed a call, is not returned for one:
        then that attempt's exception is raised.
        """
        if not isinstance(outcome, HttpResponse):
            if not isinstance(outcome, HoiioException):
                outcome = _misshapen(outcome)
            return self._failed(outcome, None)
        # What a response of one's own lacks shows when it is used: to ask for it costs every one.
        try:
            answer = self._read(outcome)
            features = outcome.headers.get(wire.FEATURES_HEADER, "")
        except InvalidResponse as error:
            # A page of a proxy's in between says nothing of what the service can do.
            lacking = _lacking(outcome)
            return self._failed(error, outcome) if lacking is None else self._failed(lacking, None)
        except (AttributeError, TypeError):
            lacking = _lacking(outcome)
            if lacking is None:
                raise
            return self._failed(lacking, None)
        self._features.newest[self._base_url] = features
        if self._key is not None:
            answer.idempotency_key = self._key
        if answer.status == _SUCCESS:
            return answer
        # After an attempt that may have placed a call, a refusal must know of that one.
        silent = self._lost and self._chargeable and answer.status not in _AFTER_THE_KEY
        if not silent and not _may_pass(answer):
            return answer
        pause = self._pause(answer, outcome)
        if pause is not None:
            return pause
        if self._lost is None or not self._chargeable:
            return answer
        raise self._told(self._lost)

    def steps(self) -> Generator[HttpRequest | Sleep, Outcome, R]:
        """All of it as a part of others' steps."""
        request = self.begin()
        while True:
            result = self.heard((yield request))
            if not isinstance(result, Sleep):
                return result
            yield result
            request = self.again()

    def _failed(self, error: HoiioException, outcome: HttpResponse | None) -> Sleep:
        """After an attempt without an answer."""
        if error.maybe_sent:
            self._lost = error
        pause = self._pause(error, outcome)
        if pause is None:
            raise self._told(error)
        return pause

    def _pause(self, result: Answer | HoiioException, outcome: HttpResponse | None) -> Sleep | None:
        """How long to wait before sending again; None if it must not be sent again."""
        # No seconds are no pause, and a service that is not well must not be hammered.
        pause: float | None = None if outcome is None else retry_after(outcome) or None
        if pause is None:
            self._failures += 1
            pause = _backoff(self._failures, self._chance())
        keyed = self._key is not None and wire.IDEMPOTENCY in self._features.of(self._base_url)
        safe = keyed or not self._chargeable
        if not _may_repeat(result, safe=safe) or self._failures > self._retries:
            return None
        return Sleep(pause) if self._clock() + pause < self._deadline else None

    def _told(self, error: HoiioException) -> HoiioException:
        """The exception, with the truth about all attempts."""
        error.maybe_sent = self._lost is not None
        error.idempotency_key = self._key
        if self._lost is not None and self._chargeable:
            # Of a page that is no answer, what is wrong is worth knowing as well.
            also = error.advice if isinstance(error, InvalidResponse) else ""
            error.advice = f"{MAYBE_PLACED}; {also}" if also else MAYBE_PLACED
        return error


def _lacking(given: HttpResponse) -> NotConfigured | None:
    """What cannot be read of a response that a transport of one's own made; None for nothing."""
    content, headers = getattr(given, "content", None), getattr(given, "headers", None)
    if not hasattr(content, "decode"):
        return _misshapen(content, "response has a {} as content, not bytes")
    if not hasattr(headers, "get"):
        return _misshapen(headers, "response has a {} as headers, not a mapping")
    return None


def _misshapen(given: object, why: str = "send gave {}, not an HttpResponse") -> NotConfigured:
    """What a transport of one's own gives in place of something: the request may have arrived."""
    error = NotConfigured(f"the transport's {why.format(type(given).__name__)}")
    error.maybe_sent = True
    return error


PATIENCE: Final = 5.0
"""Seconds to wait when a service refuses for the rate and does not say how long."""
PATIENCE_MAX: Final = 300.0
"""Seconds; a service that asks for more is asked again sooner."""


def pause_asked(answer: Answer) -> float:
    """Seconds to wait after a refusal for the rate: as the service says, within reason."""
    return min(answer.retry_after or PATIENCE, PATIENCE_MAX)


def _may_pass(refusal: Answer) -> bool:
    """Whether it might be an answer another time."""
    if refusal.status == _LIMITED:
        return True
    return refusal.response is not None and refusal.response.status_code in _UNWELL


def _may_repeat(result: Answer | HoiioException, *, safe: bool) -> bool:
    """Whether the same request may be sent again; ``safe`` if twice is as good as once."""
    match result:
        case ConnectionFailed():
            return safe or not result.maybe_sent
        case InvalidResponse():
            return safe and result.http_status in _UNWELL
        case Answer():
            return safe
        case _:
            return False


def _backoff(failures: int, chance: float) -> float:
    """Seconds before another attempt: doubled each time, and never alike for two clients."""
    # Beyond so many it is the longest, and soon beyond what a float holds.
    longest = min(BACKOFF * 2.0 ** min(failures - 1, 30), BACKOFF_MAX)
    return longest * (0.5 + chance / 2)
