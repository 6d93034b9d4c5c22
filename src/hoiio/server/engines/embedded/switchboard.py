"""The legs of a child: carries out commands, keeps each leg's deadlines, reports what happens.

It does no I/O of its own: the SIP stack, the mixer, the clock and the pipe are handed in.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from baresip import BaresipError, Event

from hoiio.server.engines.clock import Clock
from hoiio.server.engines.embedded.far_end import Said
from hoiio.server.engines.embedded.leg import Leg
from hoiio.server.engines.embedded.line import Line, NativeLine
from hoiio.server.engines.embedded.mixing import Part
from hoiio.server.engines.embedded.outcome import read_close
from hoiio.server.engines.embedded.routing import Router, Target
from hoiio.server.engines.embedded.stack import CannotDial, Signal
from hoiio.server.engines.protocol import (
    Answered,
    Bridge,
    Cause,
    Command,
    Dial,
    Digit,
    EarlyMedia,
    Ended,
    EventSink,
    HangUp,
    Ringing,
    SetDeadline,
)

_log: Final = logging.getLogger("hoiio.engine")
_PRESS_SECONDS: Final = 0.1
_PAUSE_SECONDS: Final = 0.08
_RESOLVE_SECONDS: Final = 3.0
_TRANSACTION_SECONDS: Final = 33.0
"""By now the stack has given up on an INVITE that got no answer at all (RFC 3261, timer B); one
that is still there has had a 100 and can be cancelled."""
_HANG_UP_TRIES: Final = 3
_HANG_UP_AGAIN: Final = 0.1
_MEDIA_CHECK_SECONDS: Final = 1.0
_MEDIA_CHECKS: Final = 4
"""How often at least audio is looked for within a media time-out."""
_HOLD_TIMES: Final = 20
"""How many media time-outs a phone that put us on hold may say nothing at all."""

_ALIVE: Final = frozenset(
    {Said.TRYING, Event.CALL_RINGING, Event.CALL_PROGRESS, Event.CALL_ESTABLISHED}
)
"""Signals after which a call can be cancelled or hung up."""


class Stack(Protocol):
    """What the switchboard needs of the SIP stack; see ``stack.SipStack``."""

    async def dial(self, target: Target, address: str, caller_id: str | None) -> int:
        """Send an INVITE; the call's handle. Raises ``CannotDial``."""
        ...

    async def hang_up(self, call: int) -> None:
        """Send CANCEL or BYE."""
        ...

    async def press(self, call: int, digit: str) -> None:
        """Begin a key press."""
        ...

    async def let_go(self, call: int) -> None:
        """End the key press."""
        ...


class MixingDesk(Protocol):
    """What the switchboard needs of the mixer; see ``mixer.Mixer``."""

    tick: int

    def arrange(self, parts: dict[str, tuple[Part, Line]]) -> None:
        """Mix these legs from the next tick on."""
        ...


