"""What no client can do to a real service, however it behaves: keep others out, or make it grow.

Each promise is kept by a ``hoiio serve`` in a process of its own. Its time-outs are set short where
a test has to see one; nothing here depends on how fast the machine is.
"""

import contextlib
import http.client
import json
import re
import resource
import select
import socket
import time
from pathlib import Path

import pytest

from support.busy_trunk import BusyTrunk
from support.limits import lift_limits
from support.receiver import receiving
from support.service import Service, admin, wait_until

MB = 1 << 20
HEAD = b"POST /open/user/get_balance HTTP/1.1\r\nHost: x\r\n"
CLOSING = HEAD + b"Connection: close\r\n"
MALFORMED = {"status": "error_malformed_params"}


def serve(folder, *, config=""):
    service = Service(folder / "data", config=config).provision()
    lift_limits(service.data)
    return service.start()


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """A service with the time-outs and limits that it has by default."""
    with serve(tmp_path_factory.mktemp("patient")) as service:
        yield service


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """A service whose patience a test can wait for."""
    config = "[api]\nrequest_within = 0.5\nidle_within = 0.5\n"
    with serve(tmp_path_factory.mktemp("hasty"), config=config) as service:
        yield service


def connect(service):
    return socket.create_connection(("127.0.0.1", port(service)), 20)


def port(service):
    return int(service.base_url.rpartition(":")[2].partition("/")[0])


def form(service):
    return f"app_id={service.app_id}&access_token={service.token}".encode()


def whole(service, *headers):
    body = form(service)
    head = HEAD + b"".join(header + b"\r\n" for header in headers)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def answers(service):
    """Somebody else is served, on a connection of their own."""
    with service.client(timeout=20) as client:
        assert client.account.balance().status == "success_ok"
    return True


def read(sock):
    """Everything until the service closes."""
    received = b""
    sock.settimeout(20)
    with contextlib.suppress(ConnectionError):
        while chunk := sock.recv(1 << 16):
            received += chunk
    return received


def status(answer):
    return json.loads(answer.rpartition(b"\r\n\r\n")[2])


def is_closed(sock):
    """Whether the far end closed this connection; what it sent before is thrown away."""
    while select.select([sock], [], [], 0)[0]:
        try:
            if not sock.recv(1 << 16):
                return True
        except ConnectionError:
            return True
    return False


def memory(service):
    """Bytes of the service that are in memory."""
    pages = Path(f"/proc/{service.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def files(service):
    return len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))


def cpu(service):
    fields = Path(f"/proc/{service.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return int(fields[11]) + int(fields[12])


@contextlib.contextmanager
def crowd(service, count, send=b""):
    """This many connections at once, each having sent this."""
    with contextlib.ExitStack() as stack:
        socks = []
        for _ in range(count):
            socks.append(stack.enter_context(connect(service)))
            with contextlib.suppress(ConnectionError):
                socks[-1].sendall(send)
        yield socks


# --- many clients -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "send",
    [
        b"",
        HEAD,
        HEAD + b"Content-Length: 60000\r\n\r\napp_id=x",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\napp_i\r\n",
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk"],
)
def test_a_thousand_who_send_too_little_keep_nobody_out(patient, send):
    before = memory(patient)
    with crowd(patient, 1000, send):
        assert answers(patient)
        assert memory(patient) - before < 64 * MB
    assert answers(patient)


def test_a_thousand_who_were_answered_and_stay_keep_nobody_out(patient):
    with crowd(patient, 1000, whole(patient)) as socks:
        for sock in socks:
            assert sock.recv(1 << 16).startswith(b"HTTP/1.1 200 OK")
        assert answers(patient)


def test_past_the_limit_who_has_waited_longest_makes_room(tmp_path):
    """So a crowd that says nothing never costs a place to anybody who does."""
    config = "[api]\nconnections = 50\nrequest_within = 600\n"
    with serve(tmp_path, config=config) as service, crowd(service, 60, HEAD) as socks:
        for _ in range(60):
            with connect(service) as sock:
                sock.sendall(whole(service, b"Connection: close"))
                assert status(read(sock))["status"] == "success_ok"
        wait_until(lambda: all(map(is_closed, socks[:10])), what="the leave of the first")
        assert not is_closed(socks[-1])


def test_descriptors_that_run_out_are_no_end(tmp_path):
    """With files for 60 connections, 300 come: it goes on serving, and rests when they are gone."""
    with serve(tmp_path) as service:
        idle = files(service)
        _, hard = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (idle + 60, hard))
        with crowd(service, 300):
            ticks = cpu(service)
            time.sleep(1)
            assert cpu(service) - ticks < 50, "it spins"
            assert service.process.poll() is None
        wait_until(lambda: files(service) <= idle + 1, what="the files' release")
        assert answers(service)


