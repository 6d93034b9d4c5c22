"""A scripted SIP phone on one UDP socket: says what a test tells it to and keeps what it heard."""

import itertools
import socket
import threading
import time
from contextlib import contextmanager

from support.rtp import Playing, Stream, packets, silent, ulaw_tone, waiting
from support.sip_message import Request, reply, request_top, session

__all__ = ["SipPeer", "silent_port", "ulaw_tone"]

CHALLENGE = 'Proxy-Authenticate: Digest realm="trunk", nonce="abc", algorithm=MD5, qop="auth"'
AGAIN = 0.5
"""Seconds after which a final answer without its ACK is repeated (RFC 3261, T1)."""


class SipPeer:
    """Answers each INVITE with ``script``, a list of (delay in seconds, status line, SDP or not).

    ``deaf_to`` BYEs stay without an answer; with ``bye_crosses`` a BYE of its own comes before the
    answer to ours. With ``challenge`` it wants credentials first (digest, RFC 3261 section 22).
    ``codecs`` are those of its SDP, which knows key presses unless ``events`` is false; ``headers``
    are added to its 2xx.

    ``requests`` holds every message heard, in order, but a repeated INVITE only once; other methods
    get a 200 unless told otherwise. Any number of calls may be up; what it does of its own accord
    belongs to the one whose INVITE came last.
    """

    def __init__(self, *script, **manner):
        self.become(*script, **manner)
        self.sent = []
        self.sock, self.rtp = self._socket(), self._socket()
        self.sock.settimeout(0.05)
        self.stream = Stream(self.rtp)
        self.port = self.sock.getsockname()[1]
        self.closing = threading.Event()
        self.due = []
        self.answers = {}
        self.unacknowledged = {}
        self.numbers = itertools.count(1)
        self.versions = itertools.count(2)
        self.invite = None
        self.source = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def become(
        self,
        *script,
        contact=None,
        ok_on_cancel=False,
        challenge=False,
        deaf_to=0,
        bye_crosses=False,
        codecs=("PCMU",),
        headers=(),
        direction=None,
        events=True,
    ):
        """Begin anew with another script and manner; what was heard so far is forgotten."""
        self.script = script
        self.contact = contact
        self.ok_on_cancel = ok_on_cancel
        self.challenge = challenge
        self.deaf_to = deaf_to
        self.bye_crosses = bye_crosses
        self.codecs = codecs
        self.headers = headers
        self.direction = direction
        self.events = events
        self.requests = []

    @staticmethod
    def _socket():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        return sock

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

    # --- what it says of its own accord -------------------------------------------------------

    def send(self, method, body="", content_type=None, refer_to=None, headers=(), number=None):
        """Send a request of our own inside the dialog of the last INVITE; its CSeq number."""
        invite = self.invite
        number = number or next(self.numbers)
        lines = [
            *request_top(self.port, method, invite.contact, number),
            f"From: {invite.get('To')};tag=peer",
            f"To: {invite.get('From')}",
            f"Call-ID: {invite.get('Call-ID')}",
            *headers,
        ]
        lines += [f"Refer-To: {refer_to}"] if refer_to else []
        lines += [f"Content-Type: {content_type}"] if content_type else []
        self._send([*lines, f"Content-Length: {len(body)}", "", body], self.source)
        return number

    def ask(self, method, *args, **options):
        """Send such a request and wait for its final answer."""
        number = self.send(method, *args, **options)
        return self.wait_for(
            "SIP/2.0",
            matching=lambda r: r.get("CSeq") == f"{number} {method}" and r.start[8] != "1",
        )

    def reinvite(
        self,
        direction=None,
        *,
        moved=False,
        offer=True,
        twice=False,
        headers=(),
        host="127.0.0.1",
    ):
        """Offer the session anew, acknowledge the answer and return it.

        Without ``offer`` the other side makes the offer, and the ACK has our answer. With ``moved``
        the audio has another port from now on. Said ``twice``, only the second answer counts.
        """
        if moved:
            self.move_audio()
        port, version = self.rtp.getsockname()[1], next(self.versions)
        described = session(port, self.codecs, direction, version, host, self.events)
        kind = "application/sdp"
        answer = self.ask("INVITE", *((described, kind) if offer else ()), headers=headers)
        if twice:
            self.repeat("INVITE")
            same = answer.get("CSeq")
            self.wait_for("SIP/2.0", count=2, matching=lambda r: r.get("CSeq") == same)
        ours = () if offer or answer.start[8] != "2" else (described, kind)
        self.send("ACK", *ours, number=int(answer.get("CSeq").split()[0]))
        return answer

    def repeat(self, start):
        """Send the last message that began like this once more."""
        data, address = next(each for each in reversed(self.sent) if each[0].startswith(start))
        self.sock.sendto(data.encode(), address)

    def call(self, user, address, headers=()):
        """Send an INVITE of our own to a user at this host and port, outside of any dialog."""
        body = session(self.rtp.getsockname()[1])
        lines = [
            *request_top(
                self.port, "INVITE", f"sip:{user}@{address[0]}:{address[1]}", next(self.numbers)
            ),
            "From: <sip:stranger@127.0.0.1>;tag=stranger",
            f"To: <sip:{user}@{address[0]}>",
            f"Call-ID: stranger-{time.monotonic_ns()}",
            *headers,
            "Content-Type: application/sdp",
        ]
        self._send([*lines, f"Content-Length: {len(body)}", "", body], address)

    def _send(self, lines, address):
        self.sent.append(("\r\n".join(lines), address))
        self.sock.sendto(self.sent[-1][0].encode(), address)

    # --- audio --------------------------------------------------------------------------------

    def move_audio(self):
        """Send and take audio at another port from now on, and say so in what comes next."""
        self.rtp.close()
        self.rtp = self.stream.sock = self._socket()

    def play(self, payload, seconds, **how):
        """Send packets of this payload to where the INVITE's SDP asked for them."""
        self.stream.play(payload, seconds, self.invite.media, **how)

    def playing(self, payload, **how):
        """Play inside a ``with`` block."""
        return Playing(self.stream, payload, self.invite.media, **how)

    def listen(self, seconds):
        """RTP packets that arrive in the next seconds."""
        return packets(self.rtp, seconds)

    def silent(self):
        """Whether all PCMU that has arrived so far is silence."""
        return silent(waiting(self.rtp))

    # --- what it answers ----------------------------------------------------------------------

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
        for transaction, at in list(self.unacknowledged.items()):
            if at <= now:
                self.unacknowledged[transaction] = now + AGAIN
                self._send(*self.answers[transaction])

    def _on_message(self, request, source):
        if request.method == "INVITE" and request.transaction in self.answers:
            if answer := self.answers[request.transaction]:
                self._send(*answer)
            return
        self.requests.append(request)
        if request.method == "INVITE":
            self._on_invite(request, source)
        elif request.method == "CANCEL":
            self.due = [item for item in self.due if item[1].transaction != request.transaction]
            self._reply(request, source, "200 OK", False)
            late = "200 OK" if self.ok_on_cancel else "487 Request Terminated"
            invite = next(r for r in self.heard("INVITE") if r.transaction == request.transaction)
            self._reply(invite, source, late, self.ok_on_cancel)
        elif request.method == "ACK":
            self.unacknowledged.pop(request.transaction, None)
        elif request.method == "BYE":
            self._on_bye(request, source)
        elif request.method != "SIP/2.0":
            self._reply(request, source, "200 OK", False)

    def _on_invite(self, request, source):
        self.invite, self.source = request, source
        self.answers[request.transaction] = None
        if self.challenge and not request.all("Proxy-Authorization"):
            self._reply(request, source, "407 Proxy Authentication Required", False, CHALLENGE)
            return
        at = time.monotonic()
        for delay, status, sdp in self.script:
            at += delay
            self.due.append((at, request, source, status, sdp))

    def _on_bye(self, request, source):
        if self.bye_crosses:
            self.send("BYE")
        if len(self.heard("BYE")) > self.deaf_to:
            self._reply(request, source, "200 OK", False)

    def _reply(self, request, source, status, sdp, *extra):
        port = self.rtp.getsockname()[1]
        body = session(port, self.codecs, self.direction, events=self.events) if sdp else ""
        extra += tuple(self.headers) if status.startswith("2") else ()
        contact = self.contact or f"<sip:peer@127.0.0.1:{self.port}>"
        lines = reply(request, status, contact, body, extra)
        self._send(lines, source)
        if request.method == "INVITE":
            self.answers[request.transaction] = lines, source
            if not status.startswith("1"):
                self.unacknowledged[request.transaction] = time.monotonic() + AGAIN


@contextmanager
def silent_port():
    """A UDP port that is bound and never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
