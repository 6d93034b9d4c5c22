"""A transport of one's own that does not do as it should: nobody is left with a riddle."""

import asyncio
import copy
import pickle
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial

import pytest

from hoiio import AsyncClient, Client, ConnectionFailed, NotConfigured
from hoiio.transport import AsyncHttpStream, HttpResponse, HttpStream
from support.steps import response

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


def sync(transport, **settings):
    with Client("id", "token", transport=transport, **settings) as client:
        client.voice.call(A, B)


def in_async(transport, **settings):
    async def run():
        async with AsyncClient("id", "token", transport=transport, **settings) as client:
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


@WAYS
@pytest.mark.parametrize(
    ("headers", "content", "says"),
    [
        ([("Retry-After", "5")], b"", "a list as headers, not a mapping"),
        (None, b"", "a NoneType as headers"),
        ({}, "{}", "a str as content, not bytes"),
        ({}, memoryview(b"{}"), "a memoryview as content"),
    ],
)
def test_what_cannot_be_read_of_a_response_is_named(ask, kind, headers, content, says):
    """A call may have been placed by then, and the exception tells."""
    transport = kind(lambda: HttpResponse(200, headers, content))
    with pytest.raises(NotConfigured, match=says) as raised:
        ask(transport)
    assert raised.value.maybe_sent is True
    assert raised.value.idempotency_key
    assert transport.sent == 1


def test_what_is_not_awaitable_is_named():
    """An async client with the transport of a sync one; by then a call may have been placed."""

    class Half(Odd):
        async def close(self):
            pass

    transport = Half(partial(response, UP))
    with pytest.raises(NotConfigured, match="gave HttpResponse, not an awaitable") as raised:
        in_async(transport)
    assert raised.value.maybe_sent is True
    assert raised.value.idempotency_key

    async def wait():
        async with AsyncClient("id", "token", transport=transport) as client:
            await client.voice.wait("TX-1")

    with pytest.raises(NotConfigured, match="gave HttpResponse, not an awaitable"):
        asyncio.run(wait())
    assert transport.sent == 2


def test_a_close_that_is_not_awaitable_costs_no_answer():
    class Half(Odd):
        async def send(self, request):
            return super().send(request)

    in_async(Half(partial(response, ENDED)))


class Empty(HttpResponse):
    """A response of one's own that forgot what every one has."""

    def __init__(self):
        pass


@WAYS
def test_a_response_without_anything_is_named(ask, kind):
    with pytest.raises(NotConfigured, match="a NoneType as content") as raised:
        ask(kind(Empty))
    assert raised.value.maybe_sent is True


@WAYS
@pytest.mark.parametrize("pause", [1, 1.5, None, b"1"])
def test_a_header_may_be_what_it_likes(ask, kind, pause):
    """The answer is what counts."""
    refused = b'{"status": "error_rate_limit_exceeded"}'
    ask(kind(lambda: HttpResponse(200, {"Retry-After": pause}, refused)), timeout=0.1)


ENDED = '{"status": "success_ok", "txn_ref": "TX-1", "call_status_dest1": "answered"}'


def test_a_client_is_copied_with_what_it_has():
    """Used or not; the copy's answers ask the copy."""
    transport = Odd(partial(response, ENDED))
    client = Client("id", "token", transport=transport)
    client.voice.status("TX-1")
    for copied in (copy.deepcopy(client), pickle.loads(pickle.dumps(client))):
        copied.voice.status("TX-1").wait()
    assert transport.sent == 1


UP = '{"status": "success_ok", "txn_ref": "TX-1", "call_status_dest1": "ongoing"}'


@contextmanager
def opened(kind, headers):
    yield kind(200, headers, iter(()))


@asynccontextmanager
async def opened_async(kind, headers):
    yield kind(200, headers, iter(()))


PAIRS = [("Content-Type", "text/event-stream")]


