"""The phones of a crowd: a program with one SIP and one RTP socket, scripted on its input.

Each phone answers its calls and plays a tone of its own, encoded once: what it costs is a packet
every 20 ms. What it hears is sampled, a burst of packets once a second. Each call that has ended
is a line of JSON on standard output.
"""

import heapq
import json
import math
import os
import re
import select
import socket
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

TICK = 0.02
BURST = 400
"""Packets of a sample, more than a socket holds."""

RESEND = 0.5
"""Seconds after which an answer or BYE that nobody acknowledged is sent again (RFC 3261 17)."""

GIVE_UP = 32.0
"""Seconds after which it is sent no more: nobody is there (64 x T1)."""


@dataclass
class Script:
    """Seconds to ring, seconds to talk before it hangs up (None: never), or a status to refuse."""

    number: str = ""
    answer_after: float = 0.0
    talk: float | None = None
    refuse: str | None = None


@dataclass
class Dialog:
    """One call of one phone."""

    invite: str
    number: str
    source: tuple[str, int]
    audio: tuple[str, int]
    script: Script
    stream: int
    payload: bytes
    began: float = field(default_factory=time.monotonic)
    answered: float | None = None
    acknowledged: bool = False
    leaving: bool = False
    over: bool = False
    heard: int = 0
    loud: int = 0


