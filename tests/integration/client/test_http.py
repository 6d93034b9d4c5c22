"""What leaves, what comes back, what goes wrong: the same on every transport, sync and async."""

import gzip
import json
import logging
import pickle
import socket
import subprocess
import sys
import time
import zlib

import pytest

from hoiio import (
    APIError,
    ConnectionFailed,
    InvalidResponse,
    NotConfigured,
    RateLimited,
    TimedOut,
    exchange,
    wire,
)
from hoiio.transport import HttpRequest
from support import styles
from support.canned import with_http

# The library's own streams: one that is not read to its end is not closed under trio.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*async_generator object:pytest.PytestUnraisableExceptionWarning"
)
OURS = styles.SYNC[:1] + styles.ASYNC[:2]
A, B = "+6511111111", "+6522222222"
WHO = {"app_id": "id", "access_token": "s3cret/+"}


@pytest.fixture
def client(every, server):
    with every.client(base_url=server.url) as client:
        yield client


def test_a_call_posts_its_form(server, client):
    """Everything is in the body, nothing in the URL; the key is in a header."""
    server.answers = [{"status": "success_ok", "txn_ref": "AA-C-1"}]
    assert client.voice.call(A, B, idempotency_key="order-7").txn_ref == "AA-C-1"
    [asked] = server.asked
    assert (asked.method, asked.target) == ("POST", "/open/voice/call")
    assert asked.form == {**WHO, "dest1": A, "dest2": B}
    headers = {name.lower(): value for name, value in asked.headers.items()}
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert headers["idempotency-key"] == "order-7"


def test_get_on_request(server, every):
    """Then all is in the query, the plus encoded, and no body follows."""
    with every.client(base_url=server.url, method="GET") as client:
        assert client.voice.call(A, B).is_success()
    [asked] = server.asked
    assert (asked.method, asked.path, asked.body) == ("GET", "/open/voice/call", "")
    assert asked.query == {**WHO, "dest1": A, "dest2": B}
    assert "%2B65" in asked.target


GIVEN = [
    {"Content-Type": wire.FORM},
    {},
    {"content-type": "text/plain"},
    {"Content-Type": "text/plain", "X-Own": "1"},
]


@pytest.mark.parametrize("given", [GIVEN, GIVEN[::-1]])
def test_headers_go_out_as_they_were_given(server, library, given):
    """None is added to say what the body is, and none comes twice, whatever went out before."""
    transport = library.transport()
    if library.portal is not None:
        transport = styles.Blocking(library.portal, transport)
    for headers in given:
        form = HttpRequest("POST", f"{server.url}x", headers, b"a=b", 5.0, 30.0)
        for request in (form, form._replace(method="GET", body=b"")):
            assert transport.send(request).status_code == 200
            [*_, asked] = server.asked
            sent = {name.lower(): value for name, value in asked.headers.items()}
            own = {k: v for k, v in sent.items() if k in {"content-type", "x-own"}}
            assert own == {name.lower(): value for name, value in headers.items()}
    transport.close()


@pytest.mark.parametrize("code", [200, 400, 401, 503])
def test_a_status_in_json_is_an_answer_whatever_the_http_status(server, client, code, monkeypatch):
    """The protocol's only error carrier is the status."""
    monkeypatch.setattr(exchange, "BACKOFF", 0.001)
    server.answers = [with_http(code, b'{"status": "error_insufficient_credit"}')]
    res = client.voice.call(A, B)
    assert (res.is_success(), res.status) == (False, "error_insufficient_credit")
    assert res.response.status_code == code


