"""Connecting in time, closing in the middle, other event loops, forks, and what is logged."""

import copy
import gc
import logging
import pickle
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import anyio
import httpx2 as httpx2_itself
import pytest

from hoiio import (
    AsyncClient,
    Client,
    ConnectionFailed,
    InvalidArgument,
    InvalidResponse,
    NotConfigured,
    TimedOut,
)
from hoiio.transport import with_httpx2
from hoiio.transport.with_httpx2 import AsyncHttpx2Transport, Httpx2Transport
from hoiio.transport.with_pyreqwest import AsyncPyreqwestTransport, PyreqwestTransport
from support import styles
from support.canned import with_http
from support.own import own

# The library's own streams: one that is not read to its end is not closed under trio.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*async_generator object:pytest.PytestUnraisableExceptionWarning"
)
A, B = "+6511111111", "+6522222222"
OURS = styles.SYNC[:1] + styles.ASYNC[:2]
"""Those whose resolver is Python's, so that a test can stand in for it."""


@pytest.fixture(scope="module", params=OURS, ids=styles.name)
def httpx2(request):
    with styles.style(request.param) as style:
        yield style


@pytest.fixture
def resolved(monkeypatch):
    """What a name resolves to, by name; a function is asked."""
    names, resolve = {}, socket.getaddrinfo

    def look_up(host, port, *args, flags=0, **kwargs):
        flags = args[3] if len(args) > 3 else flags
        name = host.decode() if isinstance(host, bytes) else host
        if name not in names:
            return resolve(host, port, *args[:3], flags=flags, **kwargs)
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "not numeric")
        found = names[name]
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (each, port)) for each in (found() if callable(found) else found)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


@pytest.fixture
def black_holes():
    """Addresses that never answer on one port: their queues of connections are full."""
    with ExitStack() as sockets:
        hosts, port = ["127.0.0.2", "127.0.0.3", "127.0.0.4"], 0
        for host in hosts:
            listener = sockets.enter_context(socket.socket())
            listener.bind((host, port))
            listener.listen(0)
            port = listener.getsockname()[1]
            for _ in range(4):
                waiting = sockets.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
        yield hosts, port


def test_the_time_to_connect_is_for_all_addresses_together(httpx2, resolved, black_holes):
    """Not for each anew."""
    hosts, port = black_holes
    resolved["holes.example"] = hosts
    place = f"http://holes.example:{port}/open"
    started = time.monotonic()
    with httpx2.client(base_url=place, connect_timeout=1, retries=0) as client:
        with pytest.raises(TimedOut, match="no connection") as raised:
            client.voice.call(A, B)
    assert raised.value.maybe_sent is False
    assert time.monotonic() - started < 2


def test_an_address_that_does_not_answer_leaves_time_for_the_next(httpx2, resolved, black_holes):
    """A host is reached when one of its addresses is."""
    hosts, port = black_holes
    resolved["mixed.example"] = [hosts[0], "127.0.0.9"]
    with socket.create_server(("127.0.0.9", port)) as listener:
        place = f"http://mixed.example:{port}/open"
        with httpx2.client(base_url=place, connect_timeout=2, timeout=2.5, retries=0) as client:
            with pytest.raises(TimedOut) as raised:
                client.voice.call(A, B)
        assert raised.value.maybe_sent is True
        listener.accept()[0].close()


def test_a_resolver_that_hangs_is_waited_for_in_time_only(httpx2, resolved):
    """The system's own has no time-out that one could set."""
    answers = threading.Event()

    def hang():
        answers.wait(20)
        return ["127.0.0.1"]

    resolved["slow.example"] = hang
    started = time.monotonic()
    try:
        with httpx2.client(
            base_url="http://slow.example:1/open", connect_timeout=0.3, retries=0
        ) as client:
            with pytest.raises(TimedOut, match="no connection") as raised:
                client.voice.call(A, B)
        assert raised.value.maybe_sent is False
        assert time.monotonic() - started < 5
    finally:
        answers.set()


