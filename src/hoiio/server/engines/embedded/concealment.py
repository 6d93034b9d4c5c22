"""What is heard in place of audio that is not there in time. Pure.

A pause in the middle of a word would click at both ends. Instead the last frame is played again,
backwards and forwards in turn so that the wave goes on where it was, and fades to silence; what
comes afterwards fades in.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from hoiio.server.engines.embedded.tones import FRAME, Samples

FRAMES: Final = 3
"""Missing frames that are concealed; after so many there is silence."""

_FADES: Final = np.linspace(1, 0, FRAMES * FRAME).reshape(FRAMES, FRAME)
_SEAM: Final = 40
_IN: Final = np.linspace(0, 1, _SEAM)


def conceal(last: Samples, missing: int) -> Samples:
    """In place of the frame that comes after ``last`` and this many missing ones."""
    if missing >= FRAMES:
        return np.zeros_like(last)
    repeated = last if missing % 2 else last[::-1]
    concealed: Samples = np.rint(repeated * _FADES[missing]).astype(np.int16)
    return concealed


def resume(frame: Samples, last: Samples, missing: int) -> None:
    """Blend a frame's first 5 ms with what concealed the missing ones before it."""
    ending = conceal(last, missing)[:_SEAM]
    frame[:_SEAM] = np.rint(ending * _IN[::-1] + frame[:_SEAM] * _IN)
