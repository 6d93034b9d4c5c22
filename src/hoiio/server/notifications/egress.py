"""The egress guard: which addresses a notification may be sent to (api rule 24). Pure.

Customers choose where notifications go, and the service often stands where customers do not: beside
databases, routers and a cloud's metadata. So only what the public Internet routes is connected to,
by the registries of special-purpose addresses (RFC 6890, IANA), and what the operator allows.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from hoiio.server.notifications.target import IPAddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC_4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches loopback
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; 100.100.100.200 is a cloud's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's host agent, at an address that looks public
        "169.254.0.0/16",  # link-local; 169.254.169.254 is most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; 192.0.0.192 is a cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT relays
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
"""All that is assigned to be reached from everywhere. Outside it are loopback, unique-local (with
``fd00:ec2::254``, a cloud's metadata), link-local, site-local, multicast, discard, IPv4-compatible
addresses and NAT64's local prefix."""
_NOT_PUBLIC_6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

_TOLD: Final = 4
"""Addresses that an explanation names at most."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Knows public addresses, and the networks that the operator allows besides."""

    allow: tuple[Network, ...] = ()

    def permits(self, address: IPAddress) -> bool:
        """Whether to connect to this address.

        One with an IPv4 address inside that the system or the network would connect to (mapped,
        NAT64) is judged by what is inside.
        """
        meant = _meant(address)
        return is_public(meant) or any(meant in network for network in self.allow)

    def refused(self, addresses: Iterable[IPAddress]) -> tuple[IPAddress, ...]:
        """Those that are not to be connected to. A name is good only if all of its own are."""
        return tuple(each for each in addresses if not self.permits(each))


def is_public(address: IPAddress) -> bool:
    """Whether the public Internet routes this address, which holds no other."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _GLOBAL_6 and not any(address in network for network in _NOT_PUBLIC_6)


def _meant(address: IPAddress) -> IPAddress:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return ipaddress.IPv6Address(int(address))  # without a zone


def explain(refused: Sequence[IPAddress]) -> str:
    """Why nothing is sent there and what would allow it, for the operator's log."""
    meant = tuple(dict.fromkeys(_meant(each) for each in refused))[:_TOLD]
    named = " and ".join(str(each) for each in meant)
    flags = " ".join(f"--notify-allow {ipaddress.ip_network(each)}" for each in meant)
    one = len(meant) == 1
    return (
        f"notify_url leads to {named}, which {'is' if one else 'are'} not public; "
        f"allow {'it' if one else 'them'} with {flags}"
    )
