"""Proxies, certificates, forks, streams and crowds, on every transport of the package."""

import gc
import socket
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import anyio
import pytest

from hoiio import AsyncClient, ConnectionFailed, InvalidResponse, NotConfigured
from hoiio import watching as following
from support import styles
from support.bench import bench
from support.canned import with_http
from support.tls import Authority

# The library's own streams: one that is not read to its end is not closed under trio.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*async_generator object:pytest.PytestUnraisableExceptionWarning"
)
A, B = "+6511111111", "+6522222222"
HTTPX2 = styles.SYNC[:1] + styles.ASYNC[:2]


@contextmanager
def proxy(refuses=None):
    """A CONNECT and forward proxy on loopback; ``asked`` is what it was asked for."""
    asked, threads = [], []
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(client):
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            method, target, _ = head.split(b"\r\n")[0].decode().split()
            asked.append(f"{method} {target.partition('?')[0]}")
            if refuses is not None:
                client.sendall(refuses)
                return
            connect = method == "CONNECT"
            place = target if connect else target.split("/")[2]
            host, _, port = place.rpartition(":")
            with socket.create_connection((host, int(port))) as up:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n") if connect else up.sendall(head)
                back = threading.Thread(target=pump, args=(up, client))
                back.start()
                pump(client, up)
                back.join()

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(client,)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("tls"))
    context, _ = authority.server("localhost")
    with bench(context) as service:
        service.authority = authority
        service.https = f"https://localhost:{service.port}/open"
        yield service


def test_a_forward_proxy_of_the_environment(library, server, monkeypatch):
    """HTTP_PROXY counts, unless NO_PROXY names the host."""
    with proxy() as (url, asked):
        monkeypatch.setenv("http_proxy", url)
        with library.client(base_url=server.url) as client:
            assert client.account.balance().is_success()
        assert asked == [f"POST {server.url}/user/get_balance"]
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with library.client(base_url=server.url) as client:
            assert client.account.balance().is_success()
        assert len(asked) == 1


def test_a_tunnel_through_a_proxy_of_the_environment(library, secure, monkeypatch):
    """HTTPS_PROXY sees a host and a port, nothing more."""
    with proxy() as (url, asked):
        monkeypatch.setenv("https_proxy", url)
        transport = library.transport(ca_file=str(secure.authority.file))
        with library.client(base_url=secure.https, transport=transport) as client:
            assert client.account.balance().is_success()
    assert asked == [f"CONNECT localhost:{secure.port}"]


def test_a_proxy_given_to_the_transport(library, server):
    """Instead of the environment's."""
    with proxy() as (url, asked):
        transport = library.transport(proxy=url)
        with library.client(base_url=server.url, transport=transport) as client:
            assert client.account.balance().is_success()
    assert asked == [f"POST {server.url}/user/get_balance"]


@pytest.mark.parametrize(
    "refusal",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        b"",
    ],
    ids=["407", "502", "closes"],
)
def test_a_proxy_that_refuses_a_tunnel(library, secure, refusal):
    """No request reached the service; what the client knows of it is at least not wrong."""
    secure.reset()
    with proxy(refusal) as (url, asked):
        transport = library.transport(proxy=url, ca_file=str(secure.authority.file))
        with library.client(base_url=secure.https, transport=transport, retries=0) as client:
            with pytest.raises(ConnectionFailed) as raised:
                client.voice.call(A, B)
    assert (len(asked), secure.requests) == (1, 0)
    if refusal:
        assert raised.value.maybe_sent is False


def test_a_forward_proxy_that_refuses(library, server):
    """It has the whole request, so nobody knows what it did with it."""
    page = b"<html>Bad Gateway</html>"
    head = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\n\r\n" % len(page)
    with proxy(head + page) as (url, _):
        transport = library.transport(proxy=url)
        with library.client(base_url=server.url, transport=transport) as client:
            with pytest.raises(InvalidResponse, match=r"HTTP 502, .*Bad Gateway") as raised:
                client.voice.call(A, B)
    assert raised.value.maybe_sent is True


def test_a_proxy_that_is_none(library, server, monkeypatch):
    """Says what is wrong, without the password; pyreqwest passes over it."""
    monkeypatch.setenv("http_proxy", "http://me:passw0rd@[::1")
    with library.client(base_url=server.url, retries=0) as client:
        if library.library == "pyreqwest":
            assert client.account.balance().is_success()
            return
        with pytest.raises(NotConfigured, match="proxy") as raised:
            client.account.balance()
    assert "passw0rd" not in str(raised.value)


