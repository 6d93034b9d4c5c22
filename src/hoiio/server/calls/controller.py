"""Runs the calls: gives each event to its call's machine, stores what it says, then commands.

Nothing is commanded before it is durable. A call's events are worked through one after another;
different calls do not wait for each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from hoiio.server.calls import machines
from hoiio.server.calls.advance import Step, advance
from hoiio.server.calls.inputs import (
    ControlLost,
    Expired,
    HangUpRequested,
    Input,
    MuteRequested,
    TimePassed,
)
from hoiio.server.calls.leg import DIAL_WITHIN, leg_ids
from hoiio.server.calls.orders import (
    CallOrder,
    CallSettings,
    ConferenceOrder,
    Order,
    admission,
    legs_each,
    transactions,
)
from hoiio.server.calls.turns import Turns
from hoiio.server.engines.protocol import (
    Answered,
    Bridge,
    Cause,
    Command,
    Dial,
    Ended,
    Engine,
    EngineUnavailable,
    Event,
    HangUp,
)
from hoiio.server.storage.errors import StorageError
from hoiio.server.storage.protocol import (
    Application,
    CallRecord,
    IdempotencyKey,
    Placed,
    Refusal,
    Storage,
)
from hoiio.wire import MICROS

BEAT_EVERY: Final = 5.0
"""Seconds between heartbeats: how exactly a call's end is known when the service is killed."""

HANGUP_WITHIN: Final = 2.0
"""Seconds within which a hangup is settled and answered (api rule 17)."""

STORE_AGAIN_AFTER: Final = 0.5
"""Seconds until a step that could not be stored is tried again; doubled each time."""

STORE_AGAIN_AT_MOST: Final = 8.0
"""Seconds between two tries at the most."""

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Timer(Protocol):
    """Something that will be done later, unless it is cancelled."""

    def cancel(self) -> None:
        """Do it no more."""
        ...


Later = Callable[[float, Callable[[], None]], Timer]
"""Has something done after some seconds."""


def by_the_loop(seconds: float, work: Callable[[], None]) -> Timer:
    """``Later`` in real time, by the event loop that runs."""
    return asyncio.get_running_loop().call_later(seconds, work)


@dataclass(slots=True)
class _LiveCall:
    """What the controller holds of a call while it is up; all of it can be lost."""

    owner: str
    admitted_at: int
    inbox: deque[Input] = field(default_factory=deque[Input])
    worker: asyncio.Task[None] | None = None
    look: Timer | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)


