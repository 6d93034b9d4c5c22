"""The client against a real HTTP server: what leaves, what comes back, what goes wrong."""

import gzip
import importlib.metadata
import os
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime

import pytest

import hoiio
from hoiio import (
    Client,
    ConnectionFailed,
    InvalidArgument,
    InvalidResponse,
    NotConfigured,
    TimedOut,
)
from support.canned import canned_server, with_http

A, B, C = "+6511111111", "+6522222222", "+6533333333"
WHO = {"app_id": "id", "access_token": "s3cret/+"}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("HOIIO_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def server():
    with canned_server() as canned:
        yield canned


@pytest.fixture
def client(server):
    with Client("id", "s3cret/+", base_url=server.url) as client:
        yield client


@pytest.mark.parametrize(
    ("ask", "path", "params"),
    [
        (lambda c: c.voice.call(A, B), "voice/call", {"dest1": A, "dest2": B}),
        (lambda c: c.voice.call(None, B), "voice/call", {"dest2": B}),
        (
            lambda c: c.voice.call(
                A,
                B,
                caller_id="private",
                max_duration=600,
                tag="myapp",
                notify_url="http://my.server.com/myscript",
            ),
            "voice/call",
            {
                "dest1": A,
                "dest2": B,
                "caller_id": "private",
                "max_duration": "600",
                "tag": "myapp",
                "notify_url": "http://my.server.com/myscript",
            },
        ),
        (lambda c: c.voice.conference(A, B, C), "voice/conference", {"dest": f"{A},{B},{C}"}),
        (
            lambda c: c.voice.conference("+6544444444", room="MY-ROOM", tag="t"),
            "voice/conference",
            {"dest": "+6544444444", "room": "MY-ROOM", "tag": "t"},
        ),
        (lambda c: c.voice.hangup("TX-4"), "voice/hangup", {"txn_ref": "TX-4"}),
        (
            lambda c: c.voice.moderate("TX-4", "mute"),
            "conference/moderate",
            {"txn_ref": "TX-4", "action": "mute"},
        ),
        (lambda c: c.voice.status("TX-1234"), "voice/query_status", {"txn_ref": "TX-1234"}),
        (lambda c: c.voice.history(), "voice/get_history", {}),
        (lambda c: c.voice.history(page=2), "voice/get_history", {"page": "2"}),
        (
            lambda c: c.voice.history(from_=datetime(2012, 1, 1), to="2012-02-01 00:00:00"),
            "voice/get_history",
            {"from": "2012-01-01 00:00:00", "to": "2012-02-01 00:00:00"},
        ),
        (
            lambda c: c.voice.history(upto="TX-9", **{"from": "2012-01-01 00:00:00"}),
            "voice/get_history",
            {"from": "2012-01-01 00:00:00", "upto": "TX-9"},
        ),
        (lambda c: c.voice.rate(A, B), "voice/get_rate", {"dest1": A, "dest2": B}),
        (lambda c: c.account.balance(), "user/get_balance", {}),
        (lambda c: c.account.info(), "user/get_info", {}),
    ],
)
def test_each_method_posts_its_form(server, client, ask, path, params):
    """The guide's calls, as the wire has them: POST, everything in the body, nothing in the URL."""
    assert ask(client).is_success()
    [asked] = server.asked
    assert (asked.method, asked.target) == ("POST", f"/open/{path}")
    assert asked.form == {**WHO, **params}
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_get_on_request(server):
    """Then all is in the query, the plus encoded."""
    with Client("id", "s3cret/+", base_url=server.url + "/", method="GET") as client:
        client.voice.call(A, B)
    [asked] = server.asked
    assert (asked.method, asked.path, asked.body) == ("GET", "/open/voice/call", "")
    assert asked.query == {**WHO, "dest1": A, "dest2": B}


def test_a_call_may_carry_its_own_credentials(server, client):
    """They count for that call only."""
    client.voice.call(A, B, app_id="other", access_token="own")
    client.account.balance()
    assert [(a.form["app_id"], a.form["access_token"]) for a in server.asked] == [
        ("other", "own"),
        ("id", "s3cret/+"),
    ]


def test_a_prefix_is_put_before_local_numbers(server, client):
    """In every place where a number stands."""
    client.prefix = "65"
    client.voice.call("11111111", B, caller_id="33333333")
    client.voice.conference("11111111", C, caller_id="private")
    client.voice.rate("11111111", "22222222")
    call, conference, rate = (asked.form for asked in server.asked)
    assert (call["dest1"], call["dest2"], call["caller_id"]) == (A, B, C)
    assert (conference["dest"], conference["caller_id"]) == (f"{A},{C}", "private")
    assert (rate["dest1"], rate["dest2"]) == (A, B)


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.voice.call(A, B, colour="blue"),
        lambda c: c.voice.history(form="2012"),
        lambda c: c.voice.history("2012", **{"from": "2012"}),
    ],
)
def test_an_unknown_keyword_is_a_type_error(server, client, ask):
    """And nothing is sent."""
    with pytest.raises(TypeError):
        ask(client)
    assert server.asked == []