def test_a_service_that_is_silent_is_told_from_one_that_is_not_reached(every, server):
    """By the words as well as by maybe_sent, however the connection came about."""
    server.answers = [lambda handler: server.released.wait()]
    with every.client(base_url=server.url, timeout=0.5, retries=0) as client:
        with pytest.raises(TimedOut, match="no answer") as raised:
            client.voice.call(A, B)
    assert raised.value.maybe_sent is True


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example"])
def test_a_name_that_is_none(every, host):
    """Is no raw error of the codec's."""
    with every.client(base_url=f"http://{host}/open", retries=0) as client:
        with pytest.raises((ConnectionFailed, NotConfigured)) as raised:
            client.voice.call(A, B)
    assert raised.value.maybe_sent is False


LAST_REQUEST = """
import atexit, os, sys
from hoiio import Client
client = Client("id", "token", base_url=sys.argv[1])
@atexit.register
def last():
    os._exit(0 if client.account.balance().is_success() else 1)
"""


def test_a_last_request_as_the_program_ends(server):
    """When Python begins no thread any more a name is resolved without one."""
    place = server.url.replace("127.0.0.1", "localhost")
    program = [sys.executable, "-W", "ignore", "-c", LAST_REQUEST, place]
    subprocess.run(program, check=True, timeout=30)
    assert len(server.asked) == 1


def test_a_request_under_way_outlives_close(every, server):
    """Its answer comes; the connection is closed after it, and the next request has another."""
    asked = threading.Event()

    def late(handler):
        asked.set()
        server.released.wait(20)
        with_http(200, b'{"status": "success_ok", "txn_ref": "AA-C-7"}')(handler)

    server.answers = [late, {"status": "success_ok"}]
    with every.client(base_url=server.url, retries=0) as client, ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.voice.call, A, B)
        asked.wait(20)
        client.close()
        server.released.set()
        assert call.result(20).txn_ref == "AA-C-7"
        assert client.account.balance().is_success()
    first, second = (each.connection for each in server.asked)
    assert first != second


def test_closing_at_any_moment_disturbs_no_request(every, server):
    """While two others send, one closes over and over; each request is sent once and answered."""
    over = threading.Event()

    def ask():
        return [client.voice.call(A, B).is_success() for _ in range(30)]

    def close():
        while not over.is_set():
            client.close()

    with every.client(base_url=server.url, retries=0) as client, ThreadPoolExecutor(3) as pool:
        closing = pool.submit(close)
        try:
            answered = [pool.submit(ask) for _ in range(2)]
            assert all(all(each.result(60)) for each in answered)
        finally:
            over.set()
        closing.result(20)
    keys = [{k.lower(): v for k, v in a.headers.items()}["idempotency-key"] for a in server.asked]
    assert len(keys) == len(set(keys)) == 60


@pytest.mark.parametrize("way", styles.SYNC, ids=styles.name)
def test_close_closes(way):
    """What is idle at once, what is in use as soon as it is not."""
    first_asked, go = threading.Event(), threading.Event()

    def serve(listener, ended):
        connection, _ = listener.accept()
        with connection:
            asked = b""
            while not asked.endswith(b"access_token=t"):
                asked += connection.recv(65536)
            first_asked.set()
            go.wait(20)
            connection.sendall(
                b'HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{"status": "success_ok"}'
            )
            connection.settimeout(3)
            ended.append(connection.recv(1))

    for in_use in (True, False):
        first_asked.clear()
        go.clear()
        ended = []
        with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(2) as pool:
            place = f"http://127.0.0.1:{listener.getsockname()[1]}/open"
            serving = pool.submit(serve, listener, ended)
            client = styles.Style(way[0]).transport()
            with Client("id", "t", base_url=place, transport=client) as client:
                asking = pool.submit(client.account.balance)
                first_asked.wait(20)
                if in_use:
                    client.close()
                go.set()
                assert asking.result(20).is_success()
                if not in_use:
                    client.close()
                serving.result(20)
        assert ended == [b""]


@pytest.fixture
def forgetful():
    """What is left open when a loop ends cannot be closed any more; Python says so here."""
    yield
    gc.collect()


