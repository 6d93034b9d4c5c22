"""The arithmetic of a phone's audio: a tone to play, and the tones in what is heard. Pure.

Audio is 16-bit mono at 8 kHz, the rate of G.711. Levels are in dBFS where 0 is a sine that just
fills the scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
Spectrum = npt.NDArray[np.float64]

RATE: Final = 8000
"""Samples a second."""

FRAME: Final = 160
"""Samples in 20 ms, one packet."""

FULL_SCALE: Final = 32767
PLAY_LEVEL: Final = -12.0
"""Quiet enough that four phones at once do not clip, in dBFS."""

HEARD_ABOVE: Final = -40.0
"""A tone below this level is not reported, in dBFS."""

SHORTEST: Final = RATE // 4
"""Fewer samples than this tell frequencies apart too badly to name any."""

LOBE: Final = 4  # bins either side that hold all of a Hann window's main lobe
NEAR_HZ: Final = 10.0  # two tones closer than this are heard as one
SKIRT_HZ: Final = 100.0  # how far a tone that starts or stops spills over
SKIRT_BELOW: Final = 25.0  # dB under the tone that such a spill stays
PROMINENCE: Final = 16.0  # dB above its surroundings that no peak of pure noise reaches
SURROUNDINGS_HZ: Final = 200.0


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone that was heard: frequency in Hz, level in dBFS."""

    hz: float
    level: float


def play(hz: float, start: int, count: int = FRAME) -> bytes:
    """PCM of a tone from sample ``start`` on, so that frames join without a click."""
    n = np.arange(start, start + count, dtype=np.float64)
    amplitude = FULL_SCALE * 10 ** (PLAY_LEVEL / 20)
    return np.rint(amplitude * np.sin(2 * np.pi * hz * n / RATE)).astype(np.int16).tobytes()


def heard(samples: Samples) -> list[Tone]:
    """The tones above ``HEARD_ABOVE`` in about a second of audio, the loudest first.

    Noise has no tones. What a window, or a tone's start, spreads around a tone is no tone either.
    """
    if len(samples) < SHORTEST:
        return []
    power = _power(samples)
    step = RATE / len(samples)
    found: list[Tone] = []
    for candidate in sorted(_peaks(power, step), key=lambda tone: -tone.level):
        if not any(_hides(louder, candidate) for louder in found):
            found.append(candidate)
    return found


def _power(samples: Samples) -> Spectrum:
    """Power in each bin; over a tone's lobe it sums to the square of its share of full scale."""
    window = np.hanning(len(samples) + 1)[:-1]
    bins = np.fft.rfft(samples * window / FULL_SCALE)
    power: Spectrum = np.abs(bins) ** 2 * 4 / (len(samples) * float(np.sum(window**2)))
    return power


def _peaks(power: Spectrum, step: float) -> list[Tone]:
    """Every local maximum that is loud enough and stands out of its surroundings."""
    inner = power[1:-1]
    crests = np.flatnonzero((inner > power[:-2]) & (inner >= power[2:])) + 1
    floor = 10 ** (HEARD_ABOVE / 10) / (2 * LOBE + 1)  # a crest holds at least its share of a lobe
    loud = [int(bin_) for bin_ in crests if power[bin_] > floor and bin_ > LOBE]
    tones = [_measure(power, bin_, step) for bin_ in loud if _stands_out(power, bin_, step)]
    return [tone for tone in tones if tone.level > HEARD_ABOVE]


def _stands_out(power: Spectrum, bin_: int, step: float) -> bool:
    reach = round(SURROUNDINGS_HZ / step)
    around = power[max(0, bin_ - reach) : bin_ + reach]
    return bool(power[bin_] > np.median(around) * 10 ** (PROMINENCE / 10))


def _measure(power: Spectrum, crest: int, step: float) -> Tone:
    """Frequency and level from the whole lobe, so neither depends on where the bins fall."""
    first = crest - LOBE
    lobe = power[first : crest + LOBE + 1]
    total = float(np.sum(lobe))
    centre = float(np.sum(lobe * np.arange(first, first + len(lobe)))) / total
    return Tone(centre * step, 10 * float(np.log10(total)))


def _hides(louder: Tone, tone: Tone) -> bool:
    distance = abs(louder.hz - tone.hz)
    if distance < NEAR_HZ:
        return True
    return distance < SKIRT_HZ and louder.level - tone.level > SKIRT_BELOW