@pytest.mark.parametrize(
    ("ask", "name", "says"),
    [
        (lambda c: c.voice.history(from_=5), "from_", r"from_: a datetime, or text .*not int"),
        (lambda c: c.voice.history(5), "from_", "from_: a datetime"),
        (lambda c: c.voice.history(**{"from": 5}), "from", "from: a datetime"),
        (lambda c: c.voice.history(LATE, EARLY), "to", r"to: .* is before 'from_', "),
        (lambda c: c.voice.history(to=EARLY, **{"from": LATE}), "to", "to: .* is before 'from', "),
    ],
)
def test_a_refusal_names_the_beginning_as_it_was_written(server, client, ask, name, says):
    """Python has no parameter named from."""
    with pytest.raises(InvalidArgument, match=f"^{says}") as raised:
        ask(client)
    assert raised.value.name == name
    assert server.asked == []


EARLY, LATE = "2012-01-01 00:00:00", "2012-02-01 00:00:00"


def test_without_credentials_nothing_is_sent(server):
    """The exception says what to do."""
    with Client(base_url=server.url) as client, pytest.raises(NotConfigured, match=r"Hoiio\.init"):
        client.voice.call(A, B)
    assert server.asked == []


def test_the_environment_is_read_when_a_request_is_made(server, monkeypatch):
    """So that it may be set after the import."""
    with Client() as client:
        monkeypatch.setenv("HOIIO_APP_ID", "env-id")
        monkeypatch.setenv("HOIIO_ACCESS_TOKEN", "env-token")
        monkeypatch.setenv("HOIIO_BASE_URL", server.url)
        client.account.balance()
    assert server.asked[0].form == {"app_id": "env-id", "access_token": "env-token"}


@pytest.mark.parametrize("code", [200, 400, 401, 500, 503])
def test_a_status_in_json_is_an_answer_whatever_the_http_status(server, client, code):
    """The protocol's only error carrier is the status."""
    server.answers = [with_http(code, b'{"status": "error_insufficient_credit"}')]
    res = client.voice.call(A, B)
    assert (res.is_success(), res.status) == (False, "error_insufficient_credit")
    assert res.response.status_code == code


@pytest.mark.parametrize(
    "answer",
    [
        with_http(502, b"<html>Bad Gateway</html>", Content_Type="text/html"),
        with_http(200, b'{"status": "succ', Content_Type="application/json"),
        with_http(200, b"\xff\xfe\x00", Content_Type="application/json; charset=nonsense"),
        with_http(200, b"not gzip", Content_Encoding="gzip"),
        with_http(204, b""),
        with_http(200, b'{"status": "success_ok"}' + b" " * 8 * 1024 * 1024),
    ],
    ids=["html", "truncated", "charset", "encoding", "empty", "too large"],
)
def test_garbage_is_an_invalid_response(server, client, answer):
    """Whatever a broken server or a proxy in between sends."""
    server.answers = [answer]
    with pytest.raises(InvalidResponse):
        client.voice.call(A, B)


def test_a_compressed_answer_is_read(server, client):
    """Proxies compress."""
    body = gzip.compress(b'{"status": "success_ok", "balance": "1.000"}')
    server.answers = [with_http(200, body, Content_Encoding="gzip")]
    assert client.account.balance().balance == 1.0


def test_a_redirect_is_not_followed(server, client):
    """The token goes nowhere that it was not sent."""
    server.answers = [
        with_http(307, b"elsewhere", Location="/open/elsewhere"),
        {"status": "success_ok"},
    ]
    with pytest.raises(InvalidResponse, match="HTTP 307"):
        client.voice.call(A, B)
    assert len(server.asked) == 1


def test_an_error_page_that_repeats_the_request_shows_no_token(server, client):
    """Exceptions end up in logs."""

    def echo(handler):
        with_http(500, b"you sent " + server.asked[0].body.encode())(handler)

    server.answers = [echo]
    with pytest.raises(InvalidResponse) as raised:
        client.voice.call(A, B)
    assert "you sent app_id=id" in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert "s3cret" not in repr(client)


