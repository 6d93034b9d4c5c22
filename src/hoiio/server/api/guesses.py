"""How often one may guess credentials. Pure: a clock and bounded memory, no I/O.

Three counts, each in minutes that their first miss begins:

- all misses of an address; past the limit it learns no more which part was wrong;
- wrong tokens of real applications from an address; past the limit no token is looked at any more
  for applications that did not succeed from there within the last hour;
- wrong tokens for one application from an address; past a quarter of the limit, none is looked at.

So whoever shares an address with a guesser is kept out only where the guesses are at its own
application, or where it has been silent for an hour and several other applications are guessed at.
A token that is wrong again tells a guesser nothing and is not counted again: one client that was
left behind by a rotation does not keep out the others of its application.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

WINDOW: Final = 60.0
"""Seconds over which wrong credentials are counted."""

FAMILIAR: Final = 3600.0
"""Seconds for which an application that succeeded from an address is known there."""

_SHARE: Final = 4
"""How many applications must be guessed at until an address is closed for others."""


class _Minutes(Generic[K]):
    """The different things that were noted under a key in its minute, up to a limit."""

    def __init__(self, limit: int, clock: Callable[[], float], remembered: int) -> None:
        self._limit = limit
        self._clock = clock
        self._remembered = remembered
        self._minutes: dict[K, tuple[float, set[int]]] = {}

    def __len__(self) -> int:
        return len(self._minutes)

    def left(self, key: K) -> float:
        """The seconds until the key has room again; 0 when it has."""
        begun, noted = self._minute(key)
        return begun + WINDOW - self._clock() if len(noted) >= self._limit else 0.0

    def note(self, key: K, item: int | None = None) -> None:
        """Note an item, or one like no other; the minute that began first may be dropped."""
        begun, noted = self._minute(key)
        if len(noted) < self._limit:
            noted.add(len(noted) if item is None else item)
        if self._minutes.get(key, (None,))[0] != begun:
            self._minutes.pop(key, None)
            if len(self._minutes) >= self._remembered:
                del self._minutes[next(iter(self._minutes))]
            self._minutes[key] = (begun, noted)

    def _minute(self, key: K) -> tuple[float, set[int]]:
        now = self._clock()
        begun, noted = self._minutes.get(key, (now, set[int]()))
        return (begun, noted) if now < begun + WINDOW else (now, set())


class Guesses:
    """Counts wrong credentials. IPv6 counts by /64, which is what one subscriber has.

    ``clock`` is in seconds and never goes back; ``remembered`` bounds each of what is kept.
    """

    def __init__(self, limit: int, clock: Callable[[], float], remembered: int = 10_000) -> None:
        self._clock = clock
        self._remembered = remembered
        self._misses = _Minutes[str](limit, clock, remembered)
        self._of_address = _Minutes[str](limit, clock, remembered)
        self._of_application = _Minutes[tuple[str, str]](max(1, limit // _SHARE), clock, remembered)
        self._familiar: dict[tuple[str, str], float] = {}

    def missed(self, address: str) -> float:
        """Count a miss: 0 while the address may be told what was wrong, else seconds to wait."""
        network = _network(address)
        wait = self._misses.left(network)
        self._misses.note(network)
        return wait

    def closed(self, address: str, app_id: str) -> float:
        """0 while tokens for a real application are looked at, else the seconds until they are."""
        network = _network(address)
        pair = (network, app_id)
        wait = self._of_application.left(pair)
        if not self._is_familiar(pair):
            wait = max(wait, self._of_address.left(network))
        return wait

    def wrong(self, address: str, app_id: str, token: str) -> None:
        """Count a wrong token for a real application."""
        network = _network(address)
        pair, guess = (network, app_id), hash((app_id, token))
        self._of_application.note(pair, guess)
        if not self._is_familiar(pair):
            self._of_address.note(network, guess)

    def succeeded(self, address: str, app_id: str) -> None:
        """An application proved its token; who did so longest ago may be forgotten."""
        pair = (_network(address), app_id)
        self._familiar.pop(pair, None)
        if len(self._familiar) >= self._remembered:
            del self._familiar[next(iter(self._familiar))]
        self._familiar[pair] = self._clock()

    def _is_familiar(self, pair: tuple[str, str]) -> bool:
        at = self._familiar.get(pair)
        return at is not None and self._clock() < at + FAMILIAR


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
