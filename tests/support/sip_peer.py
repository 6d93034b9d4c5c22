"""A scripted SIP phone on one UDP socket: says what a test tells it to and keeps what it heard."""

import math
import re
import socket
import threading
import time
from contextlib import contextmanager

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)


CHALLENGE = 'Proxy-Authenticate: Digest realm="trunk", nonce="abc", algorithm=MD5, qop="auth"'


class Request:
    """One SIP message, as it came."""

    def __init__(self, data):
        self.text = data.decode("utf-8", "replace")
        head, _, self.body = self.text.partition("\r\n\r\n")
        self.start, *lines = head.split("\r\n")
        self.headers = [tuple(line.split(": ", 1)) for line in lines if ": " in line]
        self.method = self.start.split(" ")[0]

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        return next(iter(self.all(name)), None)


class SipPeer:
    """Answers each INVITE with ``script``, a list of (delay in seconds, status line, SDP or not).

    ``deaf_to`` BYEs stay without an answer. With ``challenge`` it wants credentials first (digest,
    RFC 3261 section 22).

    ``requests`` holds every request heard, in order; other methods get a 200 unless told otherwise.
    """

    def __init__(self, *script, contact=None, ok_on_cancel=False, challenge=False, deaf_to=0):
        self.script = script
        self.ok_on_cancel = ok_on_cancel
        self.challenge = challenge
        self.deaf_to = deaf_to
        self.requests = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(0.05)
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.contact = contact or f"<sip:peer@127.0.0.1:{self.port}>"
        self.closing = threading.Event()
        self.due = []
        self.media_to = None
        self.invite = None
        self.source = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.thread.join(2)
        self.sock.close()
        self.rtp.close()

    @property
    def uri(self):
        return f"sip:127.0.0.1:{self.port}"

    def heard(self, method):
        return [request for request in self.requests if request.method == method]

    def wait_for(self, method, timeout=3.0, count=1, matching=lambda request: True):
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            found = [request for request in self.heard(method) if matching(request)]
            if len(found) >= count:
                return found[count - 1]
            time.sleep(0.01)
        heard = [request.start for request in self.requests]
        raise AssertionError(f"no {method} in {timeout} s; heard {heard}")

    def send(self, method, body="", content_type=None, refer_to=None):
        """Send a request of our own inside the dialog of the last INVITE."""
        invite = self.invite
        target = re.search(r"<([^>]+)>", invite.get("Contact")).group(1)
        lines = [
            *self._top(method, target),
            f"From: {invite.get('To')};tag=peer",
            f"To: {invite.get('From')}",
            f"Call-ID: {invite.get('Call-ID')}",
        ]
        lines += [f"Refer-To: {refer_to}"] if refer_to else []
        lines += [f"Content-Type: {content_type}"] if content_type else []
        self._send([*lines, f"Content-Length: {len(body)}", "", body], self.source)

    def call(self, user, address):
        """Send an INVITE of our own to a user at this host and port, outside of any dialog."""
        body = SDP.format(port=self.rtp.getsockname()[1])
        lines = [
            *self._top("INVITE", f"sip:{user}@{address[0]}:{address[1]}"),
            "From: <sip:stranger@127.0.0.1>;tag=stranger",
            f"To: <sip:{user}@{address[0]}>",
            f"Call-ID: stranger-{time.monotonic_ns()}",
            "Content-Type: application/sdp",
        ]
        self._send([*lines, f"Content-Length: {len(body)}", "", body], address)

    def _top(self, method, target):
        return [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{time.monotonic_ns()}",
            "Max-Forwards: 70",
            f"CSeq: {time.monotonic_ns() % 100000000} {method}",
            f"Contact: <sip:peer@127.0.0.1:{self.port}>",
        ]

    def _send(self, lines, address):
        self.sock.sendto("\r\n".join(lines).encode(), address)

    def play(self, payload, seconds, ptime=0.02):
        """Send PCMU packets of this payload to where the INVITE's SDP asked for them."""
        host_port = ("127.0.0.1", int(re.search(r"m=audio (\d+)", self.invite.body).group(1)))
        for index in range(round(seconds / ptime)):
            header = bytes([0x80, 0]) + index.to_bytes(2, "big")
            header += (index * 160).to_bytes(4, "big") + b"peer"
            self.rtp.sendto(header + payload(index), host_port)
            time.sleep(ptime)

    def silent(self):
        """Whether all PCMU that has arrived so far is silence."""
        self.rtp.setblocking(False)
        while True:
            try:
                packet = self.rtp.recv(2048)
            except BlockingIOError:
                return True
            if packet[1] & 0x7F == 0 and any(byte & 0x7F < 0x78 for byte in packet[12:]):
                return False

    def _run(self):
        while not self.closing.is_set():
            self._send_due()
            try:
                data, source = self.sock.recvfrom(65536)
            except TimeoutError:
                continue
            if len(data) < 8:
                continue
            self._on_message(Request(data), source)

    def _send_due(self):
        now = time.monotonic()
        for item in [item for item in self.due if item[0] <= now]:
            self.due.remove(item)
            _, request, source, status, sdp = item
            self._reply(request, source, status, sdp)

    def _on_message(self, request, source):
        known = [r for r in self.requests if r.method == "INVITE"]
        self.requests.append(request)
        if request.method == "INVITE":
            if known and known[-1].get("CSeq") == request.get("CSeq"):
                self.requests.pop()
                return
            self.invite, self.source = request, source
            if self.challenge and not request.all("Proxy-Authorization"):
                self._reply(request, source, "407 Proxy Authentication Required", False, CHALLENGE)
                return
            at = time.monotonic()
            for delay, status, sdp in self.script:
                at += delay
                self.due.append((at, request, source, status, sdp))
        elif request.method == "CANCEL":
            self.due.clear()
            self._reply(request, source, "200 OK", False)
            if self.ok_on_cancel:
                self._reply(self.invite, source, "200 OK", True)
            else:
                self._reply(self.invite, source, "487 Request Terminated", False)
        elif request.method == "BYE" and len(self.heard("BYE")) <= self.deaf_to:
            return
        elif request.method not in {"ACK", "SIP/2.0"}:
            self._reply(request, source, "200 OK", False)

    def _reply(self, request, source, status, sdp, *extra):
        to = request.get("To")
        if "tag=" not in to and not status.startswith("100"):
            to += ";tag=peer"
        body = SDP.format(port=self.rtp.getsockname()[1]) if sdp else ""
        lines = [f"SIP/2.0 {status}"]
        lines += [f"Via: {via}" for via in request.all("Via")]
        lines += [
            f"From: {request.get('From')}",
            f"To: {to}",
            f"Call-ID: {request.get('Call-ID')}",
            f"CSeq: {request.get('CSeq')}",
            f"Contact: {self.contact}",
            *extra,
        ]
        if sdp:
            lines.append("Content-Type: application/sdp")
        self._send([*lines, f"Content-Length: {len(body)}", "", body], source)


@contextmanager
def silent_port():
    """A UDP port that is bound and never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def ulaw_tone(hertz):
    """Payloads for ``SipPeer.play``: a tone at a quarter of full scale, in PCMU."""

    def payload(index):
        times = range(index * 160, index * 160 + 160)
        return bytes(_ulaw(8000 * math.sin(2 * math.pi * hertz * t / 8000)) for t in times)

    return payload


def _ulaw(sample):
    sign = 0x80 if sample < 0 else 0
    magnitude = min(int(abs(sample)), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF
