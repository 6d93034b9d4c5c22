"""Which addresses a name has: from the hosts file, else asked of a DNS resolver directly.

The system's own ``getaddrinfo`` is not used: it cannot tell "no such name" from "no resolver", and
it blocks a thread for as long as somebody's name server likes, of which a loop has few.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from hoiio.server.notifications.shortage import OutOfFiles, is_shortage
from hoiio.server.notifications.target import IPAddress
from hoiio.server.readers import Address

if TYPE_CHECKING:
    import dns.asyncresolver

HOSTS: Final = Path("/etc/hosts")
_LOOPBACK: Final = (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1"))


class NoSuchName(Exception):
    """A resolver answered that there is no such name."""


class NotFound(Exception):
    """Nobody told an address in time; the message says why, for the operator's log."""


class Names:
    """Looks names up.

    ``resolver`` is the one to ask; without it, those that the system's own configuration names,
    read at each question, so that a change of it counts.
    """

    def __init__(self, resolver: Address | None = None, hosts: Path = HOSTS) -> None:
        self._resolver = resolver
        self._hosts = hosts

    async def addresses(self, name: str, within: float) -> tuple[IPAddress, ...]:
        """A name's addresses, IPv4 first; raises ``NoSuchName``, ``NotFound`` or ``OutOfFiles``.

        The hosts file comes before DNS, and names of this machine (RFC 6761: ``localhost`` and
        what is below it) never get that far. ``within`` is in seconds.
        """
        if found := in_hosts(self._hosts_text(), name):
            return found
        if name == "localhost" or name.endswith(".localhost"):
            return _LOOPBACK
        return await self._ask(name, within)

    def _hosts_text(self) -> str:
        try:
            return self._hosts.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            if is_shortage(error):
                raise OutOfFiles from None
            return ""

    async def _ask(self, name: str, within: float) -> tuple[IPAddress, ...]:
        # dnspython takes a tenth of a second to import: not on the way to the first call.
        import dns.exception  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415

        search = self._resolver is None
        try:
            resolver = self._stub()
            async with asyncio.timeout(within):
                answers = await asyncio.gather(
                    _records(resolver, name, "A", within, search=search),
                    _records(resolver, name, "AAAA", within, search=search),
                    return_exceptions=True,
                )
        except (dns.exception.DNSException, OSError, TimeoutError) as error:
            if is_shortage(error):
                raise OutOfFiles from None
            raise NotFound(_why(error)) from None
        if found := tuple(
            each for answer in answers if isinstance(answer, tuple) for each in answer
        ):
            return found
        if all(isinstance(answer, dns.resolver.NXDOMAIN) for answer in answers):
            raise NoSuchName
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        for failure in failures:
            if not isinstance(failure, dns.exception.DNSException | OSError | TimeoutError):
                raise failure
        if any(is_shortage(failure) for failure in failures):
            raise OutOfFiles
        raise NotFound(_why(failures[0]) if failures else "the name has no address")

    def _stub(self) -> dns.asyncresolver.Resolver:
        import dns.asyncresolver  # noqa: PLC0415 - see _ask

        if self._resolver is None:
            return dns.asyncresolver.Resolver()
        stub = dns.asyncresolver.Resolver(configure=False)
        stub.nameservers, stub.port = [self._resolver.host], self._resolver.port
        return stub


async def _records(
    resolver: dns.asyncresolver.Resolver, name: str, kind: str, within: float, *, search: bool
) -> tuple[IPAddress, ...]:
    answer = await resolver.resolve(
        name, kind, search=search, lifetime=within, raise_on_no_answer=False
    )
    records = cast("Iterable[object]", answer.rrset or ())
    return tuple(ipaddress.ip_address(str(record)) for record in records)


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError) or type(error).__name__ == "LifetimeTimeout":
        return "no resolver answered in time"
    return f"the resolver gave no answer ({type(error).__name__})"


def in_hosts(text: str, name: str) -> tuple[IPAddress, ...]:
    """What a hosts file has for a name, IPv4 first."""
    found: list[IPAddress] = []
    for line in text.splitlines():
        fields = line.partition("#")[0].split()
        if name in (field.lower().removesuffix(".") for field in fields[1:]):
            found += _read(fields[0])
    return tuple(sorted(dict.fromkeys(found), key=lambda each: each.version))


def _read(text: str) -> Sequence[IPAddress]:
    try:
        return (ipaddress.ip_address(text),)
    except ValueError:
        return ()
