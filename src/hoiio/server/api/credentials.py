"""Who asks: the application behind a pair of credentials, and how often one may guess."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable
from typing import Final

from hoiio import wire
from hoiio.server.api.params import Params, Refused
from hoiio.server.storage.protocol import Application, Storage
from hoiio.wire import Status

WINDOW: Final = 60.0
"""Seconds over which wrong credentials are counted."""


class Guesses:
    """Counts wrong credentials per address in windows of a minute, in bounded memory.

    Past the limit an address learns no more which part of its credentials was wrong. Right ones
    are always served: clients behind one proxy share an address, and a hangup is never refused by
    a limit (api rule 17). IPv6 counts by /64, which is what one subscriber has.
    """

    def __init__(self, limit: int, clock: Callable[[], float], remembered: int = 10_000) -> None:
        self._limit = limit
        self._clock = clock
        self._remembered = remembered
        self._windows: dict[str, tuple[float, int]] = {}

    def missed(self, address: str, status: Status) -> Refused:
        """Note a wrong guess; the refusal to raise: ``status`` while the address has guesses left.

        The address that began to guess longest ago may be forgotten.
        """
        network = _network(address)
        begun, count = self._window(network)
        self._windows.pop(network, None)
        if len(self._windows) >= self._remembered:
            del self._windows[next(iter(self._windows))]
        self._windows[network] = (begun, count + 1)
        if count < self._limit:
            return Refused(status)
        left = begun + WINDOW - self._clock()
        return Refused(Status.RATE_LIMIT_EXCEEDED, retry_after=int(left) + 1)

    def _window(self, network: str) -> tuple[float, int]:
        now = self._clock()
        begun, count = self._windows.get(network, (now, 0))
        return (begun, count) if now < begun + WINDOW else (now, 0)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))


async def identify(storage: Storage, guesses: Guesses, given: Params, address: str) -> Application:
    """The live application that the credentials name and prove; else ``Refused``."""
    for name in wire.CREDENTIALS:
        if name not in given:
            raise Refused(wire.param_missing(name))
    application = await storage.application(given["app_id"])
    if application is None or application.revoked:
        raise guesses.missed(address, Status.INVALID_APP_ID)
    if not _is_token_of(application, given["access_token"]):
        raise guesses.missed(address, Status.INVALID_ACCESS_TOKEN)
    return application


def _is_token_of(application: Application, given: str) -> bool:
    """Whether it is the token, or a former one that is still good."""
    former = application.former_token
    return _same(given, application.access_token) or (former is not None and _same(given, former))


def _same(given: str, real: str) -> bool:
    """Compared in constant time, so that an answer's delay tells nothing of the token."""
    return hmac.compare_digest(given.encode(), real.encode())
