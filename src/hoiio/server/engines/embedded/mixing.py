"""Who hears whom, and one frame of it for every leg at once. Pure.

All rooms are mixed in one step: rows are sorted by room, each room's rows are summed, and every leg
gets its room's sum minus itself, at the loudness of ``loudness``, saturated to 16 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hoiio.server.engines.embedded.loudness import Levels, Sound, Values, fade, follow, gains, limit
from hoiio.server.engines.embedded.tones import Samples, Tone

_Float = TypeVar("_Float", np.float32, np.float64)


@dataclass(frozen=True, slots=True)
class Part:
    """One leg's part in the mix.

    ``room`` is the room it is in, None outside of any. ``muted`` keeps it from being heard.
    ``hears`` is a leg whose audio it hears one way; ``tone`` a tone that it hears and the tick at
    which that began.
    """

    leg: str
    room: str | None = None
    muted: bool = False
    hears: str | None = None
    tone: tuple[Tone, int] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Parts laid out for mixing: ``legs`` in row order, and index arrays over those rows.

    ``others`` is how many that are not muted each one hears in its room.
    """

    legs: tuple[str, ...]
    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]
    audible: Sound
    others: Values
    one_way: tuple[tuple[int, int], ...]
    tones: tuple[tuple[int, Tone, int], ...]

    def sources(self, earlier: Plan) -> NDArray[np.intp]:
        """For each row the one that the same leg had in an earlier plan, -1 for a new leg."""
        rows = {leg: row for row, leg in enumerate(earlier.legs)}
        return np.array([rows.get(leg, -1) for leg in self.legs], np.intp)


def lay_out(parts: Iterable[Part]) -> Plan:
    """Sort parts into rooms; a leg outside of any room is alone in one of its own."""
    rows = sorted(parts, key=lambda part: (part.room is None, part.room or part.leg, part.leg))
    keys = [(part.room is None, part.room or part.leg) for part in rows]
    first = [row for row, key in enumerate(keys) if row == 0 or keys[row - 1] != key]
    starts = np.array(first, np.intp)
    sizes = np.array([end - start for start, end in pairwise([*first, len(rows)])], np.intp)
    audible = np.array([not part.muted for part in rows], np.float64)
    return Plan(
        legs=tuple(part.leg for part in rows),
        starts=starts,
        sizes=sizes,
        audible=audible.astype(np.float32).reshape(-1, 1),
        others=_others(audible, starts, sizes) if rows else audible,
        one_way=_one_way(rows),
        tones=tuple((row, *part.tone) for row, part in enumerate(rows) if part.tone is not None),
    )


def _one_way(rows: Sequence[Part]) -> tuple[tuple[int, int], ...]:
    index = {part.leg: row for row, part in enumerate(rows)}
    return tuple(
        (row, index[part.hears])
        for row, part in enumerate(rows)
        if part.hears is not None and part.hears in index
    )


def _others(
    values: NDArray[_Float], starts: NDArray[np.intp], sizes: NDArray[np.intp]
) -> NDArray[_Float]:
    """For each row the sum over the others of its room."""
    sums: NDArray[_Float] = np.add.reduceat(values, starts, axis=0)
    others: NDArray[_Float] = np.subtract(np.repeat(sums, sizes, axis=0), values)
    return others


def mix(
    plan: Plan, frames: Samples, tick: int, tones: Mapping[Tone, Samples], levels: Levels
) -> tuple[Samples, Levels]:
    """What each leg hears in this tick, from what each said; rows are the plan's.

    ``tones`` are tables of frames; ``levels`` goes from each tick to the next.
    """
    said = frames.astype(np.float32)
    voices = said * plan.audible
    power = follow(levels.power, voices)
    gain = gains(
        _others(power, plan.starts, plan.sizes),
        _others(power**2, plan.starts, plan.sizes),
        plan.others,
    )
    # Sums of 16-bit numbers are exact in these floats, so one voice alone stays as it is.
    result = fade(_others(voices, plan.starts, plan.sizes), levels.gain, gain)
    for listener, source in plan.one_way:
        result[listener] += said[source]
    for listener, tone, began in plan.tones:
        result[listener] += tones[tone][(tick - began) % len(tones[tone])]
    result, held = limit(result, levels.limit)
    return np.rint(result).clip(-32768, 32767).astype(np.int16), Levels(power, gain, held)
