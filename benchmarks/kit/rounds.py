"""Several ways measured in turn, so that a busy moment of the machine falls on all of them."""

import statistics

from kit.size import sized

TIMES = sized(3, 1)


def rounds(ways):
    """The median of each way's figures: ``{name: function}`` in, ``{name: figures}`` out."""
    seen = {name: [] for name in ways}
    for _ in range(TIMES):
        for name, way in ways.items():
            found = way()
            seen[name].append(found if isinstance(found, tuple) else (found,))
    return {
        name: tuple(map(statistics.median, zip(*runs, strict=True))) for name, runs in seen.items()
    }