forgotten = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@forgotten
@pytest.mark.parametrize("way", styles.ASYNC, ids=styles.name)
def test_one_client_in_one_loop_after_the_other(way, server, forgetful):
    """As scripts and tests do that call asyncio.run for each thing."""
    library, loop = way
    client = AsyncClient("id", "t", base_url=server.url, transport=library)

    async def ask():
        return (await client.account.balance()).is_success()

    for _ in range(3):
        assert anyio.run(ask, backend=loop)
    anyio.run(client.close, backend=loop)
    assert anyio.run(ask, backend=loop)


@forgotten
def test_the_authorities_are_read_once_for_all_loops(server, forgetful, monkeypatch):
    """It takes ten times as long as a request."""
    made = []

    def counted():
        made.append(1)
        return httpx2_itself.create_ssl_context()

    own(monkeypatch, with_httpx2, "httpx2", create_ssl_context=counted)
    client = AsyncClient("id", "t", base_url=server.url)

    async def ask():
        return (await client.account.balance()).is_success()

    assert [anyio.run(ask), anyio.run(ask)] == [True, True]
    assert made == [1]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("library", ["httpx2", "pyreqwest"])
def test_a_copy_of_a_client_makes_its_own_connections(server, kind, library):
    """As those that process pools and task queues make, of a client that was used or not."""
    client = kind("id", "t", base_url=server.url, prefix="65", timeout=7, transport=library)

    async def asked_in_async(client):
        async with client:
            return (await client.account.balance()).is_success()

    def asked(client):
        if kind is AsyncClient:
            return anyio.run(asked_in_async, client)
        with client:
            return client.account.balance().is_success()

    for _ in range(2):
        for copied in (copy.deepcopy(client), pickle.loads(pickle.dumps(client))):
            assert (copied.prefix, repr(copied)) == (client.prefix, repr(client))
            assert asked(copied)
        assert asked(client)


@forgotten
@pytest.mark.parametrize("way", styles.ASYNC, ids=styles.name)
def test_one_client_in_two_loops_at_once(way, server, forgetful):
    """Slower, with new connections each time, but each gets its answers."""
    library, loop = way
    client = AsyncClient("id", "t", base_url=server.url, transport=library)

    async def ask():
        return [(await client.account.balance()).is_success() for _ in range(5)]

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(anyio.run, ask, backend=loop) for _ in range(2)]
        assert [each.result(60) for each in asking] == [[True] * 5] * 2


@forgotten
def test_one_client_on_asyncio_and_then_on_trio(server, forgetful):
    """Whichever runs."""
    client = AsyncClient("id", "t", base_url=server.url)

    async def ask():
        return (await client.account.balance()).is_success()

    assert [anyio.run(ask, backend=each) for each in ("asyncio", "trio", "asyncio")] == [True] * 3


FORK_WHILE_LOADING = """
import os, sys, threading, time
from hoiio import Client
client = Client("id", "token", base_url=sys.argv[1], transport=sys.argv[2], timeout=20)
loading = threading.Thread(target=client.account.balance)
loading.start()
while sys.argv[3] not in sys.modules:
    time.sleep(0.0005)
child = os.fork()
if child == 0:
    other = Client("id", "token", base_url=sys.argv[1], transport=sys.argv[2], timeout=20)
    try:
        answered = other.account.balance().is_success()
        if sys.argv[2] == "httpx2":
            answered = client.account.balance().is_success() and answered
    finally:
        os._exit(0 if answered else 1)
loading.join()
ended = time.monotonic() + 20
while os.waitpid(child, os.WNOHANG) == (0, 0):
    if time.monotonic() > ended:
        os.kill(child, 9)
        os.waitpid(child, 0)
        sys.exit("the child hangs")
    time.sleep(0.01)
"""


