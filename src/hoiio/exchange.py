"""What one request of the API takes: sending, reading, and when to send again. No I/O.

The steps are a generator that is told what came of each, so that the rules stand once, for sync and
async: a driver performs ``Send`` and ``Sleep`` and hands back a response or the exception raised.

Whether to send again is a question of money. A chargeable request that may have arrived is repeated
only when the service is known to honour its idempotency key (api, client rule 6).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from hoiio import wire
from hoiio.answer import Answer, retry_after
from hoiio.errors import MAYBE_PLACED, ConnectionFailed, HoiioException, InvalidResponse
from hoiio.transport import HttpRequest, HttpResponse, Opened

if TYPE_CHECKING:
    from hoiio.request import Target

R = TypeVar("R", bound=Answer)
T = TypeVar("T")


class Send(NamedTuple):
    """Make one exchange of HTTP. The outcome is a response or a ``HoiioException``."""

    request: HttpRequest


class Sleep(NamedTuple):
    """Wait. The outcome is None."""

    seconds: float


Outcome = HttpResponse | Opened | bytes | HoiioException | None
"""What came of a step."""
Exchange = Generator[Send | Sleep, Outcome, T]
"""Steps that lead to a ``T``."""


def chance() -> float:
    """A number from 0 up to 1; the module for it would cost more to load than all of this one."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


BACKOFF: Final = 0.5
BACKOFF_MAX: Final = 8.0
"""Seconds."""

_UNWELL: Final = frozenset({500, 502, 503, 504})
"""HTTP statuses that say nothing of the request, only that a server was not well."""
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
        self._of: dict[str, frozenset[str]] = {}
        self._headers: dict[str, frozenset[str]] = {}

    def of(self, base_url: str) -> frozenset[str]:
        """By the newest answer; empty before the first."""
        return self._of.get(base_url, frozenset())

    def learn(self, base_url: str, header: str) -> None:
        """Take note of an answer's ``Hoiio-Features``."""
        known = self._headers.get(header)
        if known is None:
            known = frozenset(name.strip() for name in header.split(","))
            if len(self._headers) < _HEADERS_MAX:
                self._headers[header] = known
        self._of[base_url] = known


_HEADERS_MAX: Final = 16


class Order(NamedTuple):
    """One request as it was asked for, the same each time it is sent. Times are in seconds."""

    target: Target
    base_url: str
    chargeable: bool
    key: str | None
    connect: float
    total: float
    retries: int


def exchange(
    order: Order,
    read: Callable[[HttpResponse], R],
    features: Features,
    *,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = chance,
) -> Exchange[R]:
    """The steps from a request to its answer, which ``read`` makes of a response.

    Raises what the last attempt raised; its ``maybe_sent`` counts all attempts. A refusal that says
    nothing of an attempt before it, which may have placed a call, is not returned for one: then
    that attempt's exception is raised.
    """
    deadline = clock() + order.total
    failures, lost = 0, None
    left = order.total
    while True:
        outcome = yield Send(HttpRequest(*order.target, min(order.connect, left), left))
        result = _read(outcome, read)
        # A page of a proxy's in between says nothing of the service.
        if isinstance(outcome, HttpResponse) and isinstance(result, Answer):
            features.learn(order.base_url, outcome.headers.get(wire.FEATURES_HEADER, ""))
        if isinstance(result, HoiioException):
            lost = result if result.maybe_sent else lost
        else:
            result.idempotency_key = order.key
            # After an attempt that may have placed a call, a refusal must know of that one.
            heard = lost is None or not order.chargeable or result.status in _AFTER_THE_KEY
            if _is_final(result) and heard:
                return result
        safe = not order.chargeable or wire.IDEMPOTENCY in features.of(order.base_url)
        pause: float | None = None
        if isinstance(outcome, HttpResponse):
            # No seconds are no pause, and a service that is not well must not be hammered.
            pause = retry_after(outcome) or None
        if pause is None:
            failures += 1
            pause = _backoff(failures, chance())
        if not _may_repeat(result, safe=safe) or failures > order.retries:
            break
        if clock() + pause >= deadline:
            break
        yield Sleep(pause)
        left = max(deadline - clock(), _SHORTEST)
    if not isinstance(result, HoiioException):
        if lost is None or not order.chargeable:
            return result
        result = lost
    result.maybe_sent = lost is not None
    result.idempotency_key = order.key
    if lost is not None and order.chargeable:
        result.advice = MAYBE_PLACED
    raise result


PATIENCE: Final = 5.0
"""Seconds to wait when a service refuses for the rate and does not say how long."""
PATIENCE_MAX: Final = 300.0
"""Seconds; a service that asks for more is asked again sooner."""


def pause_asked(answer: Answer) -> float:
    """Seconds to wait after a refusal for the rate: as the service says, within reason."""
    return min(answer.retry_after or PATIENCE, PATIENCE_MAX)


def _read(outcome: Outcome, read: Callable[[HttpResponse], R]) -> R | HoiioException:
    """What an attempt came to; an answer that cannot be read is an error like any other."""
    if isinstance(outcome, HttpResponse):
        try:
            return read(outcome)
        except InvalidResponse as error:
            return error
    if isinstance(outcome, HoiioException):
        return outcome
    raise TypeError("a Send has a response or an exception as its outcome")


def _is_final(answer: Answer) -> bool:
    """Whether nothing would be different another time."""
    if answer.is_success():
        return True
    if answer.status == _LIMITED:
        return False
    return answer.response is None or answer.response.status_code not in _UNWELL


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
    longest = min(BACKOFF * 2.0 ** (failures - 1), BACKOFF_MAX)
    return longest * (0.5 + chance / 2)
