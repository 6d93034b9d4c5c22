"""``hoiio serve --sandbox``: its numbers in real time, credentials to paste, its own folder."""

import contextlib
import http.server
import queue
import shlex
import subprocess
import threading

import pytest

from hoiio import Client, Notification, wire
from hoiio.sandbox import BUSY, NO_CREDIT, drops_after
from support.service import HOIIO, Service, environment, wait_until

ONE, TWO = "+6511111111", "+6522222222"
FREE = "--listen=127.0.0.1:0"


@contextlib.contextmanager
def sandbox(*options, temporary, **extra):
    """A sandbox that runs: the lines that it printed, and the variables in them."""
    with (temporary / "log").open("ab") as log:
        process = subprocess.Popen(
            [*HOIIO, "serve", "--sandbox", FREE, *map(str, options)],
            stdout=subprocess.PIPE, stderr=log, text=True,
            env=environment() | {"TMPDIR": str(temporary)} | extra,
        )  # fmt: skip
    try:
        lines = [process.stdout.readline().rstrip("\n") for _ in range(5)]
        words = [shlex.split(line) for line in lines[1:]]
        yield lines, dict(word.split("=", 1) for _, word in words)
    finally:
        process.terminate()
        assert process.wait(15) == 0
        process.stdout.close()


def client_of(variables):
    return Client(
        variables["HOIIO_APP_ID"],
        variables["HOIIO_ACCESS_TOKEN"],
        base_url=variables["HOIIO_BASE_URL"],
    )


def refused(*args, command=("serve", "--sandbox"), **extra):
    done = subprocess.run(
        [*HOIIO, *command, FREE, *map(str, args)],
        capture_output=True, text=True, timeout=20, check=False, env=environment() | extra,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line


@pytest.fixture
def receiver():
    heard = queue.SimpleQueue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.put((body, self.headers))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", heard
        server.shutdown()


def test_it_prints_what_to_paste_and_leaves_nothing_behind(tmp_path):
    with sandbox(temporary=tmp_path) as (lines, variables):
        ready, url = lines[0].split()
        assert ready == "ready"
        assert [line.partition("=")[0] for line in lines[1:]] == [
            "export HOIIO_BASE_URL",
            "export HOIIO_APP_ID",
            "export HOIIO_ACCESS_TOKEN",
            "export HOIIO_SIGNING_SECRET",
        ]
        assert variables["HOIIO_BASE_URL"] == url
        with client_of(variables) as client:
            assert client.account.balance().balance == 1000
        assert len(list(tmp_path.glob("hoiio-sandbox-*"))) == 1
    assert list(tmp_path.glob("hoiio-sandbox-*")) == []
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_numbers_do_as_they_say_and_notifications_are_really_posted(tmp_path, receiver):
    url, heard = receiver
    with sandbox(temporary=tmp_path) as (_, variables), client_of(variables) as client:
        ended = client.voice.call(ONE, drops_after(0), notify_url=url).txn_ref
        body, headers = heard.get(timeout=10)
        assert headers["X-Hoiio-Signature"] == wire.signature(variables["HOIIO_ACCESS_TOKEN"], body)
        told = Notification.parse(body, headers, variables["HOIIO_SIGNING_SECRET"])
        assert told.txn_ref == ended
        assert client.voice.status(ended).call_status_dest2 == "answered"
        busy = client.voice.call(ONE, BUSY).txn_ref
        wait_until(lambda: client.voice.status(busy).call_status_dest2 == "busy")
        up = client.voice.call(ONE, TWO).txn_ref
        assert client.voice.status(up).call_status_dest1 == "ongoing"
        assert client.voice.hangup(up).is_success()
        refused = client.voice.call(ONE, NO_CREDIT)
        assert refused.status == wire.Status.INSUFFICIENT_CREDIT


def test_a_folder_of_its_own_keeps_the_account(tmp_path):
    data = tmp_path / "data"
    with sandbox("--data", data, temporary=tmp_path) as (_, variables):
        with client_of(variables) as client:
            ref = client.voice.call(ONE, BUSY).txn_ref
        first = variables
    with sandbox(temporary=tmp_path, HOIIO_SERVER_DATA=str(data)) as (_, variables):
        for kept in ("HOIIO_ACCESS_TOKEN", "HOIIO_SIGNING_SECRET"):
            assert variables[kept] == first[kept]
        with client_of(variables) as client:
            assert client.voice.status(ref).is_success()


def test_a_sandbox_and_a_real_service_never_share_a_folder(tmp_path):
    real, pretended = tmp_path / "real", tmp_path / "pretended"
    Service(real).provision()
    assert "is a real service's" in refused("--data", real)
    with sandbox("--data", pretended, temporary=tmp_path):
        pass
    line = refused("--data", pretended, "--sip=127.0.0.1:0", command=("serve",))
    assert "is a sandbox's" in line


@pytest.mark.parametrize(
    ("options", "extra"),
    [
        (["--sip=127.0.0.1:5070"], {}),
        (["--route=+6511111111=sip:192.0.2.7:5060"], {}),
        ([], {"HOIIO_SERVER_SIP_TRUNK_HOST": "sip.example.com"}),
    ],
)
def test_what_makes_no_sense_without_sip_is_refused(options, extra):
    assert "a sandbox has no SIP" in refused(*options, **extra)
