"""Audio of a scripted phone: G.711, RTP packets with or without jitter, and a measuring ear."""

import random
import threading
import time

import numpy as np

RATE, FRAME, PTIME = 8000, 160, 0.02
AMPLITUDE = 8000


def _ulaw_values():
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132 << (code >> 4 & 7)) - 132
    return np.where(code & 0x80, -magnitude, magnitude)


def _alaw_values():
    code = np.arange(256) ^ 0x55
    exponent, low = code >> 4 & 7, (code & 0x0F) << 4
    magnitude = np.where(exponent, low + 264 << np.maximum(exponent - 1, 0), low + 8)
    return np.where(code & 0x80, magnitude, -magnitude)


VALUES = {0: _ulaw_values(), 8: _alaw_values()}
"""What each byte of a payload type stands for (ITU-T G.711)."""


def tone(hertz, payload_type=0):
    """Payloads of a tone at a quarter of full scale: a function of the packet's number."""
    values = VALUES[payload_type]

    def payload(index):
        times = np.arange(index * FRAME, (index + 1) * FRAME)
        samples = AMPLITUDE * np.sin(2 * np.pi * hertz * times / RATE)
        return np.abs(values[None, :] - samples[:, None]).argmin(axis=1).astype(np.uint8).tobytes()

    payload.payload_type = payload_type
    return payload


def ulaw_tone(hertz):
    """The same in PCMU."""
    return tone(hertz)


class Stream:
    """One direction of a call: numbers its packets on and on, whatever it plays."""

    def __init__(self, sock):
        self.sock = sock
        self.sent = 0

    def play(self, payload, seconds, to, *, jitter=0.0, until=None):
        """Send a packet every 20 ms, each later by up to ``jitter`` seconds: they overtake."""
        late = random.Random(4)
        count = round(seconds / PTIME)
        schedule = sorted(
            (number * PTIME + late.uniform(0, jitter), self.sent + number)
            for number in range(count)
        )
        self.sent += count
        began = time.monotonic()
        for moment, number in schedule:
            pause = max(0.0, began + moment - time.monotonic())
            if until is not None and until.wait(pause):
                return
            time.sleep(0 if until else pause)
            self.sock.sendto(_packet(payload, number), to)


def _packet(payload, number):
    header = bytes([0x80, getattr(payload, "payload_type", 0)]) + (number & 0xFFFF).to_bytes(2)
    return header + (number * FRAME).to_bytes(4) + b"peer" + payload(number)


class Playing:
    """Plays in a thread of its own inside a ``with`` block, for a minute at most."""

    def __init__(self, stream, payload, to, **how):
        self.over = threading.Event()
        self.thread = threading.Thread(
            target=stream.play, args=(payload, 60, to), kwargs={"until": self.over, **how}
        )

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def waiting(sock):
    """RTP packets that have arrived and nobody took."""
    sock.setblocking(False)
    found = []
    while True:
        try:
            found.append(sock.recv(2048))
        except BlockingIOError:
            return found


def packets(sock, seconds):
    """RTP packets that arrive in the next seconds."""
    waiting(sock)
    time.sleep(seconds)
    return waiting(sock)


def silent(heard):
    """Whether all PCMU among these packets is silence."""
    audio = (packet[12:] for packet in heard if packet[1] & 0x7F == 0)
    return all(byte & 0x7F >= 0x78 for payload in audio for byte in payload)


def samples(heard):
    """The audio of these packets, in the order of their numbers."""
    audio = [packet for packet in heard if packet[1] & 0x7F in VALUES]
    audio.sort(key=lambda packet: int.from_bytes(packet[4:8]))
    parts = [VALUES[packet[1] & 0x7F][np.frombuffer(packet[12:], np.uint8)] for packet in audio]
    return np.concatenate(parts) if parts else np.zeros(0)


def measure(audio, hertz):
    """A tone's level in dB below full scale, and how far all else lies below the tone."""
    window = np.hanning(len(audio))
    power = np.abs(np.fft.rfft(audio * window)) ** 2
    near = np.abs(np.fft.rfftfreq(len(audio), 1 / RATE) - hertz) < 20
    inside, outside = power[near].sum(), power[~near].sum()
    level = 10 * np.log10(4 * inside / (len(audio) * np.sum(window**2)) / 32768**2)
    return level, 10 * np.log10(inside / max(outside, 1e-9))
