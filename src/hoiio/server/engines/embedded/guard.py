"""Keeps strangers' packets out of calls: audio comes from where the far end said, or not at all.

The SIP stack takes whatever arrives at a call's port for its audio, and has no setting against it:
one packet a tick from anybody silences a call. So its trace is followed for the addresses in SDP,
and the kernel told to drop, at the call's sockets, what comes from elsewhere. Who can forge the far
end's very address and port is not kept out; only SRTP would do that.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
import sys
from contextlib import suppress
from typing import Final

from hoiio.server.engines.embedded.sdp import read_audio
from hoiio.server.engines.embedded.sockets import own_udp_sockets
from hoiio.server.engines.embedded.trace import Follower, call_id

_ATTACH_FILTER: Final = 26  # SO_ATTACH_FILTER of Linux, which Python does not name
_SOURCE_ADDRESS: Final = 0x1_0000_0000 - 0x10_0000 + 12  # SKF_NET_OFF: in the IP header
_SOURCE_PORT: Final = 0  # in the UDP header
_LOAD_WORD, _LOAD_HALF, _IF_EQUAL, _RETURN = 0x20, 0x28, 0x15, 0x06


class MediaGuard(Follower):
    """Closes each call's sockets to strangers."""

    def __init__(self) -> None:
        super().__init__()
        self._ports: dict[str, int] = {}
        self._calls: dict[int, str] = {}

    def take(self, text: str) -> None:
        """Take in one message of the trace."""
        call, audio = call_id(text), read_audio(text)
        if call is None or audio is None or audio.address is None or not audio.somewhere:
            return
        if text.startswith("TX"):
            self._use(audio.port, call)
        elif (port := self._ports.get(call)) is not None:
            self.admit_only(port, audio.address, audio.port)

    def _use(self, port: int, call: str) -> None:
        # A port that is used anew is no longer its former call's, which may still say something.
        former = self._calls.get(port)
        if former is not None and former != call:
            self._ports.pop(former, None)
        self._calls[port], self._ports[call] = call, port

    def admit_only(self, port: int, address: ipaddress.IPv4Address, source: int) -> None:
        """Have the call's port take audio from there only, and the next port RTCP from that host.

        The far end's own port for RTCP is not known for sure (RFC 3605).
        """
        if sys.platform != "linux":
            return
        for sock in own_udp_sockets():
            with sock, suppress(OSError):
                here = sock.getsockname()[1]
                if here in {port, port + 1}:
                    _filter(sock, address, source if here == port else None)


def _filter(sock: socket.socket, address: ipaddress.IPv4Address, port: int | None) -> None:
    """Attach a packet filter (a classic BPF program), in place of the one before."""
    checks = [(_LOAD_WORD, _SOURCE_ADDRESS, int(address))]
    if port is not None:
        checks.append((_LOAD_HALF, _SOURCE_PORT, port))
    program = b"".join(_check(*check, left=len(checks) - n) for n, check in enumerate(checks, 1))
    program += struct.pack("HBBI", _RETURN, 0, 0, 0xFFFF) + struct.pack("HBBI", _RETURN, 0, 0, 0)
    memory = ctypes.create_string_buffer(program, len(program))
    sock.setsockopt(
        socket.SOL_SOCKET,
        _ATTACH_FILTER,
        struct.pack("HP", len(program) // 8, ctypes.addressof(memory)),
    )


def _check(load: int, offset: int, value: int, *, left: int) -> bytes:
    # Where it differs, jump over the checks that are left (two steps each) and the admission.
    skip = 2 * left + 1
    return struct.pack("HBBI", load, 0, 0, offset) + struct.pack("HBBI", _IF_EQUAL, 0, skip, value)
