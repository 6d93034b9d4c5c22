"""The receivers of docs/receive-notifications.md, as they stand there, under their real servers.

What the service really sends is posted to them: genuine, again, forged, overheard, unwanted.
"""

import asyncio
import ipaddress
import os
import shlex
import socket
import sqlite3
import subprocess
import sys
import sysconfig
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hoiio import wire
from hoiio.server.notifications.body import body
from hoiio.server.notifications.egress import Guard
from hoiio.server.notifications.headers import headers
from hoiio.server.notifications.post import Poster
from hoiio.server.storage.credentials import new_access_token, new_signing_secret
from hoiio.server.storage.protocol import Delivery
from support.docs import ROOT, blocks
from support.service import environment

PAGE = [
    block for block in blocks(ROOT / "docs/receive-notifications.md") if block.runs == "receivers"
]
FILES = {
    block.text.splitlines()[0].removeprefix("# "): block.text
    for block in PAGE
    if block.language == "python"
}
COMMANDS = [line for block in PAGE if block.language == "console" for line in block.commands]
# Django has no command for a view without a project: the least that serves one, with the
# middleware of a new project so that csrf_exempt is needed.
DJANGO = """
import sys
from wsgiref.simple_server import make_server

import django
from django.conf import settings

settings.configure(
    ROOT_URLCONF="django_receiver",
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
)
django.setup()
from django.core.wsgi import get_wsgi_application

make_server("127.0.0.1", int(sys.argv[2]), get_wsgi_application()).serve_forever()
"""
SECRET, OLD, TOKEN = new_signing_secret(), new_signing_secret(), new_access_token()
FRAMEWORKS = ["flask", "django", "fastapi", "starlette"]


def command(framework):
    found = [line for line in COMMANDS if f"{framework}_receiver" in line]
    assert len(found) == (framework != "django"), COMMANDS
    return found[0] if found else f"{shlex.quote(sys.executable)} run_django.py --port 9000"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Receiver:
    """One of the page's receivers, in a process of its own and in a folder of its own."""

    def __init__(self, folder, framework):
        for name, text in FILES.items():
            (folder / name).write_text(text)
        (folder / "run_django.py").write_text(DJANGO)
        self.folder, self.port = folder, free_port()
        self.log = folder / "log"
        words = shlex.split(command(framework).replace("--port 9000", f"--port {self.port}"))
        scripts = sysconfig.get_path("scripts")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                words,
                cwd=folder,
                env=environment()
                | {
                    "HOIIO_SIGNING_SECRET": f"{OLD} {SECRET}",
                    "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
                    "PYTHONPATH": str(folder),
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait()

    def wait(self):
        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(self.log.read_text())

    def post(self, delivery, **changed):
        """Post it as the service does; the status that came back."""
        told = headers(delivery, time.time_ns() // 1000) | changed
        poster = Poster(Guard((ipaddress.ip_network("127.0.0.0/8"),)))
        attempt = asyncio.run(poster.post(delivery.url, delivery.body, told))
        assert attempt.status is not None, (attempt, self.log.read_text())
        return attempt.status

    def rows(self):
        if not (self.folder / "ended.db").exists():
            return []
        database = sqlite3.connect(self.folder / "ended.db")
        try:
            return sorted(database.execute("SELECT * FROM ended"))
        finally:
            database.close()

    def delivery(self, key, *, query="?order=4%207", signing=(SECRET,)):
        ref = f"AA-C-{key}"
        url = f"http://127.0.0.1:{self.port}/ended{query}"
        fields = {"txn_ref": ref, "tag": "é", "dest1": "+6511111111", "duration": "2"}
        raw = body(fields | {"debit": "0.072", "date": "2012-06-06 11:10:36"}, url)
        return Delivery(key, ref, url, raw, "x", 0, 0, TOKEN, signing)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module", params=FRAMEWORKS)
def receiver(request, tmp_path_factory):
    receiver = Receiver(tmp_path_factory.mktemp(request.param), request.param)
    yield receiver
    receiver.stop()


@pytest.fixture(autouse=True)
def empty(receiver):
    Path(receiver.folder / "ended.db").unlink(missing_ok=True)


def test_the_page_has_a_receiver_for_each_framework():
    assert list(FILES) == ["ended.py", *(f"{name}_receiver.py" for name in FRAMEWORKS)]


def test_what_the_service_sends_is_kept(receiver):
    assert receiver.post(receiver.delivery(1)) == 200
    assert receiver.rows() == [("msg_1_AA-C-1", "AA-C-1", 2, "0.072", "4 7")]


def test_a_repeated_one_is_kept_once(receiver):
    """An attempt of its own each time: another timestamp, another signature, the same id."""
    first, second = receiver.delivery(1), receiver.delivery(2)
    for each in (first, first, second, first):
        assert receiver.post(each) == 200
    assert [row[1] for row in receiver.rows()] == ["AA-C-1", "AA-C-2"]


def test_a_forged_one_is_refused_and_not_kept(receiver):
    """Another's secret, a changed body, an old time, no signature, the access token's alone."""
    real = receiver.delivery(1)
    assert receiver.post(replace(real, signing_secrets=(new_signing_secret(),))) == 400
    right = headers(real, time.time_ns() // 1000)
    changed = replace(real, body=real.body.replace(b"0.072", b"0.001"))
    assert receiver.post(changed, **right) == 400
    old = headers(real, time.time_ns() // 1000 - 301 * wire.MICROS)
    assert receiver.post(real, **old) == 400
    assert receiver.post(real, **{wire.WEBHOOK_SIGNATURE_HEADER: ""}) == 400
    assert receiver.post(replace(real, signing_secrets=())) == 400
    assert receiver.rows() == []


def test_while_the_secret_is_changed_both_are_taken(receiver):
    for key, signing in enumerate([(OLD,), (SECRET, OLD), (SECRET,)], 1):
        assert receiver.post(receiver.delivery(key, signing=signing)) == 200
    assert len(receiver.rows()) == 3


def test_what_is_not_wanted_is_given_up(receiver):
    assert receiver.post(receiver.delivery(1, query="")) == 410
    assert receiver.rows() == []


def test_what_cannot_be_kept_is_not_acknowledged(receiver):
    """It is sent again, so nothing is lost: here the disk takes nothing."""
    (receiver.folder / "ended.db").mkdir()
    try:
        assert receiver.post(receiver.delivery(1)) == 500
    finally:
        (receiver.folder / "ended.db").rmdir()
    assert receiver.post(receiver.delivery(1)) == 200


def test_a_stranger_learns_no_secret_from_what_is_logged(receiver):
    receiver.post(replace(receiver.delivery(1), signing_secrets=(new_signing_secret(),)))
    log = receiver.log.read_text()
    assert "a notification was refused" in log
    assert SECRET not in log
    assert OLD not in log
