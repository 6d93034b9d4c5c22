"""What a SIP message's session description says of its audio (RFC 4566, RFC 3264). Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

_ADDRESS: Final = re.compile(r"^c=IN IP4 ([0-9.]+)[ \t]*$", re.MULTILINE)
_AUDIO: Final = re.compile(r"^m=audio ([0-9]{1,5}) ", re.MULTILINE)
_DIRECTION: Final = re.compile(r"^a=(sendrecv|sendonly|recvonly|inactive)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Audio:
    """Where whoever wrote it wants audio sent, and which way audio is to go.

    ``address`` is None when it is not an IPv4 address; ``direction`` is the writer's own.
    """

    address: ipaddress.IPv4Address | None
    port: int
    direction: str = "sendrecv"

    @property
    def somewhere(self) -> bool:
        """Whether there is a place that packets could come from."""
        return self.address is not None and not self.address.is_unspecified and self.port != 0

    @property
    def on_hold(self) -> bool:
        """Whether the writer may rightly fall silent: on hold in the new style or the old."""
        unspecified = self.address is not None and self.address.is_unspecified
        return self.direction != "sendrecv" or unspecified or self.port == 0


def read_audio(text: str) -> Audio | None:
    """The first audio of a SIP message whose lines end in a line feed; None when it has none."""
    _, _, body = text.partition("\n\n")
    audio = _AUDIO.search(body)
    if audio is None:
        return None
    own, session = body[audio.end() :].split("\nm=", 1)[0], body[: audio.start()]
    address = _ADDRESS.search(own) or _ADDRESS.search(session)
    direction = _DIRECTION.search(own) or _DIRECTION.search(session)
    return Audio(
        _ipv4(address[1] if address else ""),
        int(audio[1]),
        direction[1] if direction else "sendrecv",
    )


def _ipv4(text: str) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        return None
