"""Posting to receivers that are strangers: real HTTP, real TLS, a real DNS server on loopback.

Each test is a promise. ``ALLOWED`` stands for what is public in the wild: 127.0.1.0/24; the rest of
loopback is what must not be reached.
"""

import asyncio
import contextlib
import errno
import ipaddress
import os
import resource
import socket
import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.notifications import exchange
from hoiio.server.notifications import post as module
from hoiio.server.notifications.check import Forbidden, UrlCheck
from hoiio.server.notifications.egress import Guard
from hoiio.server.notifications.names import Names
from hoiio.server.notifications.post import Attempt, Poster, seconds
from hoiio.server.notifications.target import parse
from hoiio.server.readers import Address
from support import dns as answers
from support.dns import DnsServer
from support.tls import Authority

ALLOWED = (ipaddress.ip_network("127.0.1.0/24"),)
GOOD, GOOD_TOO, INSIDE = "127.0.1.1", "127.0.1.2", "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BODY, HEADERS = b"txn_ref=AA-C-1", {"X-Hoiio-Signature": "abc"}


class Receiver:
    """Takes connections on an address and does with each what the test says."""

    def __init__(self, answer=OK, host=GOOD, tls=None):
        self.answer, self.host, self.tls = answer, host, tls
        self.connections = 0
        self.requests = []
        self.closed = asyncio.Event()
        self.serving = set()

    async def _serve(self, reader, writer):
        self.connections += 1
        self.serving.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
            self.requests.append((head, await reader.readexactly(length)))
            if callable(self.answer):
                await self.answer(writer)
            else:
                writer.write(self.answer)
                await writer.drain()
            await reader.read()
        self.closed.set()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, self.host, 0, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        if self.serving:
            await asyncio.wait(self.serving, timeout=5)

    def url(self, host=None, path="/hook", scheme="http"):
        return f"{scheme}://{host or self.host}:{self.port}{path}"


def poster(dns=None, tls=None, allow=ALLOWED):
    return Poster(Guard(allow), names(dns), tls)


def names(dns):
    return Names(Address("127.0.0.1", dns.port)) if dns else Names()


async def sent(receiver, url=None, **options):
    return await poster(**options).post(url or receiver.url(), BODY, HEADERS)


# --- where it connects -------------------------------------------------------------------------


def test_a_name_is_posted_to_with_its_own_name_in_host():
    async def run():
        async with Receiver() as receiver:
            attempt = await sent(receiver, receiver.url("a.example", "/x?m=1#f"), dns=dns)
        assert attempt == Attempt(200, "answered 200", None)
        head, body = receiver.requests[0]
        assert head.startswith("POST /x?m=1 HTTP/1.1\r\n")
        assert f"\r\nHost: a.example:{receiver.port}\r\n" in head
        assert "\r\nX-Hoiio-Signature: abc\r\n" in head
        assert body == BODY

    with DnsServer(a_example=[GOOD]) as dns:
        asyncio.run(run())


def has_ipv6():
    with socket.socket(socket.AF_INET6) as sock, contextlib.suppress(OSError):
        sock.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_an_ipv6_address_is_posted_to_with_brackets_in_host():
    async def run():
        async with Receiver(host="::1") as receiver:
            allow = (ipaddress.ip_network("::1"),)
            assert (await sent(receiver, receiver.url("[::1]"), allow=allow)).status == 200
            assert f"\r\nHost: [::1]:{receiver.port}\r\n" in receiver.requests[0][0]

    asyncio.run(run())


@pytest.mark.parametrize(
    "addresses",
    [[INSIDE], [GOOD, INSIDE], [INSIDE, GOOD], [GOOD, "::1"], ["::ffff:127.0.0.1"],
     ["64:ff9b::7f00:1"], [GOOD, "10.0.0.1"], [GOOD, "169.254.169.254"]],
)  # fmt: skip
def test_one_bad_address_among_a_names_own_refuses_them_all(addresses):
    async def run():
        async with Receiver() as receiver, Receiver(host=INSIDE) as inside:
            for url in (receiver.url("a.example"), inside.url("a.example")):
                attempt = await sent(receiver, url, dns=dns)
                assert attempt.status is None
                assert "is not public; allow it with --notify-allow" in attempt.reason
            assert (receiver.connections, inside.connections) == (0, 0)

    with DnsServer(a_example=addresses) as dns:
        asyncio.run(run())


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "LOCALHOST", "localhost.", "x.localhost",
     "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1.", "0", "0.0.0.0", "[::]",
     "user@127.0.0.1", "a.example@127.0.0.1", "[::1%25lo]", "①②⑦.⓪.⓪.①"],
)  # fmt: skip
def test_no_spelling_of_an_address_inside_is_connected_to(host):
    async def run():
        async with Receiver(host=INSIDE) as inside:
            attempt = await sent(inside, inside.url(host))
            assert attempt.status is None
            assert inside.connections == 0

    asyncio.run(run())


