"""A SIP trunk on which every number is busy: answers thousands of INVITEs at once with 486."""

import socket
import threading

COPIED = ("Via", "From", "Call-ID", "CSeq")


class BusyTrunk:
    """``callers`` are the From headers' users of all INVITEs so far, ``port`` where it listens."""

    def __init__(self):
        self.callers = set()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(0.1)
        self.port = self.sock.getsockname()[1]
        self.closing = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.thread.join(2)
        self.sock.close()

    def _run(self):
        while not self.closing.is_set():
            try:
                data, source = self.sock.recvfrom(65_536)
            except TimeoutError:
                continue
            if data.startswith(b"INVITE "):
                self._refuse(data.decode(), source)

    def _refuse(self, invite, source):
        lines = invite.split("\r\n")
        headers = {line.partition(":")[0]: line for line in lines if ":" in line}
        self.callers.add(headers["From"].split("sip:")[1].split("@")[0])
        head = ["SIP/2.0 486 Busy Here", *(headers[name] for name in COPIED)]
        reply = [*head, headers["To"] + ";tag=busy", "Content-Length: 0", "", ""]
        self.sock.sendto("\r\n".join(reply).encode(), source)
