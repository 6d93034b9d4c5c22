"""SIP messages and session descriptions, as plain as a scripted phone needs them."""

import re
import time

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G729": 18}


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

    @property
    def transaction(self):
        """What an INVITE, its answers and its ACK have in common."""
        return self.get("Call-ID"), self.get("CSeq").split()[0]

    @property
    def contact(self):
        """The URI that requests inside this dialog go to."""
        return re.search(r"<([^>]+)>", self.get("Contact")).group(1)

    @property
    def media(self):
        """Where the session description wants its audio sent."""
        return "127.0.0.1", int(re.search(r"m=audio (\d+)", self.body).group(1))

    @property
    def direction(self):
        """What the session description says of who may send; both, unless it says otherwise."""
        found = re.search(r"a=(sendrecv|sendonly|recvonly|inactive)", self.body)
        return found.group(1) if found else "sendrecv"


def session(port, codecs=("PCMU",), direction=None, version=1, host="127.0.0.1", events=True):
    """A session description that offers, or answers with, these codecs and key presses."""
    types = [(PAYLOAD_TYPES[codec], codec) for codec in codecs]
    types += [(101, "telephone-event")] if events else []
    lines = [
        "v=0",
        f"o=- 1 {version} IN IP4 127.0.0.1",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {' '.join(str(number) for number, _ in types)}",
        *(f"a=rtpmap:{number} {name}/8000" for number, name in types),
    ]
    lines += [f"a={direction}"] if direction else []
    return "".join(f"{line}\r\n" for line in lines)


def request_top(port, method, target, number):
    """The first lines of a request from a phone on this port."""
    return [
        f"{method} {target} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{time.monotonic_ns()}",
        "Max-Forwards: 70",
        f"CSeq: {number} {method}",
        f"Contact: <sip:peer@127.0.0.1:{port}>",
    ]


def reply(request, status, contact, body="", headers=()):
    """The lines of an answer to a request; a body is a session description."""
    to = request.get("To")
    if "tag=" not in to and not status.startswith("100"):
        to += ";tag=peer"
    return [
        f"SIP/2.0 {status}",
        *(f"Via: {via}" for via in request.all("Via")),
        f"From: {request.get('From')}",
        f"To: {to}",
        f"Call-ID: {request.get('Call-ID')}",
        f"CSeq: {request.get('CSeq')}",
        f"Contact: {contact}",
        *headers,
        *(["Content-Type: application/sdp"] if body else ()),
        f"Content-Length: {len(body)}",
        "",
        body,
    ]