def test_errors_are_raised_on_request(server, every):
    """By the client for all, or by an answer for itself."""
    server.answers = [with_http(200, b'{"status": "error_rate_limit_exceeded"}', Retry_After="77")]
    with every.client(base_url=server.url, raise_errors=True) as client:
        with pytest.raises(RateLimited, match="wait a minute") as raised:
            client.voice.call(A, B)
    assert raised.value.retry_after == 77
    with every.client(base_url=server.url) as client, pytest.raises(APIError):
        client.voice.call(A, B).raise_for_error()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (with_http(403, b"<html>Forbidden</html>", Content_Type="text/html"), "HTTP 403, .*html"),
        (with_http(200, b'{"status": "succ', Content_Type="application/json"), "not JSON"),
        (
            with_http(200, b"\xff\xfe\x00", Content_Type="application/json; charset=nonsense"),
            "not JSON",
        ),
        (with_http(200, b"not gzip", Content_Encoding="gzip"), "encoding is broken"),
        (with_http(204, b""), "HTTP 204"),
        (with_http(200, b"[1, 2]"), "not a JSON object"),
        (with_http(200, b'{"status": "success_ok"}' + b" " * 8 * 1024 * 1024), "too large.*succ"),
    ],
    ids=["html", "truncated", "charset", "encoding", "empty", "a list", "too large"],
)
def test_garbage_is_an_invalid_response(server, client, answer, why):
    """Whatever a broken server or a proxy in between sends; a call may have been placed."""
    server.answers = [answer]
    with pytest.raises(InvalidResponse, match=why) as raised:
        client.voice.call(A, B)
    assert raised.value.maybe_sent is True
    assert len(raised.value.excerpt) <= 200
    assert len(server.asked) == 1


def test_ten_megabytes_that_repeat_the_request_show_no_token(server, client):
    """What is too large to be read is looked through for the token like any other."""

    def echo(handler):
        body = b"you sent " + server.asked[0].body.encode() + b" " * 10_000_000
        with_http(500, body)(handler)

    server.answers = [echo]
    with pytest.raises(InvalidResponse, match="too large") as raised:
        client.voice.call(A, B)
    assert "you sent app_id=id" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_what_is_not_http(server, client):
    """Typed all the same."""
    server.answers = [lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")]
    with pytest.raises(ConnectionFailed) as raised:
        client.voice.call(A, B)
    assert raised.value.maybe_sent is True


@pytest.mark.parametrize(
    "fields",
    [
        b'"n": 123456789012345678901234567890',
        b'"n": 0.1000000000000000055511151231257827, "m": -0, "duration": 7',
        b'"n": 2.2250738585072011e-308, "m": 1e400',
        b'"n": "\\ud800", "m": "\\ud83d\\ude00", "\\u0074ag": "\xc3\xa9"',
        b'"tag": "\xff"',
        b'"tag": "one", "tag": "two"',
        b'"n": %s1%s' % (b"[" * 200, b"]" * 200),
        b'"n": {"a": null, "b": true}, "tag": null',
        b'"tag": "%s"' % (b"x" * 4000),
    ],
)
def test_json_is_the_standard_librarys_whoever_reads_it(server, client, fields):
    """A library's own reader may have other numbers, and other ideas of what is JSON."""
    body = b' {"status": "success_ok", %s}\r\n' % fields
    server.answers = [with_http(200, body)]
    res = client.voice.status("AA-C-1")
    assert repr(res.json) == repr(json.loads(body.decode(errors="replace")))
    assert res.text == body.decode(errors="replace")
    assert res.response.content == body


@pytest.mark.parametrize("body", [b'{"status": "success_ok", "n": NaN}', b'{"status": "a"} x', b""])
def test_what_is_no_json_is_an_invalid_response(server, client, body):
    """Whoever reads it."""
    server.answers = [with_http(200, body)] * 3
    with pytest.raises(InvalidResponse, match="not JSON"):
        client.voice.status("AA-C-1")


@pytest.mark.parametrize("name", ["Hoiio-Features", "Retry-After", "Content-Type", "X-Other"])
def test_a_header_that_is_no_text_costs_no_answer(server, every, name):
    """The call was placed, so it is to be told; a copy of its answer can be made, too."""
    server.answers = [
        lambda handler: handler.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 45\r\nX-Plain: a\r\nX-Plain: b\r\n"
            b"%s: \xff\xfe\r\n\r\n"
            b'{"status": "success_ok", "txn_ref": "AA-C-1"}' % name.encode()
        )
    ]
    with every.client(base_url=server.url, retries=0) as client:
        res = client.voice.call(A, B)
        assert res.txn_ref == "AA-C-1"
        headers = res.response.headers
        assert headers["x-plain"].startswith("a")
        assert headers["X-PLAIN"] == headers.get("x-Plain") == dict(headers)["x-plain"]
        assert headers.get("absent", "none") == "none"
        assert list(headers) == list(dict(headers))
        copied = pickle.loads(pickle.dumps(res.inner if every.loop else res))
    assert copied.txn_ref == "AA-C-1"
    assert copied.response.headers["x-plain"].startswith("a")


