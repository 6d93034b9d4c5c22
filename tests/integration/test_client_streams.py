"""A stream that breaks, or is waited out, costs whoever watches nothing but its speed."""

import asyncio
import json
from contextlib import aclosing

import pytest
import trio

from hoiio import AsyncClient, Client, WaitTimedOut
from hoiio.watching import POLL
from support.canned import canned_server, with_http

UP = {"status": "success_ok", "txn_ref": "AA-C-7", "call_status_dest1": "ongoing"}
OVER = UP | {"call_status_dest1": "answered"}
CREDENTIALS = ("my-app-id", "my-access-token")


def status(answer):
    body = json.dumps(answer).encode()
    return with_http(200, body, Hoiio_Features="events", Content_Type="application/json")


def begun(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()


def stalls(server):
    """A stream that says nothing any more."""

    def answer(handler):
        begun(handler)
        server.released.wait(20)

    return answer


def breaks(handler):
    """A stream that ends within a chunk."""
    begun(handler)
    handler.wfile.write(b"100\r\ndata: {")
    handler.close_connection = True


@pytest.fixture
def server():
    with canned_server() as server:
        yield server


def wait(server, timeout):
    with Client(*CREDENTIALS, base_url=server.url) as client:
        return client.voice.wait("AA-C-7", timeout=timeout)


def wait_async(server, timeout):
    async def run():
        async with AsyncClient(*CREDENTIALS, base_url=server.url) as client:
            return await client.voice.wait("AA-C-7", timeout=timeout)

    return asyncio.run(run())


BOTH = pytest.mark.parametrize("waiting", [wait, wait_async])


@BOTH
def test_who_waits_too_short_on_a_stream_is_told_how_the_call_is(server, waiting):
    server.answers = [status(UP), stalls(server)]
    with pytest.raises(WaitTimedOut) as told:
        waiting(server, 0.3)
    assert told.value.last.is_live()


@BOTH
def test_after_a_stream_that_broke_the_status_is_asked_for(server, waiting, monkeypatch):
    monkeypatch.setattr("hoiio.watching.POLL", POLL / 100)
    server.answers = [status(UP), breaks, status(OVER)]
    assert waiting(server, 20).call_status_dest1 == "answered"
    paths = [asked.path.rpartition("/")[2] for asked in server.asked]
    assert paths == ["query_status", "events", "query_status"]


def opens(server):
    """A stream that tells how the call is, and then nothing."""

    def answer(handler):
        begun(handler)
        event = f"data: {json.dumps(UP | {'tag': 'new'})}\n\n".encode()
        handler.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        server.released.wait(20)

    return answer


# The library's own generators below ours are not closed by it, which trio remarks on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("run", [lambda main: asyncio.run(main()), trio.run])
def test_who_stops_watching_has_no_stream_left_open(server, run):
    server.answers = [status(UP), opens(server)]

    async def watch():
        async with AsyncClient(*CREDENTIALS, base_url=server.url) as client:
            async with aclosing(client.voice.watch("AA-C-7")) as changes:
                seen = [await anext(changes), await anext(changes)]
                assert client._pollers.count == 0
            assert client._pollers.count == 0
            return [change.tag for change in seen]

    assert run(watch) == [None, "new"]