def test_a_certificate_by_an_authority_of_ones_own(library, secure):
    """Trusted when it is given, and for the right name only."""
    secure.reset()
    ca_file = str(secure.authority.file)
    with library.client(
        base_url=secure.https, transport=library.transport(ca_file=ca_file)
    ) as client:
        assert client.account.balance().is_success()
    elsewhere = secure.https.replace("localhost", "127.0.0.1")
    for place, options in [(secure.https, {}), (elsewhere, {"ca_file": ca_file})]:
        secure.reset()
        transport = library.transport(**options)
        with library.client(base_url=place, transport=transport, retries=0) as client:
            with pytest.raises(ConnectionFailed, match="cannot reach") as raised:
                client.voice.call(A, B)
        assert (raised.value.maybe_sent, secure.requests) == (False, 0)


@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nx\n"])
def test_a_ca_file_that_is_none(library, tmp_path, content):
    """Says so before anything is sent."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)

    def call():
        transport = library.transport(ca_file=str(path))
        place = "https://127.0.0.1:1/open"
        with library.client(base_url=place, transport=transport, retries=0) as client:
            client.voice.call(A, B)

    with pytest.raises(NotConfigured, match="ca_file"):
        call()


@pytest.mark.parametrize("way", HTTPX2, ids=styles.name)
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSLKEYLOGFILE"])
def test_a_file_of_the_environment_that_is_none(server, monkeypatch, way, name):
    """It is named, and no call may have been placed: nothing was sent."""
    monkeypatch.setenv(name, "/nonexistent/file")
    with styles.style(way) as style, style.client(base_url=server.url) as client:
        with pytest.raises(
            NotConfigured, match=f"{name} '/nonexistent/file' .*cannot be used"
        ) as no:
            client.voice.call(A, B)
        assert not no.value.maybe_sent
        assert server.asked == []
        monkeypatch.delenv(name)
        assert client.voice.call(A, B).is_success()


FORKS = """
import os, sys
from hoiio import Client
with Client("id", "token", base_url=sys.argv[1], transport=sys.argv[2], timeout=10) as client:
    client.account.balance()
    child = os.fork()
    answered = client.account.balance().is_success()
    if child == 0:
        os._exit(0 if answered else 1)
    sys.exit(os.waitpid(child, 0)[1] or not answered)
"""


def test_a_forked_child_uses_a_connection_of_its_own(server):
    """Two processes on one connection would read each other's answers."""
    forks = [sys.executable, "-W", "ignore", "-c", FORKS, server.url, "httpx2"]
    subprocess.run(forks, check=True, timeout=30)
    assert len(server.asked) == 3
    assert len({asked.connection for asked in server.asked}) == 2


PYREQWEST_FORKS = """
import asyncio, os, signal, sys
from hoiio import AsyncClient, Client, NotConfigured
def made(kind):
    return kind("id", "token", base_url=sys.argv[1], transport="pyreqwest", timeout=10)
def ask(client):
    async def ask_async():
        return await client.account.balance()
    return client.account.balance() if isinstance(client, Client) else asyncio.run(ask_async())
used = {kind: made(kind) for kind in (Client, AsyncClient)}
first, second = Client if sys.argv[2] == "sync" else AsyncClient, sys.argv[3:]
ask(used[first])
child = os.fork()
if child == 0:
    signal.alarm(20)
    kind = Client if second[0] == "sync" else AsyncClient
    client = used[kind] if second[1] == "same" else made(kind)
    try:
        ask(client)
    except NotConfigured as error:
        os.write(2, str(error).encode())
        os._exit(7)
    os._exit(1)
ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
# No orderly end: the library's threads may abort it now and then, which is not what is tested.
os._exit(ended if ask(used[first]).is_success() else 2)
"""


@pytest.mark.parametrize("parent", ["sync", "async"])
@pytest.mark.parametrize("child", ["sync", "async"])
@pytest.mark.parametrize("which", ["same", "new"])
def test_pyreqwest_says_that_it_does_not_outlive_a_fork(server, parent, child, which):
    """Its threads are gone in the child, for every client there; the parent goes on."""
    forks = [sys.executable, "-W", "ignore", "-c", PYREQWEST_FORKS, server.url]
    ran = subprocess.run(
        [*forks, parent, child, which], check=False, capture_output=True, text=True, timeout=60
    )
    assert "the transport 'pyreqwest' does not outlive a fork" in ran.stderr
    assert ran.returncode == 7
    assert len(server.asked) == 2


@pytest.fixture(scope="module")
def crowd():
    with bench() as service:
        service.reset(keep=True)
        yield service


@pytest.mark.parametrize("way", styles.SYNC, ids=styles.name)
def test_64_threads_share_a_client(crowd, way):
    """Each gets the answer to its own question, twenty times."""

    def ask(ref):
        return [client.voice.status(f"{ref}-{n}").txn_ref for n in range(20)]

    with styles.Style(way[0]).client(base_url=crowd.direct) as client:
        with ThreadPoolExecutor(64) as pool:
            refs = [f"TX-{n}" for n in range(64)]
            told = dict(zip(refs, pool.map(ask, refs), strict=True))
    assert told == {ref: [f"{ref}-{n}" for n in range(20)] for ref in refs}


