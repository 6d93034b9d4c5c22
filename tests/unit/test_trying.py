"""Which INVITEs were answered provisionally, read off a trace that is on only when it must be."""

import asyncio
import logging

from hoiio.server.engines.embedded.trying import FirstAnswers


def message(start, call_id="abc", header="Call-ID"):
    text = f"{start}\r\nVia: SIP/2.0/UDP x\r\n{header}: {call_id}\r\nCSeq: 1 INVITE\r\n\r\n"
    return logging.LogRecord("trace", logging.DEBUG, "", 0, text, (), None)


class Desk:
    def __init__(self):
        self.switched, self.told = [], []
        self.answers = FirstAnswers(self.switch, self.told.append)

    async def switch(self, wanted):
        self.switched.append(wanted)

    async def hear(self, start, *args):
        await asyncio.to_thread(self.answers.emit, message(start, *args))
        await asyncio.sleep(0.01)

    async def dial(self, call, call_id):
        async with self.answers:
            self.answers.expect(call, call_id)


def test_a_provisional_answer_is_told_once():
    """Of the call whose it is, and only what was received and is no final answer."""

    async def run():
        desk = Desk()
        await desk.dial(1, "abc")
        await desk.dial(2, "def")
        for start in (
            "TX UDP a -> b\nSIP/2.0 100 Trying",
            "RX UDP a -> b\nSIP/2.0 200 OK",
            "RX UDP a -> b\nINVITE sip:100 SIP/2.0",
            "nonsense",
        ):
            await desk.hear(start)
        await desk.hear("RX UDP a -> b\nSIP/2.0 100 Trying", "xyz")
        assert desk.told == []
        for _ in range(2):
            await desk.hear("RX UDP a -> b\nSIP/2.0 100 Trying", "def", "i")
        assert desk.told == [2]

    asyncio.run(run())


def test_the_trace_is_on_while_an_answer_is_awaited_and_not_otherwise():
    """From before the first INVITE to the last one's first answer, or its end."""

    async def run():
        desk = Desk()
        async with desk.answers:
            assert desk.switched == [True]
            desk.answers.expect(1, "abc")
        await desk.dial(2, "def")
        await desk.hear("RX UDP a -> b\nSIP/2.0 183 Session Progress")
        assert desk.switched == [True]
        desk.answers.forget(2)
        await asyncio.sleep(0)
        assert desk.switched == [True, False]
        async with desk.answers:
            pass  # it could not be dialled
        await asyncio.sleep(0)
        assert desk.switched == [True, False, True, False]

    asyncio.run(run())