def test_a_copied_refusal_knows_how_long_to_wait(server, every):
    """As a task queue gets it from another process."""
    server.answers = [with_http(200, b'{"status": "error_rate_limit_exceeded"}', Retry_After="60")]
    with every.client(base_url=server.url, timeout=1) as client:
        res = client.account.balance()
    copied = pickle.loads(pickle.dumps(res.inner if every.loop else res))
    assert copied.retry_after == res.retry_after == 60


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    "before",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
)
def test_who_sends_a_request_back_is_not_quoted(server, every, method, before):
    """The token is in it, and the numbers; what is wrong is said all the same."""

    def send_back(handler):
        handler.wfile.write(before + (server.asked[-1].body or server.asked[-1].target).encode())
        handler.wfile.write(b"\r\n\r\n" + b"x" * 1000)
        handler.close_connection = True

    server.answers = [send_back]
    with (
        every.client(
            access_token="s3cret", base_url=server.url, retries=0, method=method
        ) as client,
        pytest.raises(ConnectionFailed, match=r"broke: [Ii](llegal|nvalid) ") as failed,
    ):
        client.voice.call(A, B)
    assert failed.value.maybe_sent
    assert "s3cret" not in str(failed.value)
    assert "6511111111" not in str(failed.value)
    assert len(str(failed.value)) < 300


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("fields", [b'"balance": "1.000"', b'"balance": "1.000", "n": [1]'])
def test_a_compressed_answer_is_read(server, client, encoding, fields):
    """Proxies compress, some of them unasked."""
    compress = gzip.compress if encoding == "gzip" else zlib.compress
    body = b'{"status": "success_ok", %s}' % fields
    server.answers = [with_http(200, compress(body), Content_Encoding=encoding)]
    res = client.account.balance()
    assert (res.balance, res.text, res.response.content) == (1.0, body.decode(), body)


def test_a_compressed_answer_that_is_cut_off(server, client):
    """Is no answer, whatever could be read of it."""
    body = gzip.compress(b'{"status": "success_ok", "txn_ref": "AA-C-1"}')
    server.answers = [with_http(200, body[:-20], Content_Encoding="gzip")]
    with pytest.raises(InvalidResponse) as raised:
        client.voice.call(A, B)
    assert raised.value.maybe_sent is True


UNPACKS = """
import asyncio, resource, sys
from hoiio import AsyncClient, Client, InvalidResponse
place, library, loop = sys.argv[1:]
def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
async def ask():
    async with AsyncClient("id", "token", base_url=place, transport=library) as client:
        await client.account.balance()
before = used()
try:
    if loop == "asyncio":
        asyncio.run(ask())
    else:
        Client("id", "token", base_url=place, transport=library, retries=0).account.balance()
except InvalidResponse as error:
    more = used() - before
    sys.exit(f"used {more} MiB" if more > 150 else "too large" not in str(error))
sys.exit("no exception")
"""