def broken_once(then):
    """Raises an error of the system at its second request only."""
    acts = [partial(response, UP), None, partial(response, then)]

    def act():
        found = acts.pop(0)
        if found is None:
            raise ConnectionResetError("access_token=s3cret")
        return found()

    return act


def test_who_waits_gets_over_an_error_of_the_system(monkeypatch):
    """As over any other outage; nobody is told its words, which may hold what was sent."""
    monkeypatch.setattr("hoiio.watching.POLL", 0.001)
    transport = Odd(broken_once(ENDED))
    ended = Client("id", "token", transport=transport).voice.wait("TX-1")
    assert ended.call_status_dest1 == "answered"
    assert transport.sent == 3

    async def wait():
        async with AsyncClient("id", "token", transport=AsyncOdd(broken_once(ENDED))) as client:
            return await client.voice.wait("TX-1")

    assert asyncio.run(wait()).call_status_dest1 == "answered"


EVENT = f"data: {ENDED}\n\n".encode()


async def one_piece():
    yield EVENT


@pytest.mark.parametrize("kind", ["text/event-stream", b"text/event-stream"])
def test_a_stream_may_be_a_list_and_its_header_bytes(kind):
    """It can be read, so it is."""
    transport = Odd(lambda: response(UP, Hoiio_Features="events"))
    transport.stream = lambda _: nullcontext(HttpStream(200, {"Content-Type": kind}, [EVENT]))
    ended = Client("id", "token", transport=transport).voice.wait("TX-1", timeout=5)
    assert (ended.call_status_dest1, transport.sent) == ("answered", 1)

    transport = AsyncOdd(lambda: response(UP, Hoiio_Features="events"))
    stream = AsyncHttpStream(200, {"Content-Type": kind}, one_piece())
    transport.stream = lambda _: nullcontext(stream)

    async def wait():
        async with AsyncClient("id", "token", transport=transport) as client:
            return await client.voice.wait("TX-1", timeout=5)

    assert asyncio.run(wait()).call_status_dest1 == "answered"
    assert transport.sent == 1


@pytest.mark.parametrize("way", ["wait", "watch"])
@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (lambda: None, "stream gave NoneType, not a context manager of an HttpStream"),
        (nullcontext, "stream gave NoneType, not an HttpStream"),
        (lambda: opened(HttpStream, PAIRS), "headers of .* are a mapping .*, not list"),
        (lambda: nullcontext(HttpStream(200, {}, None)), "gave NoneType, not pieces to iterate"),
    ],
)
def test_what_is_no_stream_is_named(way, stream, says):
    """It would not come to be one, so the call is not asked after instead."""
    transport = Odd(lambda: response(UP, Hoiio_Features="events"))
    transport.stream = lambda _: stream()
    client = Client("id", "token", transport=transport)
    with pytest.raises(NotConfigured, match=says):
        client.voice.wait("TX-1") if way == "wait" else list(client.voice.watch("TX-1"))
    assert transport.sent == 1


@pytest.mark.parametrize("way", ["wait", "watch"])
@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (lambda: None, "gave NoneType, not an async context manager of an AsyncHttpStream"),
        (lambda: opened(HttpStream, {}), "gave _GeneratorContextManager, not an async context"),
        (nullcontext, "stream gave NoneType, not an AsyncHttpStream"),
        (lambda: opened_async(AsyncHttpStream, PAIRS), "headers of .* are a mapping .*, not list"),
        (lambda: nullcontext(AsyncHttpStream(200, {}, [])), "gave list, not pieces for async for"),
    ],
)
def test_what_is_no_stream_is_named_in_async(way, stream, says):
    """The same."""
    transport = AsyncOdd(lambda: response(UP, Hoiio_Features="events"))
    transport.stream = lambda _: stream()

    async def follow():
        async with AsyncClient("id", "token", transport=transport) as client:
            if way == "wait":
                await client.voice.wait("TX-1")
            else:
                assert [change.txn_ref async for change in client.voice.watch("TX-1")]

    with pytest.raises(NotConfigured, match=says):
        asyncio.run(follow())
    assert transport.sent == 1