def test_a_name_that_changes_between_the_request_and_the_delivery_is_not_followed():
    """DNS rebinding: public when the call is placed, inside when it has ended."""

    async def run():
        async with Receiver(host=INSIDE) as inside:
            url = inside.url("rebind.example")
            await UrlCheck(Guard(ALLOWED), names(dns)).check(parse(url))
            attempt = await sent(inside, url, dns=dns)
            assert attempt.reason == (
                "notify_url leads to 127.0.0.1, which is not public; "
                "allow it with --notify-allow 127.0.0.1/32"
            )
            assert inside.connections == 0

    with DnsServer(rebind_example=[[GOOD], [INSIDE]]) as dns:
        asyncio.run(run())


def test_a_name_that_changes_between_the_look_up_and_the_connection_is_not_asked_again():
    async def run():
        async with Receiver(host=GOOD) as receiver:
            assert (await sent(receiver, receiver.url("flip.example"), dns=dns)).status == 200
            assert dns.questions("flip.example") == 1

    with DnsServer(flip_example=[[GOOD], [INSIDE]]) as dns:
        asyncio.run(run())


def test_an_address_that_takes_no_connection_leaves_the_turn_to_the_next():
    async def run():
        async with Receiver(host=GOOD_TOO) as receiver:
            assert (await sent(receiver, receiver.url("two.example"), dns=dns)).status == 200

    with DnsServer(two_example=[GOOD, GOOD_TOO]) as dns:
        asyncio.run(run())


def test_a_redirect_is_not_followed():
    async def run():
        async with Receiver(host=INSIDE) as inside:
            where = f"HTTP/1.1 307 X\r\nLocation: {inside.url()}\r\nContent-Length: 0\r\n\r\n"
            async with Receiver(where.encode()) as receiver:
                assert (await sent(receiver)).status == 307
            assert inside.connections == 0

    asyncio.run(run())


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    async def run():
        async with Receiver(host=INSIDE) as proxy, Receiver() as receiver:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            assert (await sent(receiver)).status == 200
            assert proxy.connections == 0

    asyncio.run(run())


def test_no_cookie_is_kept_and_no_connection_is_shared():
    async def run():
        cookie = OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: mine=1; Path=/\r\n\r\n")
        async with Receiver(cookie) as receiver:
            one = poster()
            for _ in range(3):
                await one.post(receiver.url(), BODY, HEADERS)
            assert receiver.connections == 3
            assert not any("cookie" in head.lower() for head, _ in receiver.requests)

    asyncio.run(run())


# --- TLS ---------------------------------------------------------------------------------------


def test_https_proves_the_urls_name_though_the_connection_is_to_an_address(tmp_path):
    authority = Authority(tmp_path)
    context, seen = authority.server("a.example")

    async def run():
        async with Receiver(tls=context) as receiver:
            url = receiver.url("a.example.", scheme="https")
            assert (await sent(receiver, url, dns=dns, tls=authority.trust)).status == 200
            assert seen == ["a.example"]
            assert f"Host: a.example:{receiver.port}" in receiver.requests[0][0]

    with DnsServer(a_example=[GOOD]) as dns:
        asyncio.run(run())


@pytest.mark.parametrize("trusted", [True, False])
def test_a_certificate_for_another_name_or_by_a_stranger_is_not_accepted(tmp_path, trusted):
    authority = Authority(tmp_path)
    context, _ = authority.server("b.example" if trusted else "a.example")

    async def run():
        async with Receiver(tls=context) as receiver:
            for host in ("a.example", GOOD):
                attempt = await sent(
                    receiver,
                    receiver.url(host, scheme="https"),
                    dns=dns,
                    tls=authority.trust if trusted else None,
                )
                assert attempt.status is None
                assert "certificate verify failed" in attempt.reason
            assert receiver.requests == []

    with DnsServer(a_example=[GOOD]) as dns:
        asyncio.run(run())


