"""Datagrams that nobody asked for, the same ones each time, and the open ports to send them to."""

import os
import random
import socket
from pathlib import Path

from support.torture import MESSAGES

KINDS = 4
"""Of datagrams, which follow one another in turn."""


def udp_ports(pid):
    """Every UDP port that a process has open (Linux)."""
    sockets = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        if (target := str(entry.readlink())).startswith("socket:["):
            sockets.add(target[8:-1])
    fields = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return sorted(int(each[1].split(":")[1], 16) for each in fields if each[9] in sockets)


def resident(pid):
    """Bytes of memory that a process has in use (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def datagrams(number, seed=4475):
    """So many: noise, damaged SIP, and what looks like RTP or RTCP of some other stream."""
    dice = random.Random(seed)
    sip = sorted(MESSAGES.values())
    for index in range(number):
        yield (_noise, _damaged, _rtp, _rtcp)[index % KINDS](dice, sip)


def _noise(dice, _sip):
    return dice.randbytes(dice.randrange(1400))


def _damaged(dice, sip):
    data = bytearray(dice.choice(sip))
    for _ in range(dice.randrange(1, 8)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(data[: dice.randrange(len(data)) if dice.random() < 0.3 else None])


def _rtp(dice, _sip):
    head = bytes([dice.choice((0x80, 0x90, 0xA0, 0x8F)), dice.choice((0, 8, 101, 96, 0x80))])
    return head + dice.randbytes(10 + dice.choice((0, 4, 160, 160, 320)))


def _rtcp(dice, _sip):
    length = dice.choice((0, 1, 6, 12, 0xFFFF)).to_bytes(2, "big")
    return (
        bytes([dice.choice((0x80, 0x81, 0x9F)), dice.randrange(200, 207)])
        + length
        + (dice.randbytes(dice.choice((4, 24, 48))))
    )


class Stranger:
    """A socket that the engine has never heard of; ``answers`` are what came back on it."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.port = self.sock.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data, *ports):
        for port in ports:
            self.sock.sendto(data, ("127.0.0.1", port))

    def answers(self):
        found = []
        while True:
            try:
                found.append(self.sock.recv(65_536).decode("utf-8", "replace"))
            except BlockingIOError:
                return found
