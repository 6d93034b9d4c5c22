"""The UDP sockets of this process, whoever opened them: the SIP stack hands none of its own out."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

_DESCRIPTORS = ("/proc/self/fd", "/dev/fd")


def own_udp_sockets() -> list[socket.socket]:
    """Each of them under a second descriptor, which the caller closes."""
    folder = next(Path(each) for each in _DESCRIPTORS if Path(each).exists())
    found: list[socket.socket] = []
    for path in folder.iterdir():
        with suppress(OSError):
            if stat.S_ISSOCK(path.stat().st_mode):
                sock = socket.socket(fileno=os.dup(int(path.name)))
                if (sock.family, sock.type) == (socket.AF_INET, socket.SOCK_DGRAM):
                    found.append(sock)
                else:
                    sock.close()
    return found
