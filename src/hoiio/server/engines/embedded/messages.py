"""What goes over the pipe between the engine and its child: small numbered messages in MessagePack.

A frame is four bytes of length and ``[number, kind, body]``; the kind names one of the types below,
which are the engine protocol's own commands and events and a few about the child itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

import msgspec

from hoiio.server.engines.embedded.config import EmbeddedConfig
from hoiio.server.engines.protocol import (
    Answered,
    Bridge,
    Dial,
    Digit,
    EarlyMedia,
    Ended,
    HangUp,
    Ringing,
    SetDeadline,
)

FRAME_MAX: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Begin:
    """Parent to child, first: the settings, the port to listen on and the shared clock's anchor."""

    config: EmbeddedConfig
    port: int
    anchor: int


@dataclass(frozen=True, slots=True)
class Alive:
    """Parent to child, once a second: somebody pays attention to the calls."""


@dataclass(frozen=True, slots=True)
class Quit:
    """Parent to child: hang everything up and exit."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Child to parent: calls can be placed."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Child to parent: it cannot start, and why, in words for an operator."""

    reason: str


@dataclass(slots=True)
class MixerStats:
    """How the mixer is doing, counted since its start.

    A frame is 20 ms of one leg. It is missing when the leg's phone was being heard and nothing of
    it was there to mix, dropped when so much had piled up either way that it would only have added
    delay. A tick is late by the microseconds that it began after its time; ``late_max_us`` is the
    most of any since the last report.
    """

    ticks: int = 0
    skipped_ticks: int = 0
    frames: int = 0
    missing_frames: int = 0
    dropped_frames: int = 0
    late_us: int = 0
    late_max_us: int = 0
    cpu_us: int = 0


@dataclass(frozen=True, slots=True)
class Stats:
    """Child to parent, once a second: its clock, which shows that it lives, and how it is doing."""

    at: int
    legs: int = 0
    callers: int = 0
    mixer: MixerStats = field(default_factory=MixerStats)


Message = (
    Begin
    | Alive
    | Quit
    | Ready
    | Broken
    | Stats
    | Dial
    | Bridge
    | SetDeadline
    | HangUp
    | Ringing
    | EarlyMedia
    | Answered
    | Digit
    | Ended
)
_KINDS: Final[dict[str, type[Message]]] = {
    kind.__name__: kind
    for kind in (
        Begin,
        Alive,
        Quit,
        Ready,
        Broken,
        Stats,
        Dial,
        Bridge,
        SetDeadline,
        HangUp,
        Ringing,
        EarlyMedia,
        Answered,
        Digit,
        Ended,
    )
}
_encoder: Final = msgspec.msgpack.Encoder()
_envelope: Final = msgspec.msgpack.Decoder(tuple[int, str, msgspec.Raw])


class BrokenPipeMessage(Exception):
    """What came over the pipe is no message, or one is missing."""


def encode(number: int, message: Message) -> bytes:
    """One frame, ready to be written."""
    body = _encoder.encode((number, type(message).__name__, message))
    return len(body).to_bytes(4, "big") + body


def decode(body: bytes) -> tuple[int, Message]:
    """The number and message of a frame's body. Raises ``BrokenPipeMessage``."""
    try:
        number, kind, raw = _envelope.decode(body)
        return number, msgspec.msgpack.decode(raw, type=_KINDS[kind])
    except (msgspec.DecodeError, KeyError) as problem:
        raise BrokenPipeMessage(f"unreadable message: {problem}") from problem


class Inbox:
    """Reads messages in order; every number must follow the one before it."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._last = 0

    async def next(self) -> Message | None:
        """The next message, None when the other side is gone. Raises ``BrokenPipeMessage``."""
        try:
            size = int.from_bytes(await self._reader.readexactly(4), "big")
            if size > FRAME_MAX:
                raise BrokenPipeMessage(f"a message of {size} bytes")
            number, message = decode(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        if number != self._last + 1:
            raise BrokenPipeMessage(f"message {number} came after {self._last}")
        self._last = number
        return message


class Outbox:
    """Writes messages without ever waiting; what the other side has not taken yet is buffered."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._number = 0

    @property
    def waiting(self) -> int:
        """Bytes that the pipe has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    def put(self, message: Message) -> None:
        """Send a message that must arrive; harmless once the pipe is closed."""
        if self._writer.is_closing():
            return
        self._number += 1
        self._writer.write(encode(self._number, message))

    def offer(self, message: Message) -> None:
        """Send a message that may be dropped: only when nothing else waits."""
        if self.waiting == 0:
            self.put(message)

    def close(self) -> None:
        """Close this side of the pipe once all is written."""
        self._writer.close()
