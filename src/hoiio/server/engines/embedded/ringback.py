"""The ringback tone, made once as a table of frames. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hoiio.server.engines.embedded.config import Ringback

RATE: Final = 8000
"""Samples a second, of everything in this engine."""

FRAME: Final = 160
"""Samples in a frame of 20 ms."""

Samples = NDArray[np.int16]


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
    samples = (wave * on * 32767 * 10 ** (tone.level / 20)).astype(np.int16)
    padding = -len(samples) % FRAME
    return np.pad(samples, (0, padding)).reshape(-1, FRAME)