def test_nobody_there_is_a_failed_connection():
    """And the request has certainly not been sent."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        client = Client("id", "s3cret", base_url=f"http://{place}/open/")
        with client, pytest.raises(ConnectionFailed) as raised:
            client.voice.call(A, B)
    assert str(raised.value).startswith(f"cannot reach {place}: ")
    assert raised.value.maybe_sent is False
    assert not isinstance(raised.value, TimedOut)


def test_a_connection_that_breaks_may_have_placed_the_call(server, client):
    """It is not sent a second time."""
    server.answers = [lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)]
    with pytest.raises(ConnectionFailed) as raised:
        client.voice.call(A, B)
    assert raised.value.maybe_sent is True
    assert len(server.asked) == 1


def test_an_answer_that_does_not_come_times_out(server):
    """The call may have been placed; the exception says so, and nothing is sent again."""
    server.answers = [lambda handler: server.released.wait()]
    client = Client("id", "s3cret", base_url=server.url, timeout=0.2)
    with client, pytest.raises(TimedOut, match="may have been placed") as raised:
        client.voice.call(A, B)
    assert raised.value.maybe_sent is True
    assert len(server.asked) == 1


def test_an_answer_that_trickles_times_out(server):
    """The time-out is for the whole answer, not for each piece of it."""

    def trickle(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not server.released.wait(0.02):
            try:
                handler.wfile.write(b" ")
            except OSError:
                return

    server.answers = [trickle]
    client = Client("id", "s3cret", base_url=server.url, timeout=0.3)
    with client, pytest.raises(TimedOut):
        client.voice.call(A, B)


def test_a_read_waits_as_the_service_asks(server, client):
    """Refused for its rate, it is repeated once Retry-After has passed."""
    limited = with_http(200, b'{"status": "error_rate_limit_exceeded"}', Retry_After="1")
    server.answers = [limited, {"status": "success_ok", "balance": "1.000"}]
    started = time.monotonic()
    assert client.account.balance().is_success()
    assert time.monotonic() - started >= 1
    assert len(server.asked) == 2


def test_a_read_does_not_wait_past_its_timeout(server, client):
    """Then the refusal is the answer, at once."""
    limited = with_http(200, b'{"status": "error_rate_limit_exceeded"}', Retry_After="3600")
    server.answers = [limited]
    assert client.account.balance().status == "error_rate_limit_exceeded"
    assert len(server.asked) == 1


@pytest.mark.parametrize("wait", ["soon", "", "-1", "9" * 5000])
def test_a_wait_that_is_no_number_counts_as_none(server, client, wait):
    """Then the client takes its own pauses, and gives up after two."""
    limited = with_http(200, b'{"status": "error_rate_limit_exceeded"}', Retry_After=wait)
    server.answers = [limited]
    assert client.account.balance().status == "error_rate_limit_exceeded"
    assert len(server.asked) == 3


def test_a_chargeable_request_is_never_repeated(server, client):
    """Not even when the service would allow it at once."""
    limited = with_http(200, b'{"status": "error_rate_limit_exceeded"}', Retry_After="0")
    server.answers = [limited]
    assert client.voice.call(A, B).status == "error_rate_limit_exceeded"
    assert client.voice.conference(A, B).status == "error_rate_limit_exceeded"
    assert len(server.asked) == 2


def test_a_closed_client_opens_new_connections(server, client):
    """One connection serves requests in turn; after close() another does."""
    client.account.balance()
    client.account.balance()
    client.close()
    client.account.balance()
    first, second, third = (asked.connection for asked in server.asked)
    assert first == second != third


def test_threads_share_a_client(server, client):
    """Each gets the answer to its own question."""

    def echo(handler):
        tag = dict(pair.split("=") for pair in server_body(handler).split("&"))["txn_ref"]
        with_http(200, f'{{"status": "success_ok", "txn_ref": "{tag}"}}'.encode())(handler)

    def server_body(handler):
        return next(
            a.body for a in reversed(server.asked) if a.connection == handler.client_address
        )

    server.answers = [echo]
    wrong = []

    def ask(ref):
        for _ in range(10):
            if client.voice.status(ref).txn_ref != ref:
                wrong.append(ref)

    threads = [threading.Thread(target=ask, args=(f"TX-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == 80
    assert wrong == []


FORKS = """
import os, sys
from hoiio import Client
with Client("id", "token", base_url=sys.argv[1]) as client:
    client.account.balance()
    child = os.fork()
    answered = client.account.balance().is_success()
    if child == 0:
        os._exit(0 if answered else 1)
    sys.exit(os.waitpid(child, 0)[1] or not answered)
"""


def test_a_forked_child_uses_a_connection_of_its_own(server):
    """Two processes on one connection would read each other's answers."""
    subprocess.run([sys.executable, "-c", FORKS, server.url], check=True, timeout=30)
    assert len(server.asked) == 3
    assert len({asked.connection for asked in server.asked}) == 2


def test_a_client_refuses_other_methods():
    """Only GET and POST are in the protocol."""
    with pytest.raises(ValueError, match="POST' or 'GET"):
        Client(method="PUT")


def test_importing_loads_no_http_library():
    """A program that imports the package pays for it only when it asks something."""
    program = "import hoiio, sys; print([m for m in sys.modules if m in {'httpx2', 'ssl', 'rich'}])"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout.strip() == "[]"


def test_the_public_names_are_exactly_these():
    """Nothing leaks, nothing is forgotten; submodules are not part of it."""
    for name in hoiio.__all__:
        assert getattr(hoiio, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Notifications'"):
        _ = hoiio.Notifications
    found = {
        name
        for name, value in vars(hoiio).items()
        if not name.startswith("_") and not isinstance(value, type(sys) | bool)
    }
    found.discard("annotations")
    assert sorted(found) == hoiio.__all__ == dir(hoiio)


def test_the_package_knows_its_version():
    assert hoiio.__version__ == importlib.metadata.version("hoiio")
