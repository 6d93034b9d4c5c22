"""Several ways measured in turn, so that a busy moment of the machine falls on all of them."""

import statistics

from kit.size import sized

TIMES = sized(3, 1)


def rounds(ways):
    """The median of each way's figures: ``{name: function}`` in, ``{name: figures}`` out."""
    return {name: medians(runs) for name, runs in turns(ways, TIMES).items()}


def turns(ways, times):
    """Each way's figures of every round, as tuples: ``{name: [figures, …]}``."""
    seen = {name: [] for name in ways}
    for _ in range(times):
        for name, way in ways.items():
            found = way()
            seen[name].append(found if isinstance(found, tuple) else (found,))
    return seen


def medians(runs):
    """The median of each figure."""
    return tuple(map(statistics.median, zip(*runs, strict=True)))


def ratio(mine, theirs, figure):
    """The median of how this figure of each round compares with theirs in the same round."""
    return statistics.median(a[figure] / b[figure] for a, b in zip(mine, theirs, strict=True))