@pytest.mark.parametrize("way", styles.ASYNC, ids=styles.name)
def test_1000_tasks_share_a_client(crowd, way):
    """Each gets the answer to its own question."""
    library, loop = way
    told = {}

    async def main():
        async with AsyncClient("id", "t", base_url=crowd.direct, transport=library) as client:

            async def ask(ref):
                told[ref] = (await client.voice.status(ref)).txn_ref

            async with anyio.create_task_group() as group:
                for n in range(1000):
                    group.start_soon(ask, f"TX-{n}")

    anyio.run(main, backend=loop)
    assert told == {f"TX-{n}": f"TX-{n}" for n in range(1000)}


def test_pyreqwest_says_that_it_does_not_run_on_trio(crowd):
    """And what does."""

    async def main():
        async with AsyncClient("id", "t", base_url=crowd.direct, transport="pyreqwest") as client:
            with pytest.raises(NotConfigured, match="on trio use 'httpx2'"):
                await client.account.balance()

    anyio.run(main, backend="trio")


def event(**fields):
    return (
        b'data: {"status": "success_ok", "txn_ref": "TX-1", '
        + ", ".join(f'"{name}": "{value}"' for name, value in fields.items()).encode()
        + b"}\n\n"
    )


LIVE = {"status": "success_ok", "txn_ref": "TX-1", "call_status_dest1": "ongoing"}
ENDED = {**LIVE, "call_status_dest1": "answered"}


def reported(body, *, length=None):
    """An answer that is a stream of events; it breaks off when it is shorter than its length."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Content-Length", str(length or len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


def live(**headers):
    import json  # noqa: PLC0415

    return with_http(200, json.dumps(LIVE).encode(), Hoiio_Features="events", **headers)


def test_a_watched_call_is_told_by_its_stream(every, server, monkeypatch):
    """Where there is one, and the transport can read it; else by asking."""
    monkeypatch.setattr(following, "POLL", 0.01)
    stream = reported(event(call_status_dest1="ongoing", tag="t") + event(call_status_dest1="busy"))
    streams = every.library == "httpx2"
    server.answers = [live(), stream] if streams else [live(), ENDED]
    with every.client(base_url=server.url) as client:
        told = [res.call_status_dest1 for res in client.voice.watch("TX-1")]
    assert told == (["ongoing", "ongoing", "busy"] if streams else ["ongoing", "answered"])
    paths = [asked.path for asked in server.asked]
    assert ("/open/voice/events" in paths) is streams


@pytest.mark.parametrize(
    "body", [event(call_status_dest1="answered"), b" " * 10_000_000], ids=["stream", "answer"]
)
def test_what_is_not_read_to_its_end_is_closed_under_trio(server, body):
    """What reads the body is ended where the reading ends, not when Python finds it."""
    streamed = body.startswith(b"data")
    server.answers = [live(), reported(body)] if streamed else [with_http(200, body)]

    async def main():
        async with AsyncClient("id", "s3cret", base_url=server.url, retries=0) as client:
            if streamed:
                await client.voice.wait("TX-1")
            else:
                with pytest.raises(InvalidResponse, match="too large"):
                    await client.voice.status("TX-1")
        gc.collect()

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        anyio.run(main, backend="trio")
    assert not [each for each in warned if "aiter_bytes" in str(each.message)]


def test_a_stream_that_breaks_is_followed_by_asking(every, server, monkeypatch):
    """In the middle of an event, by one that is none, or by a refusal: no error comes of it."""
    monkeypatch.setattr(following, "POLL", 0.01)
    news = event(call_status_dest1="ongoing", tag="t")
    for broken in [
        reported(news + b"data: {", length=5000),
        reported(b"data: nonsense\n\n"),
        with_http(404, b"<html>"),
        lambda handler: handler.connection.shutdown(socket.SHUT_RDWR),
    ]:
        streams = every.library == "httpx2"
        server.answers = [live(), broken, ENDED] if streams else [live(), ENDED]
        with every.client(base_url=server.url) as client:
            assert client.voice.wait("TX-1", timeout=20).call_status_dest1 == "answered"
            assert client.inner._pollers.count == 0 if every.loop else client._pollers.count == 0


def test_waiting_ends_in_time_though_the_service_is_silent(every, server, monkeypatch):
    """Neither a look that hangs, nor a pause that it asks for, outlasts the time to wait."""
    monkeypatch.setattr(following, "POLL", 0.01)
    monkeypatch.setattr(following, "LAST_LOOK", 0.1)
    limited = with_http(200, b'{"status": "error_rate_limit_exceeded"}', Retry_After="20")
    for silence in [lambda handler: server.released.wait(), limited]:
        server.answers = [LIVE, silence]
        started = time.monotonic()
        with every.client(base_url=server.url) as client:
            with pytest.raises(TimeoutError, match="TX-1 is still up") as raised:
                client.voice.wait("TX-1", timeout=0.3)
        assert raised.value.last.call_status_dest1 == "ongoing"
        assert time.monotonic() - started < 5
