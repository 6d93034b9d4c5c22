"""A caller for tests: a SIP stack in a process of its own that rings a phone and does as told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from typing import Any

import numpy as np
from baresip import Account, Config, Runtime, UserAgent
from baresip.errors import AudioNotActive, AudioRestarted


class Caller:
    """Dials ``uri`` in a ``with`` block; ``tell`` it ``hangup`` or ``press 12``.

    ``tones`` are (Hz, dBFS) pairs that it plays at once. ``events`` is what its stack reported.
    """

    def __init__(
        self, uri: str, *, user: str = "+6522222222", tones: tuple[tuple[float, float], ...] = ()
    ) -> None:
        self.events: list[dict[str, Any]] = []
        self._told = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, __file__, json.dumps({"uri": uri, "user": user, "tones": tones})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reader.join(5)
        self._process.stdout.close()

    def tell(self, command: str) -> None:
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(5)

    def wait(self, event: str, timeout: float = 5.0, *, count: int = 1) -> list[str]:
        """Texts of the first ``count`` events of this name, as soon as there are so many."""

        def texts() -> list[str]:
            return [each["text"] for each in self.events if each["event"] == event]

        with self._told:
            if not self._told.wait_for(lambda: len(texts()) >= count, timeout):
                raise AssertionError(f"caller: no {event} in {timeout} s: {self.events}")
        return texts()[:count]

    def _read(self) -> None:
        for line in self._process.stdout:
            with self._told:
                self.events.append(json.loads(line))
                self._told.notify_all()


# --- the process ------------------------------------------------------------------------------


async def main(uri: str, user: str, tones: list[tuple[float, float]]) -> None:
    runtime = Runtime()
    await runtime.start(
        Config(net_interface="127.0.0.1", extra_config_text="sip_listen 127.0.0.1:0\n")
    )
    private = user == "anonymous"
    account = Account(user, "anonymous.invalid" if private else "127.0.0.1", "", reg_interval=0)
    agent = await UserAgent.create(runtime, account)
    runtime.subscribe(lambda event: say(event.event.name, event.text))
    call = await agent.dial(
        uri, headers={"X-Test": "yes", **({"Privacy": "id"} if private else {})}
    )
    call.on_dtmf(lambda pressed: say("DIGIT", pressed.digit))
    sound = [asyncio.create_task(part) for part in (play(call, tones), listen(call))]
    try:
        await obey(call)
    finally:
        for task in sound:
            task.cancel()
        await runtime.close()


def say(event: str, text: str | None) -> None:
    print(json.dumps({"event": event, "text": text or ""}), flush=True)


async def obey(call: Any) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := (await reader.readline()).decode().split():
        if line[0] == "hangup":
            await call.hangup()
        elif line[0] == "press":
            await call.send_dtmf(line[1])


async def play(call: Any, tones: list[tuple[float, float]]) -> None:
    def frame(start: int) -> bytes:
        n = np.arange(start, start + 160)
        mix = sum(10 ** (level / 20) * np.sin(2 * np.pi * hz * n / 8000) for hz, level in tones)
        return np.clip(np.rint(32767 * mix), -32768, 32767).astype(np.int16).tobytes()

    sample = 0
    while tones:
        with contextlib.suppress(AudioNotActive, AudioRestarted):
            while call.audio.info().tx_buffered < 960:
                call.audio.write(frame(sample))
                sample += 160
        await asyncio.sleep(0.02)


async def listen(call: Any) -> None:
    """Say once a second which tone is the loudest, by a transform of its own."""
    pcm = b""
    while True:
        with contextlib.suppress(AudioNotActive, AudioRestarted):
            pcm += call.audio.read(16000)
        if len(pcm) >= 16000:
            bins = np.abs(np.fft.rfft(np.frombuffer(pcm[:16000], np.int16) / 32767)) / 4000
            hz = int(np.argmax(bins))
            say("HEARD", f"{hz}:{round(20 * np.log10(bins[hz]))}" if bins[hz] else "silence")
            pcm = pcm[16000:]
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(**json.loads(sys.argv[1])))
