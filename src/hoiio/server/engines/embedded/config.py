"""What an operator may set of the embedded engine, checked when it is made."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hoiio.server.engines.embedded.routing import HOST, check_number, parse_route

CODECS = frozenset({"pcmu", "pcma"})
LEGS_MAX = 200
IDENTITIES_MAX = 800
"""As many calls and caller identities as one SIP stack is ever given at a time.

It has 1,023 places for both, and notices that they are taken only when the INVITE has left; the
256th call of one identity fails in a way that ruins its heap. Its own limits are never reached.
"""
_PLAIN = re.compile(r"[A-Za-z0-9.+_~!*'-]{1,64}", re.ASCII)
_UNQUOTABLE = re.compile(r'[\x00-\x1f\x7f"\\]')


@dataclass(frozen=True, slots=True)
class Ringback:
    """The tone a caller hears while the other phone rings; the default is Singapore's (ITU E.180).

    ``modulation`` (Hz) is multiplied onto ``frequency`` (Hz), 0 for a pure tone. ``cadence`` is
    seconds on, off, on, off... and repeats. ``level`` is in dB below full scale.
    """

    frequency: float = 425.0
    modulation: float = 24.0
    cadence: tuple[float, ...] = (0.4, 0.2, 0.4, 2.0)
    level: float = -20.0

    def __post_init__(self) -> None:
        if not self.cadence or any(part <= 0 for part in self.cadence):
            raise ValueError(f"a ringback cadence is seconds above zero: {self.cadence}")
        if not 0 < self.frequency < 4000 or not 0 <= self.modulation < 4000:
            raise ValueError("ringback frequencies lie below 4000 Hz")
        if not -60 <= self.level <= -3:
            raise ValueError(f"a ringback level lies between -60 and -3 dB: {self.level}")


@dataclass(frozen=True, slots=True)
class Trunk:
    """The SIP provider that takes every number no route covers.

    ``number`` is the trunk's own, shown where the operator asks for it; with ``pai_on_private`` it
    goes into P-Asserted-Identity of calls that withhold theirs. ``plus`` keeps the plus before
    numbers, the way most providers want it. ``register`` sends REGISTER and keeps it fresh.
    Identities carry ``from_domain``, else ``public_address``, else ``host``.
    """

    host: str
    port: int = 5060
    user: str = ""
    password: str = field(default="", repr=False)
    auth_user: str | None = None
    from_domain: str | None = None
    register: bool = False
    number: str | None = None
    public_address: str | None = None
    codecs: tuple[str, ...] = ("pcmu", "pcma")
    plus: bool = True
    pai_on_private: bool = False

    def __post_init__(self) -> None:
        _check_host("the trunk's host", self.host)
        _check_port("the trunk's port", self.port)
        for name in ("from_domain", "public_address"):
            if (value := getattr(self, name)) is not None:
                _check_host(f"the trunk's {name}", value)
        for name in ("user", "auth_user"):
            value = getattr(self, name)
            if value and not _PLAIN.fullmatch(value):
                raise ValueError(f"the trunk's {name} has a character that SIP would misread")
        if _UNQUOTABLE.search(self.password):
            raise ValueError("the trunk's password may hold neither quotes nor backslashes")
        if self.number is not None:
            check_number(self.number)
        if self.register and not self.user:
            raise ValueError("a trunk that registers needs a user")
        if self.pai_on_private and self.number is None:
            raise ValueError("pai_on_private needs the trunk's own number")
        if not self.codecs or not CODECS.issuperset(self.codecs):
            raise ValueError(f"codecs are {', '.join(sorted(CODECS))}, not {self.codecs}")

    @property
    def domain(self) -> str:
        """The domain that identities toward the trunk carry."""
        return self.from_domain or self.public_address or self.host


@dataclass(frozen=True, slots=True)
class EmbeddedConfig:
    """All settings of the embedded engine.

    ``sip_host`` and ``sip_port`` are where SIP listens (port 0 picks one). ``routes`` lead a number
    to a SIP URI and come before the ``trunk``. ``max_legs`` is the ceiling in legs reserved,
    ``media_timeout`` the seconds without audio after which a phone counts as vanished,
    ``rtp_ports`` the UDP ports for audio. ``public_address`` is the domain of our identities where
    it is not ``sip_host``; the addresses in Contact and SDP are always the machine's own, so the
    phones or the trunk must be reachable without address translation, or undo it themselves. With
    ``strict_media`` audio counts only from the address and port that the far end named for its own
    (RFC 4961); without it, anybody's packets at a call's port can silence the call. Linux only.
    """

    sip_host: str = "127.0.0.1"
    sip_port: int = 5060
    routes: Mapping[str, str] = field(default_factory=dict[str, str])
    trunk: Trunk | None = None
    max_legs: int = 50
    media_timeout: float = 30.0
    rtp_ports: tuple[int, int] = (10_000, 20_000)
    ringback: Ringback = Ringback()
    public_address: str | None = None
    strict_media: bool = True

    def __post_init__(self) -> None:
        try:
            ipaddress.IPv4Address(self.sip_host)
        except ValueError:
            raise ValueError(f"SIP listens on an IPv4 address, not {self.sip_host!r}") from None
        if not 0 <= self.sip_port <= 65535:
            raise ValueError(f"not a port: {self.sip_port}")
        for number, uri in self.routes.items():
            parse_route(number, uri)
        if not 1 <= self.max_legs <= LEGS_MAX:
            raise ValueError(f"max_legs lies between 1 and {LEGS_MAX}")
        if not 1 <= self.media_timeout <= 3600:
            raise ValueError("media_timeout lies between 1 and 3600 seconds")
        low, high = self.rtp_ports
        if not 1024 <= low < high <= 65535:
            raise ValueError(f"rtp_ports are two ports between 1024 and 65535: {self.rtp_ports}")
        if self.public_address is not None:
            _check_host("public_address", self.public_address)

    @property
    def loopback(self) -> bool:
        """Whether SIP listens on this machine only."""
        return ipaddress.IPv4Address(self.sip_host).is_loopback


def _check_host(what: str, value: str) -> None:
    if not HOST.fullmatch(value):
        raise ValueError(f"{what} is not a host name or an IPv4 address: {value!r}")


def _check_port(what: str, value: int) -> None:
    if not 1 <= value <= 65535:
        raise ValueError(f"{what} is not a port: {value}")
