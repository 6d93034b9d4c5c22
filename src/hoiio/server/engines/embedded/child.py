"""The engine's child process: SIP stack, switchboard and mixer, joined to its parent by one pipe.

A ``Quit``, the parent's death, and a parent that stands still for 15 s each hang every leg up and
end the process within two seconds: calls must never outlive the one who pays attention to them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from typing import Final

from hoiio.server.engines.clock import Clock
from hoiio.server.engines.embedded.farewell import Farewells
from hoiio.server.engines.embedded.guard import MediaGuard
from hoiio.server.engines.embedded.messages import (
    Begin,
    Broken,
    BrokenPipeMessage,
    Inbox,
    Outbox,
    Quit,
    Ready,
    Stats,
)
from hoiio.server.engines.embedded.mixer import Mixer
from hoiio.server.engines.embedded.routing import Router, build_router
from hoiio.server.engines.embedded.stack import CannotDial, SipStack
from hoiio.server.engines.embedded.switchboard import Switchboard
from hoiio.server.engines.embedded.tones import Tone, alone_frames, ringback_frames
from hoiio.server.engines.protocol import Bridge, Dial, HangUp, SetDeadline

_log: Final = logging.getLogger("hoiio.engine")
_BEAT: Final = 1.0
_STUCK_BEATS: Final = 5
_PATIENCE: Final = 15.0
"""Seconds without a word of the service after which calls must not go on by themselves."""
_FULL: Final = 1024 * 1024
_GRACE: Final = 0.6
"""Seconds to wait for the first sign of a phone that cannot be cancelled before it."""
_GOODBYE: Final = 1.0
"""Seconds in which far ends may answer our BYEs; the stack repeats a lost one after half of one."""
_SETTLE: Final = 0.05
_LAST_WILL: Final = 1.8
"""Seconds after which the process exits whatever still holds it up."""


async def run(pipe: socket.socket) -> int:
    """Live until the parent says otherwise; the exit code."""
    reader, writer = await asyncio.open_connection(sock=pipe)
    inbox, outbox = Inbox(reader), Outbox(writer)
    begin = await inbox.next()
    if not isinstance(begin, Begin):
        return 1
    stack = SipStack(begin.config, begin.port)
    mixer = Mixer(
        {Tone.RINGBACK: ringback_frames(begin.config.ringback), Tone.ALONE: alone_frames()}
    )
    board = Switchboard(
        stack,
        mixer,
        Clock(begin.anchor),
        _router(begin),
        outbox.put,
        media_timeout=begin.config.media_timeout,
        loopback=begin.config.loopback,
        give_up=_die,
    )
    try:
        await stack.start(board.on_signal, _die)
    except CannotDial as problem:
        outbox.put(Broken(f"SIP cannot listen on {begin.config.sip_host}:{begin.port}: {problem}"))
        await writer.drain()
        return 1
    if begin.config.strict_media:
        MediaGuard().attach()
    mixer.start()
    outbox.put(Ready())
    beat = asyncio.create_task(_beat(outbox, board, mixer, stack, Clock(begin.anchor)))
    serving = asyncio.create_task(_serve(inbox, board))
    await asyncio.wait({beat, serving}, return_when=asyncio.FIRST_COMPLETED)
    await _say_goodbye(board, stack, mixer)
    outbox.close()
    return 0


def _router(begin: Begin) -> Router:
    trunk = begin.config.trunk
    if trunk is None:
        return build_router(begin.config.routes, None)
    return build_router(begin.config.routes, (trunk.host, trunk.port), plus=trunk.plus)


async def _serve(inbox: Inbox, board: Switchboard, patience: float = _PATIENCE) -> None:
    """Carry out what the parent says; returns when it says no more or stands still too long."""
    try:
        while not isinstance(message := await asyncio.wait_for(inbox.next(), patience), Quit):
            if message is None:
                return
            if isinstance(message, Dial | Bridge | SetDeadline | HangUp):
                board.do(message)
    except TimeoutError:
        _log.error("the service has stood still for %g s", patience)
    except BrokenPipeMessage:
        _log.exception("the pipe to the service broke")


async def _beat(
    outbox: Outbox, board: Switchboard, mixer: Mixer, stack: SipStack, clock: Clock
) -> None:
    """Report once a second; returns when the parent has stopped reading or the mixer has died."""
    stuck = silent = ticks = 0
    while max(stuck, silent) < _STUCK_BEATS and outbox.waiting < _FULL:
        stuck = stuck + 1 if outbox.waiting else 0
        silent = silent + 1 if mixer.stats.ticks == ticks else 0
        ticks = mixer.stats.ticks
        outbox.offer(Stats(clock.now(), board.legs, stack.callers, mixer.stats))
        mixer.stats.late_max_us = 0
        await asyncio.sleep(_BEAT)


async def _say_goodbye(board: Switchboard, stack: SipStack, mixer: Mixer) -> None:
    last_will = threading.Timer(_LAST_WILL, os._exit, (1,))
    last_will.daemon = True
    last_will.start()
    if board.busy:
        farewells = Farewells()
        farewells.attach()
        await board.hang_up_all(_GRACE)
        await _wait_for_answers(farewells)
    mixer.stop()
    await stack.close()


async def _wait_for_answers(farewells: Farewells) -> None:
    until = time.monotonic() + _GOODBYE
    await asyncio.sleep(_SETTLE)
    while farewells.unanswered and time.monotonic() < until:  # noqa: ASYNC110 - once, at the exit
        await asyncio.sleep(_SETTLE)
    # What follows an answered CANCEL (487, and our ACK) is a matter of milliseconds more.
    await asyncio.sleep(_SETTLE)


def _die() -> None:
    # A dead SIP thread cannot be restarted in its process; the parent starts a fresh one.
    os._exit(70)


def main() -> None:
    """Entry point: the pipe's file descriptor is the only argument."""
    # A service manager or a terminal signals the whole group; the parent decides what ends when.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    # A parent that stands still reads no log either; better a lost line than a stuck deadline.
    os.set_blocking(2, False)
    logging.raiseExceptions = False
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", stream=sys.stderr)
    # Short turns between threads: the mixer must not wait 5 ms for a burst of signalling.
    sys.setswitchinterval(0.0005)
    pipe = socket.socket(fileno=int(sys.argv[1]))
    code = asyncio.run(run(pipe))
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