def test_connections_stay_below_the_files_that_a_process_may_have(tmp_path):
    """A limit that is lower than the configured one is kept to from the start, and told."""
    service = Service(tmp_path / "data", files=256).provision()
    lift_limits(service.data)
    with service.start(), crowd(service, 500):
        assert answers(service)
        assert files(service) < 256 - 64
    (line,) = [line for line in service.log.read_text().splitlines() if "few open files" in line]
    assert "LimitNOFILE" in line


def test_a_low_soft_limit_is_raised_to_what_the_hard_one_allows(tmp_path):
    """So the usual 1024 is none, and nothing is cut short."""
    service = Service(tmp_path / "data").provision()
    lift_limits(service.data)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        service.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with service:
        now, _ = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
        assert now == (65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536))


def test_connections_that_wait_and_receivers_that_hang_leave_the_service_its_files(tmp_path):
    """Both at once under a low hard limit: it answers, places calls and delivers all the same."""
    with BusyTrunk() as trunk, receiving(None) as hanging, receiving() as good:
        service = Service(
            tmp_path / "data",
            files=256,
            routes=dict.fromkeys(("+6511111111", "+6522222222"), f"sip:127.0.0.1:{trunk.port}"),
            notify_allow=("127.0.0.0/8", "::1"),
        ).provision()
        lift_limits(service.data)
        admin(service.data, "account", "set", "acme", "--concurrent-calls", "1000")
        with service.start(), service.client(timeout=20) as client:

            def call(url):
                return client.voice.call("+6511111111", "+6522222222", notify_url=url)

            with crowd(service, 400):
                for n in range(60):
                    call(hanging.url.replace("127.0.0.1", f"h{n}.localhost"))
                wait_until(lambda: len(hanging.posts) >= 20, what="the receivers that hang")
                with crowd(service, 400):
                    assert answers(service)
                    assert files(service) < 256
                    hanging.over.set()
                    call(good.url)
                    wait_until(lambda: good.posts, what="another's notification", timeout=30)
        shown = admin(service.data, "notifications", "list", "--all", "--limit", "200")
        reasons = {str(each["last_answer"]) for each in shown["notifications"]}
        assert not [each for each in reasons if "open file" in each or "resolver" in each], reasons


# --- slow clients -----------------------------------------------------------------------------


def trickle(sock, first, drop):
    """Send one piece after another until the service has had enough."""
    with contextlib.suppress(ConnectionError):
        sock.sendall(first)
        end = time.monotonic() + 20
        while time.monotonic() < end and not is_closed(sock):
            sock.sendall(drop)
            time.sleep(0.02)
    return time.monotonic() < end


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (HEAD, b"X: y\r\n"),
        (HEAD + b"X: ", b"y"),
        (b"", b"\r\n"),
        (HEAD + b"Content-Length: 60000\r\n\r\n", b"a"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (HEAD + b"Content-Length: 9000000000\r\n\r\n" + b"a" * 70_000, b"a"),
        (HEAD + b"Content-Length: 9000000000\r\n\r\n" + b"a" * 2_000_000, b"a"),
        (b"GET /health HTTP/1.1\r\n\r\n", b"\r\n"),
    ],
    ids=[
        "headers for ever",
        "a header for ever",
        "empty lines before a request",
        "a slow body",
        "slow chunks",
        "a large slow body",
        "a body after its refusal",
        "empty lines after an answer",
    ],
)
def test_a_trickle_of_bytes_keeps_no_connection(hasty, first, drop):
    with connect(hasty) as sock:
        assert trickle(sock, first, drop), "still there"
    assert answers(hasty)


def test_a_body_that_is_too_slow_is_told_so(hasty):
    with connect(hasty) as sock:
        sock.sendall(HEAD + b"Content-Length: 10\r\n\r\napp")
        assert status(read(sock)) == MALFORMED


def test_who_never_reads_is_answered_no_further(hasty):
    """Answers that pile up unread stop the reading of requests; memory stays where it was."""
    with crowd(hasty, 20) as socks:
        before = memory(hasty)
        for sock in socks:
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                for _ in range(2000):
                    sock.send(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 8)
        assert answers(hasty)
        assert memory(hasty) - before < 32 * MB


