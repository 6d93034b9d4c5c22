"""A DNS server on loopback that answers what a test wants, also nothing and nonsense."""

import contextlib
import errno
import socket
import struct
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

NXDOMAIN, SERVFAIL, SILENT, GARBAGE, WRONG_ID, TRUNCATED = (
    "nxdomain", "servfail", "silent", "garbage", "wrong id", "truncated",
)  # fmt: skip


class DnsServer:
    """Answers over UDP and TCP; ``zone`` maps a name to addresses or to one of the words above.

    A dict has an answer for each kind of question, ``A`` and ``AAAA``. A list of lists answers each
    question in turn, the last for good. A name that is not in ``zone`` is NXDOMAIN; in a keyword
    ``_`` stands for the dot. ``asked`` lists the questions.
    """

    def __init__(self, **zone):
        self.zone = {name.replace("_", "."): answer for name, answer in zone.items()}
        self.asked = []
        self.hold = threading.Event()
        self.hold.set()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._tcp = socket.socket()
        self._tcp.bind(("127.0.0.1", 0))
        self._tcp.listen()
        self.port = self._tcp.getsockname()[1]
        self._udp.bind(("127.0.0.1", self.port))
        self._closing = False
        self._threads = [
            threading.Thread(target=self._udp_loop),
            threading.Thread(target=self._tcp_loop),
        ]

    def questions(self, name):
        return self.asked.count((name, "A"))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._closing = True
        self.hold.set()
        self._udp.sendto(b"", self._udp.getsockname())
        with socket.create_connection(("127.0.0.1", self.port)):
            pass
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()

    def _udp_loop(self):
        while True:
            data, sender = self._udp.recvfrom(4096)
            self.hold.wait()
            if self._closing:
                return
            if answer := self._answer(data, tcp=False):
                self._udp.sendto(answer, sender)

    def _tcp_loop(self):
        while True:
            try:
                sock, _ = self._tcp.accept()
            except OSError as error:
                # A test may take all open files from this process; the asker waits meanwhile.
                if error.errno != errno.EMFILE:
                    raise
                time.sleep(0.02)
                continue
            with sock, contextlib.suppress(OSError, struct.error):
                if self._closing:
                    return
                sock.settimeout(5)
                (length,) = struct.unpack("!H", sock.recv(2))
                if answer := self._answer(sock.recv(length), tcp=True):
                    sock.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, data, *, tcp):
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        kind = question.rdtype.name
        self.asked.append((name, kind))
        found = self._found(name)
        if isinstance(found, dict):
            found = found[kind]
        if found == SILENT:
            return None
        if found == GARBAGE:
            return b"\xff\x00garbage" * 3
        answer = dns.message.make_response(query)
        if found in (NXDOMAIN, SERVFAIL):
            answer.set_rcode(dns.rcode.NXDOMAIN if found == NXDOMAIN else dns.rcode.SERVFAIL)
        elif found == WRONG_ID:
            answer.id = query.id ^ 1
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif found == TRUNCATED and not tcp:
            answer.flags |= dns.flags.TC
        else:
            addresses = ["8.8.8.8"] if found == TRUNCATED else found
            mine = [each for each in addresses if (":" in each) == (kind == "AAAA")]
            if mine:
                answer.answer.append(dns.rrset.from_text(question.name, 0, "IN", kind, *mine))
        return answer.to_wire()

    def _found(self, name):
        found = self.zone.get(name, NXDOMAIN)
        if isinstance(found, list) and found and isinstance(found[0], list):
            turn = (len([each for each in self.asked if each[0] == name]) - 1) // 2
            return found[min(turn, len(found) - 1)]
        return found