def test_without_authorities_nothing_is_posted_over_tls_and_all_else_is(tmp_path):
    def unreadable():
        raise FileNotFoundError(2, "No such file or directory")

    async def run():
        async with Receiver() as receiver:
            attempt = await sent(receiver, receiver.url(scheme="https"), tls=unreadable)
            assert attempt.reason.startswith("the certificate authorities cannot be read: No such")
            assert receiver.connections == 0
            assert (await sent(receiver, tls=unreadable)).status == 200

    asyncio.run(run())


# --- receivers that misbehave ------------------------------------------------------------------


def endless(first, chunk, pause=0.0):
    async def answer(writer):
        writer.write(first)
        while True:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("first", "chunk"),
    [
        (HEAD, b"X-Filler: " + b"x" * 1000 + b"\r\n"),
        (HEAD + b"X-Long: ", b"x" * 4096),
        (b"", b"HTTP/1.1 103 Early\r\n\r\n" * 100),
        (b"", b"\r\n" * 1000),
        (b"", b"SSH-2.0-x\r\n"),
    ],
)
def test_an_answer_without_an_end_is_no_answer_and_little_of_it_is_read(first, chunk):
    async def run():
        async with Receiver(endless(first, chunk)) as receiver:
            attempt = await sent(receiver)
            assert attempt.status is None
            assert "no answer within" not in attempt.reason  # it did not go on until the end
            assert len(attempt.reason) <= 200
            assert attempt.reason.isprintable()
            await asyncio.wait_for(receiver.closed.wait(), 5)

    asyncio.run(run())


def test_no_more_of_a_body_is_read_than_need_be(monkeypatch):
    monkeypatch.setattr(exchange, "DRAIN", 60)
    monkeypatch.setattr(exchange, "READ_MAX", 2**40)
    monkeypatch.setattr(module, "TIMEOUT", 5)

    async def run():
        async with Receiver(endless(HEAD + b"\r\n", b"x" * 65536)) as receiver:
            assert (await sent(receiver)).status == 200
            await asyncio.wait_for(receiver.closed.wait(), 5)

    asyncio.run(run())


@pytest.mark.parametrize(
    "answer",
    [
        endless(HEAD + b"\r\n", b"x" * 65536),
        endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.05),
        HEAD + b"Content-Length: 9\r\n\r\nx",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nnonsense",
    ],
)
def test_what_becomes_of_its_body_does_not_unmake_an_answer(monkeypatch, answer):
    monkeypatch.setattr(exchange, "DRAIN", 0.3)

    async def run():
        async with Receiver(answer) as receiver:
            assert (await sent(receiver)).status == 200
            await asyncio.wait_for(receiver.closed.wait(), 5)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (HEAD + b"Content-Length: 10\r\n\r\n", Attempt(200, "answered 200")),
        (endless(HEAD + b"\r\n", b"x", 0.05), Attempt(200, "answered 200")),
        (
            b"HTTP/1.1 503 X\r\nRetry-After: 120\r\nContent-Length: 10\r\n\r\n",
            Attempt(503, "answered 503", 120.0),
        ),
    ],
)
def test_an_answer_that_came_in_time_counts_though_its_body_outlasts_the_time(
    monkeypatch, answer, told
):
    """The time is over while the body is waited for; its status and its wish are known by then."""
    monkeypatch.setattr(exchange, "DRAIN", 60)
    monkeypatch.setattr(module, "TIMEOUT", 0.4)

    async def run():
        async with Receiver(answer) as receiver:
            assert await sent(receiver) == told
            await asyncio.wait_for(receiver.closed.wait(), 5)

    asyncio.run(run())


@pytest.mark.parametrize("answer", [b"", HEAD, endless(HEAD, b"X: y\r\n", 0.05)])
def test_a_receiver_that_dawdles_is_left_when_the_time_is_over(monkeypatch, answer):
    monkeypatch.setattr(module, "TIMEOUT", 0.4)

    async def run():
        async with Receiver(answer) as receiver:
            attempt = await sent(receiver)
            assert (attempt.status, attempt.reason) == (None, "no answer within 0.4 s")
            await asyncio.wait_for(receiver.closed.wait(), 5)

    asyncio.run(run())


