"""Open files: how many this process may have, and who may use how many of them.

Each connection of a client is one, each notification on its way up to two (a name's addresses are
asked for in two families at once). Where all of them may be open at the same time, none can take
the last one that the database, the engine or a listening socket needs.
"""

from __future__ import annotations

import resource
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

ENOUGH: Final = 65_536
"""What the limit is raised to, where it may be."""

OWN: Final = 64
"""Files that are left to the database, the engine, the log and what is being accepted."""

DELIVERIES: Final = 256
"""Notifications under way at once, where there are files for them."""

LOOK_UPS: Final = 64
"""Names looked up at once for requests, where there are files for them."""

_EACH: Final = 2
"""Files that a delivery or a look-up may have open."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of each may be under way at once; each is 1 at least."""

    connections: int
    deliveries: int
    look_ups: int


def needed(connections: int) -> int:
    """Files with which nothing has to be cut short."""
    return OWN + _EACH * (DELIVERIES + LOOK_UPS) + connections


def shares(files: int, connections: int) -> Shares:
    """Divide ``files`` where so many ``connections`` are wished for. Pure.

    Where they are too few, connections get no more than half of them.
    """
    rest = max(0, files - OWN)
    outgoing = min(DELIVERIES + LOOK_UPS, max(rest // 2, rest - connections) // _EACH)
    look_ups = min(LOOK_UPS, max(1, outgoing * LOOK_UPS // (DELIVERIES + LOOK_UPS)))
    return Shares(
        connections=max(1, min(connections, rest - _EACH * outgoing)),
        deliveries=max(1, outgoing - look_ups),
        look_ups=look_ups,
    )


def raise_limit() -> int:
    """Let this process, and those it starts, open as many files as it may; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 2**31
    most = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft < most:
        with suppress(ValueError, OSError):  # a system may have a lower limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