@pytest.mark.parametrize("way", styles.SYNC + styles.ASYNC[::2], ids=styles.name)
def test_a_small_answer_does_not_unpack_to_a_large_one(server, way):
    """Some hundred kilobytes could be gigabytes."""
    packing = zlib.compressobj(9, wbits=31)
    packed = [packing.compress(b" " * 1024 * 1024) for _ in range(256)] + [packing.flush()]
    server.answers = [with_http(200, b"".join(packed), Content_Encoding="gzip")]
    place = [server.url, way[0], way[1] or "sync"]
    program = [sys.executable, "-W", "ignore", "-c", UNPACKS, *place]
    ran = subprocess.run(program, check=False, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server, client, code):
    """The token goes nowhere that it was not sent."""
    server.answers = [
        with_http(code, b"elsewhere", Location="/open/elsewhere"),
        {"status": "success_ok"},
    ]
    with pytest.raises(InvalidResponse, match=f"HTTP {code}"):
        client.voice.call(A, B)
    assert len(server.asked) == 1


def test_no_cookie_is_kept(server, client):
    """The protocol has none, and what one answer sets does not reach another account's request."""
    server.answers = [with_http(200, b'{"status": "success_ok"}', Set_Cookie="who=you; Path=/")]
    client.account.balance()
    client.account.balance()
    assert all("cookie" not in {name.lower() for name in a.headers} for a in server.asked)


@pytest.mark.parametrize("way", OURS, ids=styles.name)
def test_cookies_do_not_pile_up(server, way):
    """Of a client that lives for years each would be looked through with each request."""
    server.answers = [
        with_http(200, b'{"status": "success_ok"}', Set_Cookie=f"name-{n}=you; Path=/")
        for n in range(3)
    ]
    with styles.style(way) as style:
        transport = style.transport()
        with style.client(base_url=server.url, transport=transport) as client:
            for _ in server.answers[:]:
                client.account.balance()
            http = transport._home.http if way[1] else transport._http
            assert len(http.cookies.jar) == 0


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_token_is_in_no_exception_and_no_log(server, every, method, caplog):
    """With GET the URL has it, and libraries like to repeat URLs."""
    broken = [
        lambda handler: handler.connection.shutdown(socket.SHUT_RDWR),
        lambda handler: handler.wfile.write(b"garbage\r\n\r\n"),
        with_http(200, b"not gzip", Content_Encoding="gzip"),
        with_http(200, b"{"),
    ]
    said = []
    places = [server.url] * len(broken) + ["http://127.0.0.1:1/open", "http://a.invalid/open"]
    caplog.set_level(logging.DEBUG)
    for place in places:
        if broken:
            server.answers = [broken.pop()]
        with every.client(base_url=place, method=method, retries=0) as client:
            with pytest.raises((ConnectionFailed, InvalidResponse)) as raised:
                client.voice.call(A, B, tag="t")
            said += [str(raised.value), repr(raised.value), repr(client)]
            assert raised.value.__suppress_context__
            assert raised.value.__cause__ is None
    if method == "POST":
        said += [record.getMessage() for record in caplog.records]
    assert "s3cret" not in " ".join(said)


def test_nobody_there_is_a_failed_connection(every, monkeypatch):
    """And the request has certainly not been sent, however often it was tried."""
    monkeypatch.setattr(exchange, "BACKOFF", 0.001)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with every.client(base_url=f"http://{place}/open/") as client:
            with pytest.raises(ConnectionFailed) as raised:
                client.voice.call(A, B)
    assert str(raised.value).startswith(f"cannot reach {place}: ")
    assert raised.value.maybe_sent is False
    assert not isinstance(raised.value, TimedOut)


def test_a_host_that_has_no_address(every, monkeypatch):
    """The same."""
    monkeypatch.setattr(exchange, "BACKOFF", 0.001)
    with every.client(base_url="http://hoiio.invalid/open/") as client:
        with pytest.raises(ConnectionFailed, match=r"cannot reach hoiio\.invalid") as raised:
            client.voice.call(A, B)
    assert raised.value.maybe_sent is False


