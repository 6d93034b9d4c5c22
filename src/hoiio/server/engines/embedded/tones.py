"""The tones that the engine plays itself, made once as tables of frames. Pure."""

from __future__ import annotations

from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hoiio.server.engines.embedded.config import Ringback

RATE: Final = 8000
"""Samples a second, of everything in this engine."""

FRAME: Final = 160
"""Samples in a frame of 20 ms."""

Samples = NDArray[np.int16]

_ALONE_HZ: Final = 520.0
_ALONE_LEVEL: Final = -28.0
_ALONE_CADENCE: Final = (0.4, 0.8, 8.8)
"""Seconds off, on, off: who comes in with others at nearly the same moment hears no tone."""
_EDGE: Final = RATE // 100


class Tone(Enum):
    """Which tone a leg hears."""

    RINGBACK = "ringback"
    ALONE = "alone"


def ringback_frames(tone: Ringback) -> Samples:
    """One whole cadence of the tone, a row a frame; play the rows in turn and start again."""
    on = np.concatenate(
        [
            np.full(round(seconds * RATE), index % 2 == 0)
            for index, seconds in enumerate(tone.cadence)
        ]
    )
    time = np.arange(len(on)) / RATE
    wave = np.sin(2 * np.pi * tone.frequency * time)
    if tone.modulation:
        wave *= np.sin(2 * np.pi * tone.modulation * time)
    return _rows(wave * on, tone.level)


def alone_frames() -> Samples:
    """Ten seconds of what the only one in a room hears, a row a frame."""
    before, seconds, after = (round(part * RATE) for part in _ALONE_CADENCE)
    n = np.arange(seconds)
    edges = np.minimum(1, np.minimum(n, n[::-1]) / _EDGE)
    beep = np.sin(2 * np.pi * _ALONE_HZ * n / RATE) * edges
    return _rows(np.pad(beep, (before, after)), _ALONE_LEVEL)


def _rows(wave: NDArray[np.float64], level: float) -> Samples:
    samples = (wave * 32767 * 10 ** (level / 20)).astype(np.int16)
    padding = -len(samples) % FRAME
    return np.pad(samples, (0, padding)).reshape(-1, FRAME)
