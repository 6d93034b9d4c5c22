"""Who hears whom, and one frame of it for every leg at once. Pure.

All rooms are mixed in one step: rows are sorted by room, each room's rows are summed, and every leg
gets its room's sum minus itself, saturated to 16 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hoiio.server.engines.embedded.ringback import FRAME, Samples

SILENCE: Final[Samples] = np.zeros(FRAME, np.int16)


@dataclass(frozen=True, slots=True)
class Part:
    """One leg's part in the mix.

    ``room`` is the room it is in, None outside of any. ``muted`` keeps it from being heard.
    ``hears`` is a leg whose audio it hears one way; ``tone_from`` the tick at which a ringback tone
    began for it, None for no tone.
    """

    leg: str
    room: str | None = None
    muted: bool = False
    hears: str | None = None
    tone_from: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Parts laid out for mixing: ``legs`` in row order, and index arrays over those rows."""

    legs: tuple[str, ...]
    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]
    audible: NDArray[np.int32]
    one_way: tuple[tuple[int, int], ...]
    tones: tuple[tuple[int, int], ...]


def lay_out(parts: Iterable[Part]) -> Plan:
    """Sort parts into rooms; a leg outside of any room is alone in one of its own."""
    rows = sorted(parts, key=lambda part: (part.room is None, part.room or part.leg, part.leg))
    keys = [(part.room is None, part.room or part.leg) for part in rows]
    starts = [row for row, key in enumerate(keys) if row == 0 or keys[row - 1] != key]
    sizes = [end - start for start, end in pairwise([*starts, len(rows)])]
    index = {part.leg: row for row, part in enumerate(rows)}
    return Plan(
        legs=tuple(part.leg for part in rows),
        starts=np.array(starts, np.intp),
        sizes=np.array(sizes, np.intp),
        audible=np.array([[not part.muted] for part in rows], np.int32).reshape(-1, 1),
        one_way=_one_way(rows, index),
        tones=tuple(
            (row, part.tone_from) for row, part in enumerate(rows) if part.tone_from is not None
        ),
    )


def _one_way(rows: Sequence[Part], index: dict[str, int]) -> tuple[tuple[int, int], ...]:
    return tuple(
        (row, index[part.hears])
        for row, part in enumerate(rows)
        if part.hears is not None and part.hears in index
    )


def mix(plan: Plan, frames: Samples, tick: int, tone: Samples) -> Samples:
    """What each leg hears in this tick, from what each said; rows are the plan's.

    ``tone`` is the table of ringback frames.
    """
    said = frames.astype(np.int32)
    heard = said * plan.audible
    sums: NDArray[np.int32] = np.add.reduceat(heard, plan.starts, axis=0)
    result: NDArray[np.int32] = np.repeat(sums, plan.sizes, axis=0) - heard
    for listener, source in plan.one_way:
        result[listener] += said[source]
    for listener, began in plan.tones:
        result[listener] += tone[(tick - began) % len(tone)]
    return result.clip(-32768, 32767).astype(np.int16)