class Phones:
    """All phones, on a clock of 20 ms."""

    def __init__(self):
        self.sip, self.rtp = _socket(), _socket()
        self.rtp.setblocking(False)
        self.scripts = {}
        self.dialogs = {}
        self.talking = {}
        self.due = []
        self.numbers = count(1)
        self.tick = 0
        self.tell_invites = "--invites" in sys.argv

    def run(self, told):
        """Live until the other side closes the file ``told``, which brings scripts."""
        rest = b""
        print(self.sip.getsockname()[1], flush=True)
        clock = time.monotonic()
        while True:
            waiting = max(0.0, clock - time.monotonic())
            readable, _, _ = select.select([self.sip, told], [], [], waiting)
            if told in readable:
                if not (lines := os.read(told, 65_536)):
                    return
                rest += lines
                *whole, rest = rest.split(b"\n")
                for script in map(json.loads, whole):
                    self.scripts[script["number"]] = Script(**script)
            if self.sip in readable:
                self._take(*self.sip.recvfrom(65_536))
            if time.monotonic() >= clock:
                clock += TICK
                self._speak()

    def _speak(self):
        self.tick += 1
        while self.due and self.due[0][0] <= time.monotonic():
            heapq.heappop(self.due)[2]()
        head = struct.pack("!BBHI", 0x80, 0, self.tick & 0xFFFF, self.tick * 160 & 0xFFFFFFFF)
        for dialog in self.talking.values():
            with suppress(OSError):  # whoever hung up has closed its port already
                self.rtp.sendto(head + dialog.payload, dialog.audio)
        if self.tick % 50 == 0:
            self._listen()

    def _listen(self):
        """Sample what the phones hear, by where it comes from."""
        with suppress(BlockingIOError):
            for _ in range(BURST):
                packet, source = self.rtp.recvfrom(2048)
                dialog = self.talking.get(source)
                if dialog is not None and len(packet) == 172:
                    dialog.heard += 1
                    # Not silence: of a tone of 2 kHz every second sample may well be zero.
                    dialog.loud += packet.count(0xFF) + packet.count(0x7F) < 140

    def _after(self, seconds, what):
        heapq.heappush(self.due, (time.monotonic() + seconds, next(self.numbers), what))

    # --- signalling ---

    def _take(self, data, source):
        text = data.decode("utf-8", "replace")
        method = text.split(" ", 1)[0]
        call = _header(text, "Call-ID")
        dialog = self.dialogs.get(call)
        if method == "INVITE":
            self._invited(call, dialog, text, source)
        elif method == "SIP/2.0":
            if dialog is not None and "BYE" in _header(text, "CSeq") and " 100 " not in text[:12]:
                self._end(call, dialog, "us")
        elif method == "ACK":
            if dialog is not None:
                dialog.acknowledged = True
                if dialog.answered is None:
                    self._end(call, dialog, "us" if dialog.script.refuse else "them")
        else:
            self._reply(text, source, "200 OK")
            if dialog is not None and method == "CANCEL" and dialog.answered is None:
                dialog.over = True
                self._reply(dialog.invite, source, "487 Request Terminated")
            elif dialog is not None and method == "BYE":
                self._end(call, dialog, "them")

    def _invited(self, call, dialog, text, source):
        if dialog is not None:
            if dialog.answered is not None:  # a repetition, or a re-INVITE: the same answer
                dialog.invite = text
                self._accept(dialog)
            return
        number = re.match(r"INVITE sip:(\+?\d+)@", text)[1]
        host = re.search(r"^c=IN IP4 (\S+)", text, re.MULTILINE)[1]
        audio = (host, int(re.search(r"^m=audio (\d+)", text, re.MULTILINE)[1]))
        stream = next(self.numbers)
        payload = struct.pack("!I", stream) + _tone(200 + 50 * (stream * 7 % 40))
        if self.tell_invites:
            print(json.dumps({"number": number, "invited": time.monotonic()}), flush=True)
        script = self.scripts.get(number, Script())
        dialog = Dialog(text, number, source, audio, script, stream, payload)
        self.dialogs[call] = dialog
        if script.refuse is not None:
            refusal = script.refuse
            self._until(dialog, "acknowledged", lambda: self._reply(text, source, refusal))
            return
        self._reply(text, source, "180 Ringing")
        self._after(script.answer_after, lambda: self._pick_up(dialog))

    def _pick_up(self, dialog):
        if dialog.over:
            return
        dialog.answered = time.monotonic()
        self.talking[dialog.audio] = dialog
        self._until(dialog, "acknowledged", lambda: self._accept(dialog))
        if dialog.script.talk is not None:
            self._after(dialog.script.talk, lambda: self._leave(dialog))

    def _until(self, dialog, done, send, since=None):
        """Send now and again until it is done, or nobody seems to be there any more."""
        since = since or time.monotonic()
        if dialog.over or getattr(dialog, done):
            return
        if time.monotonic() - since > GIVE_UP:
            self._end(_header(dialog.invite, "Call-ID"), dialog, "nobody")
            return
        send()
        self._after(RESEND, lambda: self._until(dialog, done, send, since))

    def _accept(self, dialog):
        body = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.rtp.getsockname()[1]} RTP/AVP 0\r\n"
        )
        self._reply(dialog.invite, dialog.source, "200 OK", body)

    def _leave(self, dialog):
        if not dialog.over and not dialog.leaving:
            dialog.leaving = True
            self._until(dialog, "over", lambda: self._bye(dialog))

    def _bye(self, dialog):
        target = re.search(r"<([^>]+)>", _header(dialog.invite, "Contact"))[1]
        lines = [
            f"BYE {target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.sip.getsockname()[1]};branch=z9hG4bK{dialog.stream}",
            "Max-Forwards: 70",
            f"From: {_header(dialog.invite, 'To')};tag=p{dialog.stream}",
            f"To: {_header(dialog.invite, 'From')}",
            f"Call-ID: {_header(dialog.invite, 'Call-ID')}",
            "CSeq: 1 BYE",
            "Content-Length: 0",
        ]
        self.sip.sendto("\r\n".join([*lines, "", ""]).encode(), dialog.source)

    def _reply(self, request, source, status, body=""):
        to = _header(request, "To")
        dialog = self.dialogs.get(_header(request, "Call-ID"))
        tag = "" if "tag=" in to or dialog is None else f";tag=p{dialog.stream}"
        lines = [
            f"SIP/2.0 {status}",
            *(line for line in request.split("\r\n") if line.startswith("Via:")),
            f"From: {_header(request, 'From')}",
            f"To: {to}{tag}",
            f"Call-ID: {_header(request, 'Call-ID')}",
            f"CSeq: {_header(request, 'CSeq')}",
            f"Contact: <sip:phones@127.0.0.1:{self.sip.getsockname()[1]}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self.sip.sendto("\r\n".join([*lines, "", body]).encode(), source)

    def _end(self, call, dialog, who):
        self.dialogs.pop(call, None)
        if self.talking.get(dialog.audio) is dialog:  # the port may be another call's by now
            del self.talking[dialog.audio]
        dialog.over = True
        now = time.monotonic()
        report = {
            "number": dialog.number,
            "answered": dialog.answered,
            "ended": now,
            "ended_by": who,
            "heard": dialog.heard,
            "loud": dialog.loud,
        }
        print(json.dumps(report), flush=True)


def _socket():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


def _header(text, name):
    found = re.search(rf"^{name}: (.*?)\r$", text, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def _tone(hz):
    """20 ms of PCMU at -12 dB; a multiple of 50 Hz goes on without a seam."""
    wave = (math.sin(2 * math.pi * hz * n / 8000) * 8192 for n in range(160))
    return bytes(_ulaw(round(sample)) for sample in wave)


def _ulaw(sample):
    """G.711 section 3, by its segments."""
    magnitude = min(abs(sample), 32_635) + 132
    segment = magnitude.bit_length() - 8
    code = segment << 4 | magnitude >> segment + 3 & 0x0F
    return ~(code | (0x80 if sample < 0 else 0)) & 0xFF


if __name__ == "__main__":
    Phones().run(sys.stdin.fileno())