@pytest.mark.parametrize(
    "begun", ["hoiio.transport.with_httpx2", "httpx2", "httpcore2"], ids=["ours", "its", "lower"]
)
def test_a_fork_while_another_thread_loads_the_library(server, begun):
    """What that thread holds nobody would let go of in the child."""
    forks = [sys.executable, "-W", "ignore", "-c", FORK_WHILE_LOADING, server.url, "httpx2", begun]
    subprocess.run(forks, check=True, timeout=60)


FORK_WHILE_HELD = """
import os, sys, threading, time
from hoiio import Client
from hoiio.transport.with_httpx2 import Httpx2Transport, _Options
made, go_on = _Options.client, threading.Event()
making = threading.Event()
def slowly(self):
    making.set()
    go_on.wait(0.5)
    return made(self)
_Options.client = slowly
client = Client("id", "token", base_url=sys.argv[1], transport=Httpx2Transport(), timeout=20)
thread = threading.Thread(target=client.account.balance)
thread.start()
making.wait()
child = os.fork()
if child == 0:
    threading.Thread(target=lambda: (time.sleep(10), os._exit(3)), daemon=True).start()
    os._exit(0 if client.account.balance().is_success() else 1)
thread.join()
sys.exit(os.waitpid(child, 0)[1] >> 8)
"""


def test_a_fork_while_another_thread_makes_the_connections(server):
    """The child makes its own."""
    forks = [sys.executable, "-W", "ignore", "-c", FORK_WHILE_HELD, server.url]
    subprocess.run(forks, check=True, timeout=60)


FORK_WHILE_WALKING = """
import json, os, sys, threading, time
from urllib.parse import parse_qs
from hoiio import Client
from hoiio.transport import HttpResponse
under_way, parent = threading.Event(), os.getpid()
class Pages:
    def send(self, request):
        if os.getpid() == parent and threading.current_thread() is not threading.main_thread():
            under_way.set()
            time.sleep(float(sys.argv[1]))
        page = int(parse_qs(request.body.decode()).get("page", ["1"])[0])
        entries = [{"txn_ref": f"TX-{n}"} for n in range((page - 1) * 100, page * 100)]
        answer = {"status": "success_ok", "total_entries_count": 300, "entries": entries}
        return HttpResponse(200, {}, json.dumps(answer).encode())
    def close(self):
        pass
entries = Client("id", "token", transport=Pages()).voice.history().all()
walked = [next(entries)]
under_way.wait()
time.sleep(0.2)
child = os.fork()
if child == 0:
    threading.Thread(target=lambda: (time.sleep(10), os._exit(3)), daemon=True).start()
walked += entries
ended = 0 if [entry.txn_ref for entry in walked] == [f"TX-{n}" for n in range(300)] else 1
if child == 0:
    os._exit(ended)
sys.exit(ended or os.waitpid(child, 0)[1] >> 8)
"""


@pytest.mark.parametrize("takes", ["0", "1"], ids=["a page has come", "a page is under way"])
def test_a_fork_in_the_middle_of_a_walk(takes):
    """Who fetched the pages is not there in the child, and both go on to the end."""
    forks = [sys.executable, "-W", "ignore", "-c", FORK_WHILE_WALKING, takes]
    subprocess.run(forks, check=True, timeout=60)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_no_token_is_logged(server, every, method, caplog):
    """Neither the URL of a GET, nor a server's repetition of it, nor a password of the base URL."""

    def redirect(handler):
        with_http(301, b"", Location=f"https://elsewhere.example{handler.path}")(handler)

    for name in ("httpx2", "httpcore2", "httpcore2.http11"):
        caplog.set_level(logging.DEBUG, logger=name)
    caplog.set_level(logging.DEBUG)
    server.answers = [{"status": "success_ok"}, redirect]
    place = server.url.replace("http://", "http://me:passw0rd@")
    with every.client(base_url=place, method=method, retries=0) as client:
        assert client.voice.call(A, B).is_success()
        with pytest.raises(InvalidResponse):
            client.voice.call(A, B)
    said = [record.getMessage() for record in caplog.records]
    assert not [each for each in said if "s3cret" in each or "passw0rd" in each]
    if every.library != "pyreqwest":
        assert any("/open/voice/call" in each for each in said)


