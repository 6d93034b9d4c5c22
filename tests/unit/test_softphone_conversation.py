"""A call's end on the phone, in orders that a real caller produces once in a hundred."""

import asyncio
import contextlib

from baresip.events import Event, StackEvent

from hoiio.softphone.conversation import Conversation, Manner


class CancelledWhileAnswering:
    """The caller gives up while our answer is under way, and the stack's reply comes with it."""

    def on(self, listener):
        self.listener = listener

    def on_dtmf(self, callback):
        pass

    async def answer(self):
        self.listener(StackEvent(Event.CALL_CLOSED, text="Connection reset by peer"))
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1)


def test_a_call_that_ends_while_it_is_answered_ends():
    told = []

    async def take():
        async with asyncio.timeout(2):
            call = CancelledWhileAnswering()
            await Conversation(call, Manner(), lambda *event: told.append(event)).run()

    asyncio.run(take())
    assert told == [("ended", {"reason": "cancelled"})]
