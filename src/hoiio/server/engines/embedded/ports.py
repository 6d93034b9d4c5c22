"""The UDP port that SIP listens on: pick a free one, or wait for ours to become free."""

from __future__ import annotations

import asyncio
import errno
import socket
import time

from hoiio.server.engines.protocol import EngineUnavailable


def free_port(host: str) -> int:
    """A UDP port that is free now. Raises ``EngineUnavailable`` for an address not ours."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        _bind(probe, host, 0)
        return int(probe.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Whether nobody has this UDP port."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            _bind(probe, host, port)
    except EngineUnavailable:
        return False
    return True


async def wait_for_port(host: str, port: int, seconds: float) -> None:
    """Return once the port is free: an engine whose service died holds it for up to two seconds.

    Raises ``EngineUnavailable`` when it is still taken after so many seconds.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                _bind(probe, host, port)
        except EngineUnavailable as problem:
            taken = getattr(problem.__cause__, "errno", None) == errno.EADDRINUSE
            if not taken or time.monotonic() >= until:
                raise
            await asyncio.sleep(0.05)
        else:
            return


def _bind(probe: socket.socket, host: str, port: int) -> None:
    try:
        probe.bind((host, port))
    except OSError as problem:
        raise EngineUnavailable(
            f"SIP cannot listen on {host}:{port}: {problem.strerror}"
        ) from problem
