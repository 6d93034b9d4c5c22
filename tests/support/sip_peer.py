"""A scripted SIP phone on one UDP socket: says exactly what a test tells it to, and keeps what it heard."""

import re
import socket
import threading
import time
from contextlib import contextmanager

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)


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

    ``requests`` holds every request heard, in order; other methods get a 200 unless told otherwise.
    """

    def __init__(self, *script, extra=(), ok_on_cancel=False):
        self.script = script
        self.extra = extra
        self.ok_on_cancel = ok_on_cancel
        self.requests = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(0.05)
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
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

    def wait_for(self, method, timeout=3.0, count=1):
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if len(self.heard(method)) >= count:
                return self.heard(method)[count - 1]
            time.sleep(0.01)
        raise AssertionError(
            f"no {method} within {timeout} s; heard {[r.start for r in self.requests]}"
        )

    def send(self, method, body="", content_type=None):
        """Send a request of our own inside the dialog of the last INVITE."""
        invite = self.invite
        target = re.search(r"<([^>]+)>", invite.get("Contact")).group(1)
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{time.monotonic_ns()}",
            "Max-Forwards: 70",
            f"From: {invite.get('To')};tag=peer",
            f"To: {invite.get('From')}",
            f"Call-ID: {invite.get('Call-ID')}",
            f"CSeq: {time.monotonic_ns() % 100000000} {method}",
            f"Contact: <sip:peer@127.0.0.1:{self.port}>",
            *self.extra_of(method),
        ]
        if content_type:
            lines.append(f"Content-Type: {content_type}")
        text = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
        self.sock.sendto(text.encode(), self.source)

    def extra_of(self, method):
        return ["Refer-To: <sip:+6599999999@127.0.0.1>"] if method == "REFER" else []

    def play(self, payload, seconds, ptime=0.02):
        """Send PCMU packets of this payload to where the INVITE's SDP asked for them."""
        host_port = ("127.0.0.1", int(re.search(r"m=audio (\d+)", self.invite.body).group(1)))
        for index in range(round(seconds / ptime)):
            header = bytes([0x80, 0]) + index.to_bytes(2, "big")
            header += (index * 160).to_bytes(4, "big") + b"peer"
            self.rtp.sendto(header + payload(index), host_port)
            time.sleep(ptime)

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
        elif request.method not in {"ACK", "SIP/2.0"}:
            self._reply(request, source, "200 OK", False)

    def _reply(self, request, source, status, sdp):
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
            f"Contact: <sip:peer@127.0.0.1:{self.port}>",
            *self.extra,
        ]
        if sdp:
            lines.append("Content-Type: application/sdp")
        text = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
        self.sock.sendto(text.encode(), source)


@contextmanager
def silent_port():
    """A UDP port that is bound and never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