def test_other_lines_of_the_library_stay_as_they_are():
    """They are not the client's."""
    args = ("GET", "http://a.example/?page=2")
    record = logging.LogRecord("httpx2", logging.INFO, "", 1, "HTTP Request: %s %s", args, None)
    assert logging.getLogger("httpx2").filter(record)
    assert record.args == args


@pytest.mark.parametrize(
    "url", ["http://me:passw0rd@[::1", "nonsense", "ftp://me:passw0rd@a.example"]
)
def test_a_proxy_given_that_is_none(library, server, url):
    """Is what is blamed, not the base URL, and its password is not shown."""
    with pytest.raises(NotConfigured, match="proxy") as raised:
        with library.client(base_url=server.url, transport=library.transport(proxy=url)) as client:
            client.account.balance()
    assert "passw0rd" not in str(raised.value)
    assert server.asked == []


@pytest.mark.parametrize("way", styles.SYNC[1:] + styles.ASYNC[2:], ids=styles.name)
def test_as_many_times_to_connect_as_one_likes(way, server):
    """Pyreqwest has a pool for each, but not for ever."""
    with styles.style(way) as style:
        transport = style.transport()
        with style.client(base_url=server.url, transport=transport) as client:
            for n in range(40):
                assert client.account.balance(connect_timeout=1 + n / 100).is_success()
            assert len(transport._clients) <= 16


class Awaited:
    async def send(self, request): ...

    async def close(self): ...


class Endless:
    def send(self, request): ...


class Standing:
    """A stranger that only looks like a transport."""


def foreign(kind):
    import httpx2  # noqa: PLC0415 - slow to load

    return getattr(httpx2, kind)()


@pytest.mark.parametrize(
    ("kind", "transport", "words"),
    [
        (Client, AsyncHttpx2Transport, "AsyncHttpx2Transport is async"),
        (Client, AsyncPyreqwestTransport, "AsyncPyreqwestTransport is async"),
        (Client, Awaited, "Awaited is async"),
        (Client, Endless, "send and close"),
        (Client, Standing, "send and close"),
        (AsyncClient, Endless, "send and close"),
        (AsyncClient, Httpx2Transport, "use AsyncHttpx2Transport"),
        (AsyncClient, PyreqwestTransport, "use AsyncPyreqwestTransport"),
        (Client, lambda: foreign("Client"), "another library's Client: for its settings see"),
        (AsyncClient, lambda: foreign("AsyncClient"), "another library's AsyncClient"),
        (AsyncClient, lambda: foreign("Client"), "another library's Client"),
        (Client, lambda: Httpx2Transport, "an instance, not the class Httpx2Transport"),
        (Client, lambda: None, "not None"),
    ],
)
def test_a_transport_of_the_wrong_kind_is_refused_at_once(kind, transport, words):
    """Not at the first request, which may have placed a call by the time that it fails."""
    with pytest.raises(InvalidArgument, match=words) as raised:
        kind("id", "t", transport=transport())
    assert raised.value.name == "transport"


def test_transports_of_the_right_kind_are_taken():
    """A plain function that returns what is awaited, too."""

    class Delegating:
        def __init__(self, inner):
            self.send, self.close = inner.send, inner.close

    class Plain:
        def __init__(self, inner):
            self.inner = inner

        def send(self, request):
            return self.inner.send(request)

        def close(self):
            return self.inner.close()

    for wrap in (Delegating, Plain):
        Client(transport=wrap(Httpx2Transport()))
        AsyncClient(transport=wrap(AsyncHttpx2Transport()))


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_no_password_of_the_base_url_is_shown(kind):
    """A repr ends up in logs."""
    shown = repr(kind("id", "t", base_url="http://me:pass%2Fw@rd@h.example/open/"))
    assert shown == f"{kind.__name__}(app_id='id', base_url='http://[hidden]@h.example/open/')"
    assert repr(kind("id", base_url="http://h/")).endswith("base_url='http://h/')")
    assert repr(kind("id")).endswith("base_url=None)")
