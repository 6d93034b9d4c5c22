"""Which port the SIP stack really took: it does not say so when it was asked for any."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def udp_ports(host: str) -> set[int]:
    """Ports of this process's own UDP sockets that are bound to ``host``."""
    descriptors = [int(entry.name) for entry in Path("/dev/fd").iterdir()]
    names = [_udp_name(descriptor) for descriptor in descriptors]
    return {name[1] for name in names if name is not None and name[0] == host}


def _udp_name(descriptor: int) -> tuple[str, int] | None:
    """Host and port of a UDP socket, None for any other descriptor."""
    try:
        copy = os.dup(descriptor)
    except OSError:  # closed meanwhile
        return None
    try:
        with socket.socket(fileno=copy) as opened:
            if opened.family is socket.AF_INET and opened.type is socket.SOCK_DGRAM:
                host, port = opened.getsockname()
                return host, port
    except OSError:  # not a socket
        os.close(copy)
    return None
