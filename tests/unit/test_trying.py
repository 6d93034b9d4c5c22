"""Which INVITEs were answered provisionally, read off the trace of messages."""

import asyncio
import logging

from hoiio.server.engines.embedded.trying import FirstAnswers


def message(start, call_id="abc", header="Call-ID"):
    text = f"{start}\r\nVia: SIP/2.0/UDP x\r\n{header}: {call_id}\r\nCSeq: 1 INVITE\r\n\r\n"
    return logging.LogRecord("trace", logging.DEBUG, "", 0, text, (), None)


async def hear(answers, start, *args):
    """As it comes: on another thread."""
    await asyncio.to_thread(answers.emit, message(start, *args))
    await asyncio.sleep(0.01)


def test_a_provisional_answer_is_told_once():
    """Of the call whose it is, and only what was received and is no final answer."""

    async def run():
        told = []
        answers = FirstAnswers(told.append)
        answers.expect(1, "abc")
        answers.expect(2, "def")
        for start in (
            "TX UDP a -> b\nSIP/2.0 100 Trying",
            "RX UDP a -> b\nSIP/2.0 200 OK",
            "RX UDP a -> b\nINVITE sip:100 SIP/2.0",
            "nonsense",
        ):
            await hear(answers, start)
        await hear(answers, "RX UDP a -> b\nSIP/2.0 100 Trying", "xyz")
        assert told == []
        for _ in range(2):
            await hear(answers, "RX UDP a -> b\nSIP/2.0 100 Trying", "def", "i")
        assert told == [2]

    asyncio.run(run())


def test_an_answer_may_be_read_before_its_call_is_known_of():
    """The trace has a thread of its own; what the loop has not got round to yet still counts."""

    async def run():
        told = []
        answers = FirstAnswers(told.append)
        asyncio.get_running_loop().call_soon(answers.expect, 1, "abc")
        answers.emit(message("RX UDP a -> b\nSIP/2.0 100 Trying"))
        await asyncio.sleep(0.01)
        assert told == [1]

    asyncio.run(run())


def test_what_rang_or_ended_is_not_waited_for():
    """Its own events have told already."""

    async def run():
        told = []
        answers = FirstAnswers(told.append)
        answers.expect(1, "abc")
        answers.forget(1)
        await hear(answers, "RX UDP a -> b\nSIP/2.0 183 Session Progress")
        assert told == []

    asyncio.run(run())