def test_a_receiver_that_never_finishes_tls_or_a_resolver_that_is_silent_costs_no_more(monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.4)

    async def run():
        async with Receiver() as receiver:
            attempt = await sent(receiver, receiver.url(scheme="https"))
            assert attempt.reason == "no answer within 0.4 s"
            await asyncio.wait_for(receiver.closed.wait(), 5)
            attempt = await sent(receiver, receiver.url("mute.example"), dns=dns)
            assert attempt.reason == "no answer within 0.4 s"

    with DnsServer(mute_example=answers.SILENT) as dns:
        asyncio.run(run())


@contextlib.contextmanager
def no_files():
    """As if this process had as many files open as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("where", ["an address", "a name", "a name without hosts", "authorities"])
def test_a_lack_of_open_files_is_ours_and_not_the_receivers(tmp_path, monkeypatch, where):
    def authorities():
        raise OSError(errno.EMFILE, "Too many open files")

    if where == "a name without hosts":
        monkeypatch.setattr(Names, "_hosts_text", lambda _: "")

    async def run():
        async with Receiver() as receiver:
            host = GOOD if where in {"an address", "authorities"} else "a.example"
            scheme = "https" if where == "authorities" else "http"
            one = poster(dns=dns, tls=authorities)
            url = receiver.url(host, scheme=scheme)
            await one.post(receiver.url(host), BODY, HEADERS)  # imports what it needs
            with no_files():
                attempt = await one.post(url, BODY, HEADERS)
            assert attempt == Attempt(None, module.NO_FILES, ours=True)
            assert receiver.connections == 1

    with DnsServer(a_example=[GOOD]) as dns:
        asyncio.run(run())


def test_a_request_is_not_refused_for_want_of_open_files_here_nor_is_that_remembered():
    async def run():
        check = UrlCheck(Guard(ALLOWED), names(dns))
        with no_files():
            await check.check(parse("http://inside.example/"))
        with pytest.raises(Forbidden):
            await check.check(parse("http://inside.example/"))

    with DnsServer(inside_example=[INSIDE]) as dns:
        asyncio.run(names(dns).addresses("inside.example", 1))  # imports what it needs
        asyncio.run(run())


def test_every_failure_is_told_without_the_url():
    async def run():
        with socket.socket() as unused:
            unused.bind((GOOD, 0))
            dead = f"http://{GOOD}:{unused.getsockname()[1]}/?hush=1"
            told = [
                (await sent(None, url, dns=dns)).reason
                for url in (dead, "http://gone.example/?hush=1", "http://u:hush@8.8.8.8/", "x hush")
            ]
        assert told[0].startswith("cannot connect")
        assert told[1:] == [
            "there is no such name",
            "not a URL that can be notified",
            "not a URL that can be notified",
        ]
        assert "hush" not in "".join(told)

    with DnsServer() as dns:
        asyncio.run(run())


# --- Retry-After -------------------------------------------------------------------------------


def test_retry_after_is_seconds_or_a_date():
    async def run():
        for wish, wanted in (("120", 120), (later, 3600), ("soon", None)):
            answer = f"HTTP/1.1 503 X\r\nRetry-After: {wish}\r\nContent-Length: 0\r\n\r\n"
            async with Receiver(answer.encode()) as receiver:
                attempt = await sent(receiver)
            assert attempt.status == 503
            assert attempt.retry_after == (wanted and pytest.approx(wanted, abs=30))

    later = format_datetime(datetime.fromtimestamp(time.time() + 3600, UTC), usegmt=True)
    asyncio.run(run())


def test_a_date_counts_from_now_and_never_below_zero():
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert seconds(date, 784_111_777 - 60) == 60
    assert seconds(date, 784_111_777 + 60) == 0
    assert seconds("Sun, 06 Nov 1994 08:49:37 -0000", 784_111_777 - 60) == 60
    assert seconds(" 7 ", 0) == 7
    for nonsense in ("", "-1", "1.5", "1e3", "٣", "9" * 10, "Sun, 06 Nov 99999 08:49:37 GMT"):
        assert seconds(nonsense, 0) is None


@given(st.text() | st.from_regex(r"\w{3}, \d{1,3} \w{3} \d{1,6} \d\d:\d\d:\d\d [+-]?\w{0,5}"))
def test_no_wish_breaks_it(text):
    found = seconds(text, 0)
    assert found is None or found >= 0
