"""Following a call until it has ended: by a stream of events where there is one, else by asking.

No I/O: steps for the same drivers that make requests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Final, Generic, Literal, NamedTuple, TypeVar

from hoiio import wire
from hoiio.answer import Answer
from hoiio.errors import ConnectionFailed, InvalidResponse, TimedOut, WaitTimedOut
from hoiio.exchange import Exchange, Outcome, Pollers, Sleep, chance, pause_asked
from hoiio.transport import HttpRequest, Opened

R = TypeVar("R", bound=Answer)

Until = Literal["answered", "ended"]

OUTAGES: Final = 30
"""How often in a row a look may fail: a minute and more, in which a service is started anew."""
POLL: Final = 2.0
"""Seconds between two looks: half of what a service allows an application a minute. All calls that
one client follows share it."""
LAST_LOOK: Final = 1.0
"""Seconds that one look may take at least, the one at the deadline too."""
EVENT_MAX: Final = 64 * 1024
"""Bytes; one is a few hundred long."""
STREAM_TOTAL: Final = 3600.0
"""Seconds after which a stream is opened anew."""
STREAM_AGAIN: Final = 60.0
"""Seconds of asking after a stream that was refused, or broke and had brought nothing new."""


class Tell(NamedTuple, Generic[R]):
    """Hand a change to whoever watches."""

    answer: R


class Open(NamedTuple):
    """Open a stream. The outcome is how it began, None where there can be none, or an error."""

    request: HttpRequest


class Read(NamedTuple):
    """Read on in the stream. The outcome is bytes, none at its end, or a ``HoiioException``."""


class Close(NamedTuple):
    """Close the stream, if one was opened. The outcome is None."""


Step = HttpRequest | Sleep | Open | Read | Close
Watching = Generator[Step | Tell[R], Outcome, None]


class Call(NamedTuple, Generic[R]):
    """A call to be followed.

    ``ask`` gives the request of one look at it, which may take so many seconds. ``stream`` gives
    the request of its stream for so many seconds, or None where there is none; ``read`` makes an
    answer of one event.
    """

    ref: str
    ask: Callable[[float], Exchange[R]]
    stream: Callable[[float], HttpRequest | None]
    read: Callable[[str], R]


def watch(
    call: Call[R],
    timeout: float | None,
    pollers: Pollers,
    *,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = chance,
) -> Watching[R]:
    """Tell how a call is, and again at each change, until it has ended.

    A refusal is told and is the end. A service that cannot be asked for a while is asked again,
    ``OUTAGES`` times in a row once it has answered. Raises ``WaitTimedOut`` after ``timeout``
    seconds, and what a request raises.
    """
    deadline = None if timeout is None else clock() + timeout
    last: R | None = None
    listen_from, listened, misses = clock(), False, _Misses()
    pollers.count += 1
    try:
        while True:
            answer = yield from _look(call, deadline, clock, last, misses)
            limited = answer.status == wire.Status.RATE_LIMIT_EXCEEDED
            if not limited:
                if last is None or answer.json != last.json:
                    yield Tell(answer)
                last = answer
                if not answer.is_success() or not answer.is_live():
                    return
                listened = False
                if clock() >= listen_from:
                    pollers.count -= 1
                    try:
                        last = yield from _listen(call, deadline, clock, answer)
                    finally:
                        pollers.count += 1
                    if not last.is_live():
                        return
                    listened = last is not answer
                    # A stream that brought nothing new is not asked for again at once.
                    listen_from = clock() + (0 if listened else STREAM_AGAIN)
            # After a stream that was of use one look is due soon, and another stream.
            others = 1 if listened else max(1, pollers.count)
            pause = POLL * others * (0.75 + chance() / 2)
            if limited:
                pause = pause_asked(answer)
            left = _left(deadline, clock, pause)
            if left > 0:
                yield Sleep(left)
            elif last is not None:
                raise WaitTimedOut(f"{call.ref} is still up; the time to wait is over", last)
            else:
                raise WaitTimedOut(f"no word of {call.ref}; the time to wait is over", answer)
    finally:
        pollers.count -= 1


class _Misses:
    """How many looks in a row have failed."""

    def __init__(self) -> None:
        self.count = 0

    def too_many(self) -> bool:
        """Count one more."""
        self.count += 1
        return self.count > OUTAGES


def _look(
    call: Call[R],
    deadline: float | None,
    clock: Callable[[], float],
    last: R | None,
    misses: _Misses,
) -> Generator[Step, Outcome, R]:
    """Ask once, not much past the deadline; a look that fails brings no news of a known call."""
    try:
        look = call.ask(max(_left(deadline, clock, float("inf")), LAST_LOOK))
        answer = _told_of(call.ref, (yield from look.steps()))
    except (ConnectionFailed, InvalidResponse) as error:
        if last is None:
            raise
        if isinstance(error, TimedOut) and _left(deadline, clock, 1) <= 0:
            raise WaitTimedOut(f"{call.ref} is still up; the time to wait is over", last) from None
        if misses.too_many():
            raise
        return last
    unwell = answer.status == wire.Status.INTERNAL_SERVER_ERROR
    if unwell and last is not None and not misses.too_many():
        return last
    if not unwell:
        misses.count = 0
    return answer


def _told_of(ref: str, answer: R) -> R:
    """The answer, if it is a refusal or tells how this call is; else ``InvalidResponse``.

    A call that is not said to be up has ended, so what says nothing must not be taken for that.
    """
    if not answer.is_success():
        return answer
    if answer.txn_ref and answer.txn_ref != ref:
        why = f"it tells of another call than {ref}"
    elif not (answer.call_status_dest1 or answer.call_status_dest2 or answer.duration is not None):
        why = f"it does not tell how {ref} is: it has no call_status_dest1"
    else:
        return answer
    raise InvalidResponse(why, "", None if answer.response is None else answer.response.status_code)


def _left(deadline: float | None, clock: Callable[[], float], at_most: float) -> float:
    return at_most if deadline is None else min(at_most, deadline - clock())


def _listen(
    call: Call[R], deadline: float | None, clock: Callable[[], float], known: R
) -> Generator[Step | Tell[R], Outcome, R]:
    """Tell the changes of a stream as long as it lasts; returns the last that is known."""
    request = call.stream(_left(deadline, clock, STREAM_TOTAL))
    if request is None:
        return known
    opened = yield Open(request)
    if isinstance(opened, Opened) and "event-stream" in opened.content_type:
        known = yield from _changes(call, known)
    yield Close()
    return known


def _changes(call: Call[R], known: R) -> Generator[Step | Tell[R], Outcome, R]:
    """Tell what an open stream tells, until it ends or breaks."""
    events = Events()
    while True:
        piece = yield Read()
        if not isinstance(piece, bytes) or not piece:
            return known
        found = events.feed(piece)
        if events.pending > EVENT_MAX:
            return known
        for data in found:
            try:
                answer = _told_of(call.ref, call.read(data))
            except InvalidResponse:
                return known
            if answer.json != known.json:
                known = answer
                yield Tell(answer)
            if not answer.is_live():
                return answer


def wait(watching: Watching[R], until: Until) -> Generator[Step, Outcome, R]:
    """Go on until the call is answered, or has ended; returns the answer that says so."""
    outcome: Outcome = None
    while True:
        step = watching.send(outcome)
        if not isinstance(step, Tell):
            outcome = yield step
            continue
        outcome = None
        answer: R = step.answer
        over = not answer.is_success() or not answer.is_live()
        if over or (until == "answered" and answer.is_answered()):
            watching.close()
            return answer


class Events:
    """Reads the data of server-sent events, whatever pieces they come in (WHATWG HTML, 9.2)."""

    def __init__(self) -> None:
        self._rest = b""
        self._returned = False
        self._data: list[str] = []

    @property
    def pending(self) -> int:
        """Bytes and characters of an event that is not complete yet."""
        return len(self._rest) + sum(map(len, self._data))

    def feed(self, piece: bytes) -> list[str]:
        """The events that are complete with this piece."""
        if not piece:
            return []
        if self._returned and piece.startswith(b"\n"):
            piece = piece[1:]
        self._returned = piece.endswith(b"\r")
        piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._rest = (self._rest + piece).split(b"\n")
        found: list[str] = []
        for raw in lines:
            line = raw.decode("utf-8", "replace")
            name, _, value = line.partition(":")
            if name == "data":
                self._data.append(value.removeprefix(" "))
            elif not line and self._data:
                found.append("\n".join(self._data))
                self._data = []
        return found
