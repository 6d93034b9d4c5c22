"""One call's audio in the SIP stack: read a frame, write a frame, from any thread.

Thinner than the library's own object, which builds a record of eleven fields for every look at the
buffers; here it happens a hundred times a second for each leg.
"""

from __future__ import annotations

from typing import Final, Protocol

from hoiio.server.engines.embedded.native import ffi, lib
from hoiio.server.engines.embedded.tones import FRAME, Samples

FRAME_BYTES: Final = FRAME * 2
BACKLOG: Final = 3 * FRAME_BYTES
"""What may wait in a buffer; more would be delay that never drains by itself."""


class Line(Protocol):
    """What the mixer needs of a leg's audio; ``skim`` comes first in every tick.

    ``frames`` counts those that arrived whole: while it grows, the phone is there.
    """

    frames: int

    def skim(self) -> bool:
        """Look at the buffers; True when a frame that arrived was thrown away to stay live."""
        ...

    def read(self, row: Samples) -> bool:
        """Fill a frame with what arrived; False when it was not all there."""
        ...

    def write(self, row: Samples) -> bool:
        """Send a frame; False when it was dropped, because too much waits already."""
        ...


class NativeLine:
    """The audio of the call with this native handle."""

    def __init__(self, handle: int) -> None:
        self.frames = 0
        self._handle = handle
        self._info = ffi.new("struct bp_audio_info *")
        self._spill = ffi.new("uint8_t[]", FRAME_BYTES)
        self._live = False

    def skim(self) -> bool:
        """Look at the buffers, and take a frame off what is beyond the backlog."""
        info = self._info
        self._live = lib.bp_audio_probe(self._handle, info) == 0
        if not self._live or not info.rx_ready or info.rx_fill <= BACKLOG:
            return False
        lib.bp_audio_read(self._handle, info.epoch, self._spill, FRAME_BYTES)
        return True

    def read(self, row: Samples) -> bool:
        """Fill a frame, judged by the buffer's fill as ``skim`` saw it."""
        info = self._info
        if not self._live or not info.rx_ready or info.rx_fill < FRAME_BYTES:
            return False
        buffer = ffi.from_buffer("uint8_t[]", row, require_writable=True)
        whole = lib.bp_audio_read(self._handle, info.epoch, buffer, FRAME_BYTES) == FRAME_BYTES
        self.frames += whole
        return bool(whole)

    def write(self, row: Samples) -> bool:
        """Send a frame, judged by the buffer's fill as ``skim`` saw it."""
        info = self._info
        if not self._live or not info.tx_ready or info.tx_fill > BACKLOG:
            return False
        buffer = ffi.from_buffer("uint8_t[]", row)
        return bool(lib.bp_audio_write(self._handle, info.epoch, buffer, FRAME_BYTES) > 0)
