"""A transport of one's own that does not do as it should: nobody is left with a riddle."""

import asyncio

import pytest

from hoiio import AsyncClient, Client, ConnectionFailed, NotConfigured

A, B = "+6511111111", "+6522222222"


class Odd:
    """What it does in place of sending is given."""

    def __init__(self, act):
        self.act = act
        self.sent = 0

    def send(self, request):
        self.sent += 1
        return self.act()

    def close(self):
        pass


class AsyncOdd(Odd):
    """The same in async."""

    async def send(self, request):
        return super().send(request)

    async def close(self):
        pass


def sync(transport):
    with Client("id", "token", transport=transport) as client:
        client.voice.call(A, B)


def in_async(transport):
    async def run():
        async with AsyncClient("id", "token", transport=transport) as client:
            await client.voice.call(A, B)

    asyncio.run(run())


WAYS = pytest.mark.parametrize(("ask", "kind"), [(sync, Odd), (in_async, AsyncOdd)])


@WAYS
@pytest.mark.parametrize("error", [OSError, BrokenPipeError, TimeoutError])
def test_an_error_of_the_system_may_have_placed_the_call(ask, kind, error):
    """Nothing tells what was sent by then, so it is not sent again."""

    def fail():
        raise error("no")

    transport = kind(fail)
    with pytest.raises(ConnectionFailed, match="may have been placed") as raised:
        ask(transport)
    assert raised.value.maybe_sent is True
    assert raised.value.idempotency_key
    assert isinstance(raised.value.__cause__, error)
    assert transport.sent == 1


@WAYS
def test_nothing_is_no_response(ask, kind):
    """The message names what came."""
    with pytest.raises(NotConfigured, match="send gave NoneType, not an HttpResponse"):
        ask(kind(lambda: None))