def test_a_service_that_comes_up_late_is_reached(every, monkeypatch, server):
    """A call that was refused a connection is tried again, features or none."""
    monkeypatch.setattr(exchange, "BACKOFF", 0.001)
    tried = []

    class Flaky:
        def __init__(self, inner):
            self.inner = inner

        def send(self, request):
            tried.append(request)
            if len(tried) < 3:
                request = request._replace(url="http://127.0.0.1:1/")
            return self.inner.send(request)

        def close(self):
            return self.inner.close()

    with every.client(base_url=server.url, transport=Flaky(every.transport())) as client:
        assert client.voice.call(A, B).is_success()
    assert len({request.headers["Idempotency-Key"] for request in tried}) == 1
    assert (len(tried), len(server.asked)) == (3, 1)


def test_an_answer_that_does_not_come_times_out(every, server):
    """The call may have been placed; the exception says so, and nothing is sent again."""
    server.answers = [lambda handler: server.released.wait()]
    with every.client(base_url=server.url, timeout=0.2) as client:
        with pytest.raises(TimedOut, match="may have been placed") as raised:
            client.voice.call(A, B)
    assert raised.value.maybe_sent is True
    assert len(server.asked) == 1


def drip(server, answer):
    """An answer whose bytes come one at a time, too slowly ever to end."""

    def dripping(handler):
        for byte in answer:
            if server.released.wait(0.02):
                return
            try:
                handler.wfile.write(bytes([byte]))
            except OSError:
                return

    return dripping


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 5000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b" " * 5000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 200,
    ],
    ids=["head", "body", "interim"],
)
def test_an_answer_that_drips_times_out(every, server, answer):
    """The time-out is for the whole answer, not for each piece of it."""
    server.answers = [drip(server, answer)]
    started = time.monotonic()
    with every.client(base_url=server.url, timeout=0.3) as client:
        with pytest.raises(TimedOut) as raised:
            client.voice.call(A, B)
    assert raised.value.maybe_sent is True
    assert time.monotonic() - started < 3


@pytest.fixture
def crowded():
    """A port whose queue of connections is full: connecting to it takes for ever."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        try:
            for _ in range(4):
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(listener.getsockname())
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/open"
        finally:
            for each in waiting:
                each.close()


@pytest.mark.parametrize("times", [{"timeout": 0.3}, {"connect_timeout": 0.2, "retries": 0}])
def test_a_connection_that_does_not_come_about_times_out(every, crowded, times):
    """Before anything was sent, and that is known; within the time-out for everything, too."""
    started = time.monotonic()
    with every.client(base_url=crowded, **times) as client:
        with pytest.raises(TimedOut, match="no connection") as raised:
            client.voice.call(A, B)
    assert raised.value.maybe_sent is False
    assert time.monotonic() - started < 3


def test_many_time_outs_are_no_leak(library, server):
    """A time-out shorter than that for connecting does not cost a pool for each request."""
    transport = library.transport()
    with library.client(base_url=server.url, transport=transport) as client:
        for n in range(10):
            client.account.balance(timeout=2 + n / 1000)
        pools = getattr(transport, "_clients", [None])
    assert len(pools) == 1
    assert len({asked.connection for asked in server.asked}) == 1


def test_a_read_waits_as_the_service_asks(server, client):
    """Refused for its rate, it is repeated once Retry-After has passed."""
    limited = with_http(200, b'{"status": "error_rate_limit_exceeded"}', Retry_After="1")
    server.answers = [limited, {"status": "success_ok", "balance": "1.000"}]
    started = time.monotonic()
    assert client.account.balance().is_success()
    assert time.monotonic() - started >= 1
    assert len(server.asked) == 2


def test_a_closed_client_opens_new_connections(server, client):
    """One connection serves requests in turn; after close() another does."""
    client.account.balance()
    client.account.balance()
    client.close()
    client.account.balance()
    first, second, third = (asked.connection for asked in server.asked)
    assert first == second != third


def test_a_url_that_no_library_takes(every):
    """Is said to be the base URL's fault."""
    with every.client(base_url="http://a%b/open", retries=0) as client:
        with pytest.raises((NotConfigured, ConnectionFailed)) as raised:
            client.voice.call(A, B)
    assert raised.value.maybe_sent is False
