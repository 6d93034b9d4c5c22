"""What happens when the engine's process, or the service's, dies in the middle of calls."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hoiio.server.engines.clock import Clock
from hoiio.server.engines.embedded.config import EmbeddedConfig
from hoiio.server.engines.embedded.engine import EmbeddedEngine
from hoiio.server.engines.embedded.messages import Begin, encode
from hoiio.server.engines.embedded.ports import free_port
from hoiio.server.engines.protocol import Answered, Cause, Dial, Ended, EngineUnavailable
from support.sip_peer import SipPeer

ALICE, BOB = "+6511111111", "+6522222222"


def test_a_dead_child_ends_its_legs_and_a_fresh_one_takes_calls(switch, world):
    """Each live leg is reported lost as of the last sign of life; new calls work within 2 s."""
    peer = world.enter_context(SipPeer((0, "180 Ringing", False), (0.1, "200 OK", True)))
    s = switch({ALICE: peer})
    address = s.engine.sip_address
    s.dial("a", ALICE)
    answered = s.wait(Answered, "a")
    s.dial("gone", ALICE)
    s.wait(Answered, "gone")
    s.hang_up("gone")
    s.wait_ended("gone")
    killed = s.engine.now()
    os.kill(s.engine.pid, signal.SIGKILL)
    end = s.wait_ended("a", timeout=1)
    assert end.cause is Cause.ENGINE_LOST
    assert answered.at <= end.at <= killed + 50_000
    assert not s.call(s.engine.reserve, "x", 1)
    with pytest.raises(EngineUnavailable):
        s.dial("too early", ALICE)
    while not s.call(s.engine.reserve, "x", 1):
        assert s.engine.now() - killed < 2_000_000
        time.sleep(0.02)
    s.dial("b", ALICE)
    s.wait(Answered, "b")
    assert s.engine.sip_address == address
    assert s.engine.now() - killed < 3_000_000
    assert sum(isinstance(event, Ended) for event in s.events) == 2


SERVICE = """
import asyncio, sys
from hoiio.server.engines.embedded.config import EmbeddedConfig
from hoiio.server.engines.embedded.engine import EmbeddedEngine
from hoiio.server.engines.protocol import Answered, Dial

async def main():
    answered = asyncio.Event()
    engine = EmbeddedEngine(EmbeddedConfig(
        sip_port=0, routes={"+6511111111": sys.argv[1], "+6522222222": sys.argv[2]}))
    await engine.start(lambda event: isinstance(event, Answered) and answered.set())
    engine.send(Dial("b", "+6522222222", None, 30, 30), Dial("a", "+6511111111", None, 30, 30))
    await answered.wait()
    print(engine.pid, engine.sip_address[1], flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_dead_service_takes_its_calls_and_its_engine_along(phone, world, make_engine):
    """Within 2 s of ``kill -9`` phones see the hangup, and a new engine gets the port."""
    a, b = phone(ALICE), phone(BOB, "--no-answer")
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE, a.uri, b.uri], stdout=subprocess.PIPE, text=True
    )
    world.callback(service.stdout.close)
    world.callback(service.kill)
    child, port = map(int, service.stdout.readline().split())
    service.kill()
    service.wait(5)
    killed = time.monotonic()
    _start_on(port)
    assert a.wait("ended", timeout=2)["reason"] == "remote"
    assert b.wait("ended", timeout=2)["reason"] == "cancelled"
    assert time.monotonic() - killed < 3
    assert not _runs(child)


def _runs(pid):
    """An orphan that nobody has buried yet does not run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def _start_on(port, host="127.0.0.1"):
    async def start():
        engine = EmbeddedEngine(EmbeddedConfig(sip_host=host, sip_port=port))
        await engine.start(lambda event: None)
        await engine.stop()

    return asyncio.run(start())


def test_a_port_in_use_is_said_so(world):
    """After 3 s of waiting the reason names the address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(EngineUnavailable, match=f"127.0.0.1:{port}.*in use"):
            _start_on(port)
    assert 2.9 < time.monotonic() - began < 4


def test_an_address_of_another_machine_is_said_so_at_once():
    """Waiting would not help."""
    began = time.monotonic()
    with pytest.raises(EngineUnavailable, match=r"192\.0\.2\.200:5060"):
        _start_on(5060, "192.0.2.200")
    assert time.monotonic() - began < 1


def test_a_child_that_stands_still_is_replaced(switch, world, monkeypatch):
    """No sign of life: its legs are lost, as of the last one, and a fresh child takes calls."""
    monkeypatch.setattr("hoiio.server.engines.embedded.process._SILENCE_SECONDS", 2.0)
    peer = world.enter_context(SipPeer((0, "200 OK", True)))
    s = switch({ALICE: peer})
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    stopped = s.engine.now()
    os.kill(s.engine.pid, signal.SIGSTOP)
    end = s.wait_ended("a", timeout=5)
    assert end.cause is Cause.ENGINE_LOST
    assert end.at <= stopped + 50_000
    while not s.call(s.engine.reserve, "x", 1):
        assert s.engine.now() - stopped < 6_000_000
        time.sleep(0.02)
    s.dial("b", ALICE)
    s.wait(Answered, "b")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_ends_no_child_by_itself(switch, world, number):
    """The service has it too, and ends its calls in order; the child waits to be told."""
    peer = world.enter_context(SipPeer((0, "200 OK", True)))
    s = switch({ALICE: peer})
    s.dial("a", ALICE)
    s.wait(Answered, "a")
    child = s.engine.pid
    os.kill(child, number)
    time.sleep(0.3)
    assert s.kinds("a") == ["Answered"]
    assert s.engine.pid == child
    s.hang_up("a")
    assert s.wait_ended("a").cause is Cause.HUNG_UP
    peer.wait_for("BYE")


def test_stopping_in_the_middle_of_a_restart_leaves_nothing(switch):
    """A child that is just being started is gone when ``stop`` returns."""
    s = switch({})
    first = s.engine.pid
    os.kill(first, signal.SIGKILL)
    while s.engine.pid is not None:
        time.sleep(0.01)
    time.sleep(0.15)
    s.run(s.engine.stop())
    assert _children() == []


def _children():
    found = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [pid for path in found for pid in path.read_text().split()]
    commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids if _runs(pid)]
    return [command for command in commands if "embedded.child" in command]


def test_a_child_whose_service_reads_nothing_hangs_up_and_exits(world):
    """A parent that stands still: when the pipe is full the calls end, and nothing blocks."""
    peer = world.enter_context(SipPeer((0, "200 OK", True)))
    ours, theirs = socket.socketpair()
    world.enter_context(ours)
    with theirs:
        child = subprocess.Popen(
            [sys.executable, "-m", "hoiio.server.engines.embedded.child", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stderr=subprocess.PIPE,
        )
    world.callback(child.stderr.close)
    world.callback(child.kill)
    config = EmbeddedConfig(routes={ALICE: peer.uri})
    ours.sendall(encode(1, Begin(config, free_port("127.0.0.1"), Clock.anchored_now().anchor)))
    ours.sendall(encode(2, Dial("a", ALICE, None, 10, 60)))
    peer.wait_for("ACK", timeout=5)
    number = 2
    with suppress(OSError):
        while child.poll() is None and not peer.heard("BYE"):
            number += 1
            ours.sendall(encode(number, Dial(f"b{number}", BOB, None, 10, 60)))
    peer.wait_for("BYE", timeout=10)
    assert child.wait(3) in {0, 1}