def test_who_leaves_in_the_middle_leaves_nothing_behind(patient):
    idle = files(patient)
    for part in (b"", HEAD, HEAD + b"Content-Length: 90\r\n\r\na", whole(patient)):
        with crowd(patient, 100, part):
            pass
    wait_until(lambda: files(patient) <= idle, what="the files' release")
    assert answers(patient)


# --- large and odd requests -------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"X: " + b"a" * 1_000_000,
        HEAD + b"X: y\r\n" * 200_000,
        b"GET /open/user/get_balance?" + b"a" * 1_000_000,
        b"GET /open/user/get_balance?" + b"a=b&" * 16_000 + b" HTTP/1.0\r\n\r\n",
        b"A" * 1_000_000,
        CLOSING + b"Transfer-Encoding: chunked\r\n\r\n" + b"4000\r\n%s\r\n" % (b"a" * 0x4000) * 40
        + b"0\r\n\r\n",
        HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        CLOSING + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n",
    ],
    ids=[
        "a huge header", "many headers", "a huge target", "many parameters", "a huge word",
        "huge chunks", "an absurd length", "two lengths", "an absurd chunk",
    ],
)  # fmt: skip
def test_what_is_too_large_or_contradictory_is_refused_and_read_no_further(patient, request_bytes):
    before = memory(patient)
    for _ in range(5):
        with connect(patient) as sock:
            with contextlib.suppress(ConnectionError):
                sock.sendall(request_bytes)
            answer = read(sock)
            # Where it closes with bytes unread, the network may drop the answer.
            if answer:
                assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
                assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"].startswith("error_")
    assert memory(patient) - before < 32 * MB
    assert answers(patient)


def test_many_requests_at_once_are_answered_in_their_order(patient):
    """Pipelining, as HTTP/1.1 allows it, but not without bound."""
    with connect(patient) as sock:
        unknown = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
        sock.sendall((whole(patient) + unknown) * 5 + whole(patient, b"Connection: close"))
        codes = re.findall(rb"HTTP/1.1 ([0-9]{3})", read(sock))
    assert codes == [b"200", b"404"] * 5 + [b"200"]


def test_a_flood_of_requests_on_one_connection_is_cut_off(patient):
    before = memory(patient)
    with crowd(patient, 20) as socks:
        for sock in socks:
            with contextlib.suppress(ConnectionError):
                sock.sendall(b"GET / HTTP/1.1\r\n\r\n" * 50_000)
        wait_until(lambda: all(map(is_closed, socks)), what="the flood's end")
    assert memory(patient) - before < 32 * MB
    assert answers(patient)


def test_http_1_0_is_served_and_closed(patient):
    with connect(patient) as sock:
        sock.sendall(whole(patient).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert status(read(sock))["status"] == "success_ok"


def test_who_asks_before_sending_a_body_is_told_to_go_on(patient):
    body = form(patient)
    with connect(patient) as sock:
        sock.sendall(HEAD + b"Connection: close\r\nExpect: 100-continue\r\n")
        sock.sendall(b"Content-Length: %d\r\n\r\n" % len(body))
        assert sock.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert status(read(sock))["status"] == "success_ok"


def test_an_upgrade_is_ignored(patient):
    with connect(patient) as sock:
        upgrade = (
            b"Connection: Upgrade, close",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13",
        )
        sock.sendall(whole(patient, *upgrade))
        assert b"HTTP/1.1 200 OK" in read(sock)


# --- guessing ---------------------------------------------------------------------------------


def test_a_flood_of_wrong_tokens_costs_no_memory_and_keeps_nobody_out(patient):
    """From the very address that guesses, the right token is served all the while."""
    wrong = form(patient)[:-1] + b"~"
    before = memory(patient)
    asking = http.client.HTTPConnection("127.0.0.1", port(patient), timeout=20)
    told = set()
    for turn in range(3000):
        asking.request("POST", "/open/user/get_balance", wrong)
        told.add(json.loads(asking.getresponse().read())["status"])
        if turn % 500 == 0:
            assert answers(patient)
    asking.close()
    assert told == {"error_invalid_access_token", "error_rate_limit_exceeded"}
    assert memory(patient) - before < 16 * MB


def test_whatever_came_the_service_stops_as_ever_and_told_no_failure(patient, hasty):
    """The last of this file: nothing above was a failure of the service itself."""
    for service in (patient, hasty):
        assert answers(service)
        assert service.stop() == 0
        logged = service.log.read_text()
        assert "Traceback" not in logged
        assert "failed" not in logged
