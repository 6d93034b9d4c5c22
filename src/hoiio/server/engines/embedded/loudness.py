"""How loud a leg hears the others: even however many speak at once, and never clipped. Pure.

With power p of each other leg, smoothed over some frames, ``sum(p)² / sum(p²)`` tells how many of
them speak: 1 for one voice, whatever the others' silence, 7 for seven alike. What is heard is
divided by its square root, so that the whole is as loud as one of the voices. It counts for each
listener separately; who hears one other only hears that one exactly as it is.

What is too loud all the same is turned down just before it, for as long as it lasts, in blocks of
2 ms; the gain recovers slowly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hoiio.server.engines.embedded.tones import FRAME

Sound = NDArray[np.float32]
Values = NDArray[np.float64]

_ATTACK: Final = 0.25
"""Share of the way that a rising power is followed in one frame, about 80 ms in all."""
_RELEASE: Final = 0.1
"""The same of a falling one, about 200 ms: pauses between syllables count for nothing."""
_INAUDIBLE: Final = 1.0

_PEAK: Final = 32767.0
_BLOCKS: Final = 10
_BLOCK: Final = FRAME // _BLOCKS
_RECOVERY: Final = 0.005 * np.arange(_BLOCKS + 1)
"""How far the limiter's gain may have risen by the end of each block: 1 dB in some 40 ms."""

_FADE: Final[Sound] = (np.arange(1, FRAME + 1) / FRAME).astype(np.float32)
_BLOCK_FADE: Final = np.arange(1, _BLOCK + 1) / _BLOCK


@dataclass(frozen=True, slots=True)
class Levels:
    """What goes on from one frame to the next, a value for each row of the mix.

    ``power`` is each leg's own voice, ``gain`` what it heard the others with at the end of the
    frame, ``limit`` the limiter's gain on top.
    """

    power: Values
    gain: Values
    limit: Values

    @classmethod
    def fresh(cls, rows: int) -> Levels:
        """Nobody has spoken yet."""
        return cls(np.zeros(rows), np.ones(rows), np.ones(rows))

    def rearranged(self, sources: NDArray[np.intp]) -> Levels:
        """The same for new rows, each continuing the row ``sources`` names, or fresh for a -1."""
        extended = (
            np.append(values, start)
            for values, start in ((self.power, 0.0), (self.gain, 1.0), (self.limit, 1.0))
        )
        return Levels(*(values[sources] for values in extended))


def follow(power: Values, voices: Sound) -> Values:
    """Each row's smoothed power after this frame of it."""
    now: Values = np.einsum("ij,ij->i", voices, voices, dtype=np.float64) / FRAME
    rate = np.where(now > power, _ATTACK, _RELEASE)
    followed: Values = power + rate * (now - power)
    return np.where(followed < _INAUDIBLE, 0.0, followed)


def gains(total: Values, squares: Values, others: Values) -> Values:
    """What each row's sum of the others is multiplied by.

    ``total`` is the sum of the others' powers, ``squares`` of their squares, ``others`` how many
    there are that may speak.
    """
    speaking = total**2 / np.maximum(squares, 1e-9)
    gain: Values = np.clip(speaking, 1.0, np.maximum(others, 1.0)) ** -0.5
    return gain


def fade(sound: Sound, before: Values, after: Values) -> Sound:
    """The sound with a gain that goes evenly from one value to the other within the frame."""
    if (before == 1).all() and (after == 1).all():
        return sound
    start, way = before.astype(np.float32), (after - before).astype(np.float32)
    faded: Sound = np.multiply(sound, start[:, None] + way[:, None] * _FADE)
    return faded


def limit(sound: Sound, last: Values) -> tuple[Sound, Values]:
    """The sound within 16 bits, and the gains it ended with; ``last`` are those it begins with."""
    if sound.max() <= _PEAK and sound.min() >= -_PEAK - 1 and (last == 1).all():
        return sound, last
    loudest = np.maximum(sound, -1 - sound).reshape(len(sound), _BLOCKS, _BLOCK).max(axis=2)
    allowed = np.column_stack([last, _PEAK / np.maximum(loudest, _PEAK)]) - _RECOVERY
    held: Values = np.add(np.minimum.accumulate(allowed, axis=1), _RECOVERY)
    # A gain between two blocks suits both of them, so every one on the way does.
    knots: Values = np.column_stack([np.minimum(held[:, :-1], held[:, 1:]), held[:, -1]])
    gain = knots[:, :-1, None] + np.diff(knots)[:, :, None] * _BLOCK_FADE
    limited: Sound = np.multiply(sound, gain.reshape(sound.shape).astype(np.float32))
    return limited, knots[:, -1]