class Controller:
    """Places, watches and ends calls, on one engine, with records in one storage."""

    def __init__(
        self,
        storage: Storage,
        engine: Engine,
        settings: CallSettings,
        *,
        settled: Callable[[], None] = lambda: None,
        changed: Callable[[str], None] = lambda _ref: None,
        later: Later = by_the_loop,
    ) -> None:
        """``settled`` is called after a call ended: its notification may be due.

        ``changed`` is called with a call's ref after each of its steps was committed.
        """
        self._storage = storage
        self._engine = engine
        self._settings = settings
        self._on_settled = settled
        self._on_changed = changed
        self._later = later
        self._turns = Turns()
        self._live: dict[str, _LiveCall] = {}
        self._owners = itertools.count(1)
        self._placing: set[asyncio.Task[Sequence[CallRecord] | Placed | Refusal]] = set()
        self._heart: asyncio.Task[None] | None = None
        self._unsettled: set[str] = set()
        self._inherited: frozenset[str] = frozenset()
        self._earlier_beat: int | None = None

    # --- life -----------------------------------------------------------------------------

    async def recover(self) -> None:
        """Settle what an earlier life of the service left; to be done before anything is dialled.

        The end of such a call is that life's last heartbeat: the last durable evidence that it was
        up. Raises ``StorageError`` when nothing can be written.
        """
        self._earlier_beat = await self._storage.last_beat()
        left = await self._storage.live_calls()
        self._inherited = frozenset(record.ref for record in left)
        for record in left:
            await self._try_to_settle(record, older_than=0)

    async def _settle_orphans(self) -> None:
        """Settle the live records that this controller does not carry."""
        for record in await self._storage.live_calls():
            if record.ref not in self._live:
                await self._try_to_settle(record, older_than=DIAL_WITHIN)

    async def _try_to_settle(self, record: CallRecord, older_than: int) -> None:
        """Settle one by itself: a record that cannot be read keeps no other from being settled."""
        try:
            await self._settle_orphan(record, older_than)
        except StorageError:
            raise
        except Exception:
            # The heart tries again at every beat: told once is enough.
            if record.ref not in self._unsettled:
                log.exception("a call that nobody carries is not settled", ref=record.ref)
            self._unsettled.add(record.ref)

    async def _settle_orphan(self, record: CallRecord, older_than: int) -> None:
        now = self._engine.now()
        admitted_at = machines.decode(record.state).admitted_at
        if 0 <= now - admitted_at < older_than:
            return
        beat = self._earlier_beat if record.ref in self._inherited else now
        # A heartbeat of the future was stamped by a clock that was wrong: no evidence.
        trusted = beat if beat is not None and beat <= now else admitted_at
        last_seen = max(admitted_at, trusted)
        # None: it was settled since it was listed, by whoever carried it.
        if await self._store(record.ref, [ControlLost(last_seen)]) is not None:
            log.warning("call settled: nobody carries it any more", ref=record.ref)

    def start(self) -> None:
        """Begin the heartbeat; the engine is up."""
        self._heart = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """Hang up every call and settle it; no call may be placed any more."""
        await asyncio.gather(*self._placing, return_exceptions=True)
        self._take_in_all(HangUpRequested())
        await self._all_settled()
        await self._engine.stop()
        # The engine is gone and so are its legs, whether it said so or not.
        self._take_in_all(ControlLost(self._engine.now()))
        await self._all_settled()
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.gather(self._heart, return_exceptions=True)

    def _take_in_all(self, event: Input) -> None:
        for ref in list(self._live):
            self._take_in(ref, event)

    async def _all_settled(self) -> None:
        settling = [asyncio.create_task(call.settled.wait()) for call in self._live.values()]
        if settling:
            _, late = await asyncio.wait(settling, timeout=HANGUP_WITHIN)
            for task in late:
                task.cancel()

    async def _beat(self) -> None:
        while True:
            try:
                await self._storage.beat(self._engine.now())
                await self._settle_orphans()
            except Exception:
                log.exception("a heartbeat failed; trying again")
            await asyncio.sleep(BEAT_EVERY)

    # --- what the API asks ----------------------------------------------------------------

    async def place_call(
        self, application: Application, order: CallOrder, key: IdempotencyKey | None = None
    ) -> CallRecord | Placed | Refusal:
        """Admit a call-back and ring dest1; returns as soon as its record is durable.

        ``Placed`` tells of an earlier request with the same key: nobody is rung again.
        """
        placed = await self._place_safely(application, order, key)
        return placed if isinstance(placed, Placed | Refusal) else placed[0]

    async def place_conference(
        self, application: Application, order: ConferenceOrder, key: IdempotencyKey | None = None
    ) -> Sequence[CallRecord] | Placed | Refusal:
        """Admit participants and ring them in their order; returns once all are durable.

        ``Placed`` as of ``place_call``.
        """
        return await self._place_safely(application, order, key)

    async def _place_safely(
        self, application: Application, order: Order, key: IdempotencyKey | None
    ) -> Sequence[CallRecord] | Placed | Refusal:
        # A caller that goes away must not leave an admitted call that nobody watches.
        placing = asyncio.create_task(self._place(application, order, key))
        self._placing.add(placing)
        placing.add_done_callback(self._placing.discard)
        return await asyncio.shield(placing)

    async def _place(
        self, application: Application, order: Order, key: IdempotencyKey | None
    ) -> Sequence[CallRecord] | Placed | Refusal:
        account, count = application.account, transactions(order)
        async with self._turns.turn(account.id, count, account.concurrent_calls):
            return await self._place_in_turn(application, order, key)

    async def _place_in_turn(
        self, application: Application, order: Order, key: IdempotencyKey | None
    ) -> Sequence[CallRecord] | Placed | Refusal:
        owners = [f"call-{next(self._owners)}" for _ in range(transactions(order))]
        reserved = all(self._engine.reserve(owner, legs_each(order)) for owner in owners)
        now = self._engine.now()
        try:
            asked = admission(
                application, order, self._settings, now=now, ceiling_reached=not reserved, key=key
            )
            admitted = await self._storage.admit(asked)
        except BaseException:
            self._release(owners)
            raise
        if isinstance(admitted, Placed | Refusal):
            self._release(owners)
            return admitted
        for owner, record in zip(owners, admitted, strict=True):
            log.info("call admitted", ref=record.ref)
            self._live[record.ref] = _LiveCall(owner, now)
        for record in admitted:
            self._carry_out(record.ref, machines.due(machines.decode(record.state)))
        return admitted

    def _release(self, owners: Sequence[str]) -> None:
        for owner in owners:
            self._engine.release(owner)

    async def hang_up(self, ref: str) -> bool:
        """End a live call; True once it is settled, also when it was already.

        False when the engine did not report the end within two seconds: the call is being taken
        down and will be settled, but is not yet.
        """
        call = self._live.get(ref)
        if call is None:
            return all(record.ref != ref for record in await self._storage.live_calls())
        self._take_in(ref, HangUpRequested())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(call.settled.wait(), HANGUP_WITHIN)
        return call.settled.is_set()

    async def mute(self, ref: str, *, muted: bool) -> bool:
        """Let a participant be heard no more, or again; True once it is so and durable.

        False when that took more than two seconds: it will be so, but is not yet.
        """
        call = self._live.get(ref)
        if call is None:
            return True
        self._take_in(ref, MuteRequested(muted))
        if call.worker is None:
            return True
        done, _ = await asyncio.wait([call.worker], timeout=HANGUP_WITHIN)
        return bool(done)

    async def quiet(self) -> bool:
        """Wait until what was taken in so far is worked off; False when nothing was under way."""
        waited = False
        while working := [call.worker for call in self._live.values() if call.worker is not None]:
            waited = True
            await asyncio.wait(working)
        return waited

    # --- what the engine reports ----------------------------------------------------------

    def receive(self, event: Event) -> None:
        """Take an engine's event in; the sink of ``Engine.start``."""
        if isinstance(event, Answered | Ended):
            self._take_in(event.leg.rpartition("-")[0], event)

    def _take_in(self, ref: str, event: Input) -> None:
        call = self._live.get(ref)
        if call is None:
            return
        call.inbox.append(event)
        if call.worker is None:
            call.worker = asyncio.create_task(self._work(ref, call))

    async def _work(self, ref: str, call: _LiveCall) -> None:
        pause = STORE_AGAIN_AFTER
        while call.inbox:
            # All at once: who has gone already is not to be followed up.
            events = list(call.inbox)
            try:
                step = await self._store(ref, events)
            except Exception:
                # Not lost: the events stay in the inbox, and the engine holds the deadlines.
                log.exception("a call's step could not be stored; trying again", ref=ref)
                self._end_unrecorded(ref, events)
                await asyncio.sleep(pause)
                pause = min(2 * pause, STORE_AGAIN_AT_MOST)
                continue
            for _ in events:
                call.inbox.popleft()
            if step is None or step.over:
                self._finish(ref, call)
                break
            self._carry_out(ref, step.commands)
            self._look_at(ref, call, step.look_at)
            _tell(ref, step.commands)
        call.worker = None

    def _look_at(self, ref: str, call: _LiveCall, at: int | None) -> None:
        """Look at a call again at an instant of the engine's clock; None: no more."""
        if call.look is not None:
            call.look.cancel()
            call.look = None
        if at is not None:
            seconds = max(0, at - self._engine.now()) / MICROS
            call.look = self._later(seconds, lambda: self._take_in(ref, TimePassed()))

    def _end_unrecorded(self, ref: str, events: Sequence[Input]) -> None:
        """Hang up without a record: ending is harmless to repeat, and must not wait for a disk."""
        if any(isinstance(event, Ended | HangUpRequested) for event in events):
            self._carry_out(ref, [HangUp(leg) for leg in leg_ids(ref)])

    def _finish(self, ref: str, call: _LiveCall) -> None:
        self._live.pop(ref, None)
        self._look_at(ref, call, None)
        self._engine.release(call.owner)
        call.settled.set()
        self._on_settled()

    async def _store(self, ref: str, events: Sequence[Input]) -> Step | None:
        # The step may wait for the disk, and must not go by the time before.
        stored = await self._storage.advance(
            ref, lambda record: advance(record, events, self._engine.now())
        )
        if stored is not None:
            self._on_changed(ref)
        if stored is not None and stored.result is not None:
            result = stored.result
            log.info("call settled", ref=ref, dest1=result.status1, dest2=result.status2)
        return stored

    # --- commands -------------------------------------------------------------------------

    def _carry_out(self, ref: str, commands: Sequence[Command]) -> None:
        """Send commands; a leg that cannot be dialled any more is reported as never dialled."""
        for command in commands:
            if isinstance(command, Dial) and self._too_late(ref, command):
                self._take_in(ref, Expired(self._engine.now()))
                return
            try:
                self._engine.send(command)
            except Exception as problem:
                if not isinstance(problem, EngineUnavailable):
                    log.exception("the engine failed at a command", ref=ref)
                # Legs that are up are reported lost by the engine itself.
                if isinstance(command, Dial):
                    end = Ended(command.leg, self._engine.now(), Cause.NOT_DIALLED)
                    self._take_in(ref, end)

    def _too_late(self, ref: str, dial: Dial) -> bool:
        """Whether this is a call's first INVITE and its time to leave is over."""
        call = self._live.get(ref)
        first = dial.heard_by is None
        return first and (call is None or self._engine.now() - call.admitted_at > DIAL_WITHIN)


def _tell(ref: str, commands: Sequence[Command]) -> None:
    """Log who begins to talk, or who is muted."""
    bridges = [command for command in commands if isinstance(command, Bridge)]
    if bridges:
        log.info("call bridged", ref=ref, muted=any(bridge.muted for bridge in bridges))
