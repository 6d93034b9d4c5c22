"""A stretch of bad network between the engine and one phone: SIP messages get lost in it."""

import random
import re
import socket
import threading

ADDRESS = re.compile(rb"127\.0\.0\.1:(\d+)")


class LossyRelay:
    """Stands before a phone and drops a share of the SIP messages, each way.

    A route to ``uri(number)`` leads through it. Either end takes the relay for the other end: it
    writes its own ports into the headers, so that a whole dialog stays in it. Audio passes by.
    What is dropped depends on ``seed`` and on how many messages came before.
    """

    def __init__(self, phone_port, *, share=0.1, seed=1):
        self.share = share
        self.phone = phone_port
        self.engine = None
        self.front, self.back = (self._socket() for _ in range(2))
        self.chances = {sock: random.Random(f"{seed} {side}") for side, sock in self._sides()}
        self.dropped = {"engine": [], "phone": []}
        self.passed = 0
        self.closing = threading.Event()
        self.threads = [
            threading.Thread(target=self._run, args=side, daemon=True) for side in self._sides()
        ]

    @staticmethod
    def _socket():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.05)
        return sock

    def _sides(self):
        return ("engine", self.front), ("phone", self.back)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        for thread in self.threads:
            thread.join(2)
        self.front.close()
        self.back.close()

    def uri(self, number):
        """Where a route to the phone leads."""
        return f"sip:{number}@127.0.0.1:{port(self.front)}"

    def _run(self, side, sock):
        while not self.closing.is_set():
            try:
                data, (_, source) = sock.recvfrom(65536)
            except TimeoutError:
                continue
            if side == "engine":
                self.engine = source
            if self.chances[sock].random() < self.share:
                self.dropped[side].append(data.split(b"\r\n")[0].decode())
            elif self.engine is not None:
                self._pass_on(side, data)

    def _pass_on(self, side, data):
        self.passed += 1
        front, back = port(self.front), port(self.back)
        seen_as = {self.engine: back, front: self.phone}
        if side == "engine":
            self.back.sendto(_readdressed(data, seen_as), ("127.0.0.1", self.phone))
        else:
            theirs = {ours: theirs for theirs, ours in seen_as.items()}
            self.front.sendto(_readdressed(data, theirs), ("127.0.0.1", self.engine))


def port(sock):
    """The port that a socket is bound to."""
    return sock.getsockname()[1]


def _readdressed(data, ports):
    head, end, body = data.partition(b"\r\n\r\n")

    def other(found):
        number = int(found.group(1))
        return b"127.0.0.1:%d" % ports.get(number, number)

    return ADDRESS.sub(other, head) + end + body