class Switchboard:
    """All legs of this process.

    ``media_timeout`` is in seconds; ``loopback`` refuses targets elsewhere, which a stack bound to
    this machine could not reach.
    """

    def __init__(
        self,
        stack: Stack,
        mixer: MixingDesk,
        clock: Clock,
        router: Router,
        report: EventSink,
        *,
        media_timeout: float,
        loopback: bool,
        give_up: Callable[[], None],
        open_line: Callable[[int], Line] = NativeLine,
    ) -> None:
        self._stack = stack
        self._mixer = mixer
        self._clock = clock
        self._router = router
        self._report = report
        self._media_timeout = media_timeout
        self._loopback = loopback
        self._give_up = give_up
        self._open_line = open_line
        self._legs: dict[str, Leg] = {}
        self._calls: dict[int, Leg] = {}
        self._silent: dict[int, asyncio.TimerHandle] = {}
        self._dialling = 0
        self._early_signals: list[Signal] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def legs(self) -> int:
        """How many legs are alive."""
        return len(self._legs)

    # --- commands -----------------------------------------------------------------------------

    def do(self, command: Command) -> None:
        """Carry out one command; one for an unknown or ended leg is ignored."""
        if isinstance(command, Dial):
            self._dial(command)
        elif (leg := self._legs.get(command.leg)) is None:
            return
        elif isinstance(command, HangUp):
            self._end(leg, Cause.HUNG_UP)
        elif isinstance(command, Bridge):
            self._bridge(leg, command)
        else:
            self._set_deadline(leg, command)

    @property
    def busy(self) -> bool:
        """Whether any call is alive, ended for the controller or not."""
        return bool(self._legs or self._silent)

    async def hang_up_all(self, grace: float) -> None:
        """End every leg; returns once each BYE and CANCEL is on its way.

        ``grace`` is how many seconds to wait for calls that could not be cancelled yet. The stack
        takes 30 ms for each leg, because it waits for the threads of its audio.
        """
        for leg in list(self._legs.values()):
            self._end(leg, Cause.HUNG_UP)
        until = self._loop.time() + grace
        while self._legs or (self._silent and self._loop.time() < until):  # noqa: ASYNC110 - once, at the exit
            await asyncio.sleep(0.01)

    def _dial(self, command: Dial) -> None:
        if command.leg in self._legs:
            return
        leg = self._legs[command.leg] = Leg(command)
        leg.timer = self._loop.call_later(command.ring_seconds, self._ring_timeout, leg)
        self._spawn(self._place(leg))

    def _bridge(self, leg: Leg, command: Bridge) -> None:
        if not leg.up:
            return
        leg.room, leg.muted = command.room, command.muted
        leg.digits, leg.alone_tone = command.digits, command.alone_tone
        self._arrange()

    def _set_deadline(self, leg: Leg, command: SetDeadline) -> None:
        if not leg.up:
            return
        if leg.timer is not None:
            leg.timer.cancel()
        self._hang_up_at(leg, self._clock.monotonic(command.at))

    # --- a leg's life -------------------------------------------------------------------------

    async def _place(self, leg: Leg) -> None:
        self._dialling += 1
        try:
            call = await self._invite(leg)
        except Exception as problem:  # noqa: BLE001 - whatever went wrong, the leg must end
            if leg.ending is None:
                _log.warning("leg %s was not dialled: %s", leg.id, problem)
            self._finish(leg, leg.ending or Cause.NOT_DIALLED)
            return
        finally:
            self._dialling -= 1
            # Soon: what belongs to this call is replayed first.
            self._loop.call_soon(self._cut_strays)
        leg.call = call
        self._calls[call] = leg
        self._replay(call)
        if leg.ending is not None and leg.id in self._legs:
            await self._cut(leg, leg.ending)

    async def _invite(self, leg: Leg) -> int:
        target = self._router.find(leg.dial.number)
        if target is None:
            raise CannotDial(f"no route to {leg.dial.number}")
        address = await self._resolve(target.host)
        if leg.ending is not None:
            raise CannotDial("it was hung up first")
        return await self._stack.dial(target, address, leg.dial.caller_id)

    async def _resolve(self, host: str) -> str:
        # The stack only ever gets numeric addresses: what it cannot dial corrupts its heap.
        try:
            address = ipaddress.IPv4Address(host)
        except ValueError:
            async with asyncio.timeout(_RESOLVE_SECONDS):
                found = await self._loop.getaddrinfo(host, None, family=2)
            address = ipaddress.IPv4Address(found[0][4][0])
        if self._loopback and not address.is_loopback:
            raise CannotDial(f"SIP listens on this machine only and cannot reach {address}")
        return str(address)

    def _replay(self, call: int) -> None:
        mine = [signal for signal in self._early_signals if signal.call == call]
        self._early_signals = [signal for signal in self._early_signals if signal.call != call]
        for signal in mine:
            self.on_signal(signal)

    def _cut_strays(self) -> None:
        """End calls that are alive though nobody has them: their INVITE left too late to tell."""
        if self._dialling:
            return
        strays, self._early_signals = self._early_signals, []
        for call in {signal.call for signal in strays if signal.kind in _ALIVE}:
            self._spawn(self._hang_up(call))

    def _ring_timeout(self, leg: Leg) -> None:
        self._end(leg, Cause.RING_TIMEOUT if leg.rang else Cause.NO_RESPONSE)

    def _hang_up_at(self, leg: Leg, moment: float) -> None:
        leg.timer = self._loop.call_at(moment, self._end, leg, Cause.DEADLINE)

    def _end(self, leg: Leg, cause: Cause) -> None:
        if leg.ending is not None:
            return
        leg.ending = cause
        leg.stop_timers()
        if leg.call is not None:
            self._spawn(self._cut(leg, cause))

    async def _cut(self, leg: Leg, cause: Cause) -> None:
        if leg.call is not None and not leg.shown:
            # An INVITE may be cancelled only after a provisional answer (RFC 3261 section 9.1);
            # the stack would just forget it, and the phone would ring with nobody there.
            self._silent[leg.call] = self._loop.call_later(
                _TRANSACTION_SECONDS, self._cut_silent, leg.call
            )
        elif leg.call is not None:
            await self._hang_up(leg.call)
        self._finish(leg, cause)

    async def _hang_up(self, call: int) -> None:
        for _ in range(_HANG_UP_TRIES):
            try:
                await self._stack.hang_up(call)
            except BaresipError as problem:
                _log.warning("hanging up failed: %s", problem)
                await asyncio.sleep(_HANG_UP_AGAIN)
            else:
                return
        # A stack that ends no calls any more must not go on having them.
        self._give_up()

    def _finish(self, leg: Leg, cause: Cause, code: int | None = None) -> None:
        if self._legs.pop(leg.id, None) is None:
            return
        leg.ending = leg.ending or cause
        leg.stop_timers()
        if leg.call is not None:
            self._calls.pop(leg.call, None)
        self._arrange()
        self._report(Ended(leg.id, self._clock.now(), cause, code, leg.rang))

    # --- signals ------------------------------------------------------------------------------

    def on_signal(self, signal: Signal) -> None:
        """Take in what the stack says of a call; calls not known yet are remembered."""
        leg = self._calls.get(signal.call)
        if leg is None:
            self._on_signal_of_none(signal)
            return
        leg.shown = leg.shown or signal.kind in _ALIVE
        if signal.kind is Event.CALL_CLOSED:
            self._closed(leg, signal.text)
        elif leg.ending is None and (handler := self._handlers.get(signal.kind)) is not None:
            handler(self, leg, signal.text)

    def _on_signal_of_none(self, signal: Signal) -> None:
        if signal.call not in self._silent:
            self._early_signals.append(signal)
            self._cut_strays()
        elif signal.kind is Event.CALL_CLOSED:
            self._silent.pop(signal.call).cancel()
        elif signal.kind in _ALIVE:
            self._cut_silent(signal.call)

    def _cut_silent(self, call: int) -> None:
        self._silent.pop(call).cancel()
        self._spawn(self._hang_up(call))

    def _ringing(self, leg: Leg, _text: str) -> None:
        if leg.answered or leg.rang:
            return
        leg.rang = True
        leg.tone_from = self._mixer.tick
        self._report(Ringing(leg.id, self._clock.now()))
        self._arrange()

    def _progress(self, leg: Leg, _text: str) -> None:
        if leg.answered or leg.early:
            return
        leg.rang = leg.early = True
        self._open(leg)
        self._report(EarlyMedia(leg.id, self._clock.now()))
        self._arrange()

    def _established(self, leg: Leg, _text: str) -> None:
        if leg.answered:
            return
        leg.answered = True
        leg.stop_timers()
        self._hang_up_at(leg, self._loop.time() + leg.dial.talk_seconds)
        self._open(leg)
        self._alive(leg)
        self._watch(leg)
        self._report(Answered(leg.id, self._clock.now()))
        self._arrange()

    def _alive(self, leg: Leg, _text: str = "") -> None:
        leg.alive_at = self._loop.time()

    def _on_hold(self, leg: Leg, _text: str) -> None:
        leg.held = True
        self._alive(leg)

    def _talking(self, leg: Leg, _text: str) -> None:
        leg.held = False
        self._alive(leg)

    def _watch(self, leg: Leg) -> None:
        pause = min(_MEDIA_CHECK_SECONDS, self._media_timeout / _MEDIA_CHECKS)
        leg.media_timer = self._loop.call_later(pause, self._check_media, leg)

    def _check_media(self, leg: Leg) -> None:
        # The stack has a watch of its own, but it begins with a stream's first packet only, and
        # cuts a phone off that resumes after a long hold.
        arrived = leg.line.frames if leg.line is not None else 0
        if arrived != leg.frames:
            leg.frames = arrived
            self._alive(leg)
        patience = self._media_timeout * (_HOLD_TIMES if leg.held else 1)
        if self._loop.time() - leg.alive_at >= patience:
            self._end(leg, Cause.MEDIA_LOST)
        else:
            self._watch(leg)

    def _closed(self, leg: Leg, text: str) -> None:
        if leg.ending is not None:
            self._finish(leg, leg.ending)
            return
        cause, code = read_close(text, answered=leg.answered)
        self._finish(leg, cause, code)

    def _pressed(self, leg: Leg, digit: str) -> None:
        if not digit:
            return
        self._report(Digit(leg.id, self._clock.now(), digit))
        if not leg.digits or leg.room is None:
            return
        for other in self._legs.values():
            if other is not leg and other.room == leg.room and other.up:
                self._spawn(self._pass_on(other, digit))

    async def _pass_on(self, leg: Leg, digit: str) -> None:
        async with leg.keys:
            if leg.call is None or not leg.up:
                return
            try:
                await self._stack.press(leg.call, digit)
                await asyncio.sleep(_PRESS_SECONDS)
                await self._stack.let_go(leg.call)
            except BaresipError as problem:
                _log.warning("leg %s: a digit was not passed on: %s", leg.id, problem)
            await asyncio.sleep(_PAUSE_SECONDS)

    _handlers: Final = {
        Event.CALL_RINGING: _ringing,
        Event.CALL_PROGRESS: _progress,
        Event.CALL_ESTABLISHED: _established,
        Event.CALL_RTCP: _alive,
        Said.ON_HOLD: _on_hold,
        Said.TALKING: _talking,
        Event.CALL_DTMF_START: _pressed,
    }

    # --- audio --------------------------------------------------------------------------------

    def _open(self, leg: Leg) -> None:
        if leg.line is None and leg.call is not None:
            leg.line = self._open_line(leg.call)

    def _arrange(self) -> None:
        self._find_the_lone()
        progress = {
            leg.dial.heard_by: leg
            for leg in self._legs.values()
            if leg.rang and leg.progressing and leg.dial.heard_by is not None
        }
        self._mixer.arrange(
            {
                leg.id: (leg.part(progress.get(leg.id)), leg.line)
                for leg in self._legs.values()
                if leg.line is not None and leg.ending is None
            }
        )

    def _find_the_lone(self) -> None:
        bridged = [leg for leg in self._legs.values() if leg.up and leg.room is not None]
        people = Counter(leg.room for leg in bridged)
        for leg in bridged:
            if people[leg.room] > 1:
                leg.alone_from = None
            elif leg.alone_from is None:
                leg.alone_from = self._mixer.tick

    # --- plumbing -----------------------------------------------------------------------------

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
