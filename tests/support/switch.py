"""An engine on an event loop of its own thread, driven and watched by a plain test."""

import asyncio
import threading
import time

from hoiio.server.engines.protocol import Answered, Bridge, Dial, Ended, HangUp, SetDeadline


class Switch:
    """Starts an engine, sends commands in words, and waits for its events."""

    def __init__(self, engine):
        self.engine = engine
        self.events = []
        self.news = threading.Condition()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        try:
            self.run(self.engine.start(self._take))
        except BaseException:
            self._end_loop()
            raise
        return self

    def __exit__(self, *_):
        self.run(self.engine.stop())
        self._end_loop()

    def _end_loop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def call(self, function, *args):
        """Call a plain method of the engine on the loop it belongs to."""

        async def inside():
            return function(*args)

        return self.run(inside())

    def send(self, *commands):
        self.call(self.engine.send, *commands)

    def dial(self, leg, number, caller_id="+6599999999", *, ring=5.0, talk=30.0, **rest):
        self.send(Dial(leg, number, caller_id, ring, talk, **rest))

    def bridge(self, leg, room="room", **options):
        self.send(Bridge(leg, room, **options))

    def hang_up(self, leg):
        self.send(HangUp(leg))

    def deadline(self, leg, at):
        self.send(SetDeadline(leg, at))

    def connect(self, *pairs, **options):
        """Dial each (leg, number), wait for every answer, and bridge them all."""
        for leg, number in pairs:
            self.dial(leg, number)
        for leg, _ in pairs:
            self.wait(Answered, leg)
            self.bridge(leg, **options)

    def settle(self):
        """Return once every command so far was carried out: they are, in order."""
        leg = f"nowhere{time.monotonic_ns()}"
        self.dial(leg, "+6500000000")
        self.wait_ended(leg)

    def of(self, leg):
        with self.news:
            return [event for event in self.events if event.leg == leg]

    def kinds(self, leg):
        return [type(event).__name__ for event in self.of(leg)]

    def wait(self, kind, leg, timeout=8.0, count=1):
        until = time.monotonic() + timeout
        with self.news:
            while True:
                found = [e for e in self.events if isinstance(e, kind) and e.leg == leg]
                if len(found) >= count:
                    return found[count - 1]
                if not self.news.wait(max(0, until - time.monotonic())):
                    raise AssertionError(
                        f"no {kind.__name__} of {leg} in {timeout} s: {self.events}"
                    )

    def wait_ended(self, leg, timeout=8.0):
        return self.wait(Ended, leg, timeout)

    def _take(self, event):
        with self.news:
            self.events.append(event)
            self.news.notify_all()


def wait_until(condition, timeout=8.0):
    """Return once this is true; an ``AssertionError`` when it never is."""
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f"still not so after {timeout} s"
        time.sleep(0.01)
