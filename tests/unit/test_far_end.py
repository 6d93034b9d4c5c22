"""What far ends say that the SIP stack does not, read off the trace of messages."""

import asyncio
import logging

from hoiio.server.engines.embedded.far_end import FarEnds, Said


def message(start, call_id="abc", header="Call-ID", body=""):
    text = f"{start}\r\nVia: SIP/2.0/UDP x\r\n{header}: {call_id}\r\nCSeq: 1 INVITE\r\n\r\n{body}"
    return logging.LogRecord("trace", logging.DEBUG, "", 0, text, (), None)


def told_of(*messages):
    """What is told of these, which come on a thread of their own."""

    async def run():
        told = []
        far_ends = FarEnds(lambda call, said: told.append((call, said)))
        for each in messages:
            await asyncio.to_thread(far_ends.emit, each)
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        return told

    return asyncio.run(run())


def test_every_provisional_answer_tells_that_somebody_has_the_invite():
    """Only what was received, and no final answer."""
    assert told_of(message("RX UDP a -> b\nSIP/2.0 100 Trying")) == [("abc", Said.TRYING)]
    ringing = message("RX UDP a -> b\nSIP/2.0 180 Ringing", "def", "i")
    assert told_of(ringing) == [("def", Said.TRYING)]
    others = [
        "TX UDP a -> b\nSIP/2.0 100 Trying",
        "RX UDP a -> b\nSIP/2.0 200 OK",
        "RX UDP a -> b\nINVITE sip:100 SIP/2.0",
        "nonsense",
    ]
    assert told_of(*map(message, others)) == []


def test_hold_and_talk_are_read_off_their_descriptions_whatever_message_has_them():
    """An answer, or a re-INVITE; ours are not read."""
    held = "v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n"
    talks = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n"
    assert told_of(
        message("TX UDP a -> b\nINVITE sip:x SIP/2.0", body=held),
        message("RX UDP a -> b\nSIP/2.0 200 OK", body=talks),
        message("RX UDP a -> b\nINVITE sip:x SIP/2.0", body=held),
        message("RX UDP a -> b\nSIP/2.0 183 Session Progress", body=talks),
    ) == [
        ("abc", Said.TALKING),
        ("abc", Said.ON_HOLD),
        ("abc", Said.TRYING),
        ("abc", Said.TALKING),
    ]
