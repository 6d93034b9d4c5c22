"""What a real service's log never holds, at its most verbose, whatever is done to it.

No access token, no signature, no whole phone number, no query string, no password: neither the
lines that it means to write nor those of libraries and of its engine.
"""

import contextlib
import re
import socket
import sqlite3
from urllib.parse import quote

import httpx2
import pytest

from hoiio import wire
from hoiio.wire import SIGNATURE_HEADER
from support.canned import canned_server, with_http
from support.limits import lift_limits
from support.phones import Phone
from support.service import Service, wait_until

ONE, TWO, THREE, NOBODY = "+6511111234", "+6522222567", "+6533333890", "+6544444321"
NUMBERS = (ONE, TWO, THREE, NOBODY)
PASSWORD = "the-password-of-the-trunk"
WRONG = "a-token-that-is-wrong"
QUERY = "a-word-of-a-query-string"
CONFIG = f'[sip.trunk]\nhost = "127.0.0.1"\nport = 9\nuser = "u"\npassword = "{PASSWORD}"\n'


def raw(service, request):
    """Send these bytes and wait until the service closes."""
    port = int(service.base_url.rpartition(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port), 10) as sock, contextlib.suppress(OSError):
        sock.sendall(request)
        while sock.recv(1 << 16):
            pass


def do_everything(service, hooks):
    """Calls, conferences, wrong tokens, tokens in URLs, refusals, failures, what is no HTTP."""
    hook = f"{hooks.url}/hook?{QUERY}=1"
    with service.client() as client:
        talked = client.voice.call(ONE, TWO, notify_url=hook, tag="x").raise_for_error()
        wait_until(lambda: "call bridged" in service.log.read_text(), what="the bridge")
        client.voice.hangup(talked.txn_ref)
        joined = client.voice.conference(ONE, TWO, notify_url="http://127.0.0.1:9/" + QUERY)
        client.voice.moderate(joined.txn_refs[0], "mute")
        for ref in joined.raise_for_error().txn_refs:
            client.voice.hangup(ref)
        lost = client.voice.call(THREE, NOBODY, notify_url=hook).raise_for_error()
        client.voice.hangup(lost.txn_ref)
        client.voice.rate(ONE, TWO)
        client.voice.history()
    with service.client(method="GET") as client:
        client.account.info()
        client.send(wire.CALL, {"dest1": ONE, "dest2": ONE})
    form = f"app_id={service.app_id}&access_token={service.token}&dest2={quote(TWO)}&x={QUERY}"
    wrong = form.replace(service.token, WRONG)
    for path in ("voice/call", "user/get_info", "nothing", TWO, TWO[1:], service.token):
        httpx2.get(f"{service.base_url}{path}?{wrong}")
        httpx2.post(f"{service.base_url}{path}?x={QUERY}", content=wrong)
    httpx2.put(f"{service.base_url}voice/call?{form}")
    httpx2.post(f"{service.base_url}voice/call", content=form.encode() + b"&tag=%FF")
    httpx2.post(
        f"{service.base_url}voice/call", content=form, headers={"Idempotency-Key": "é".encode()}
    )
    line = f"/open/voice/call?{form}".encode()
    raw(service, b"GET " + line + b" HTTP/9.9\r\n\r\n")
    raw(service, b"BREW " + line + b" HTTP/1.1\r\n\r\n")
    raw(service, b"GET " + line + b" HTTP/1.1\r\nBad Header: " + form.encode() + b"\r\n\r\n")
    raw(service, form.encode() + b"\r\n\r\n")
    raw(
        service,
        b"GET " + line + b" HTTP/1.1\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n",
    )


def break_database(service):
    """Let every write fail, so that tracebacks are written."""
    database = service.data / "hoiio.db"
    with service.client() as client:
        with contextlib.closing(sqlite3.connect(database)) as db, db:
            db.execute("ALTER TABLE calls RENAME TO gone")
        broken = client.voice.call(ONE, TWO)
        assert broken.status == "error_internal_server_error"
        with contextlib.closing(sqlite3.connect(database)) as db, db:
            db.execute("ALTER TABLE gone RENAME TO calls")


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_that_is_secret_is_logged(tmp_path, form):
    config = f'{CONFIG}\n[log]\nlevel = "debug"\nformat = "{form}"\n'
    with Phone(ONE) as one, Phone(TWO) as two, canned_server() as hooks:
        hooks.answers = [with_http(200, b""), with_http(500, b"no")]
        routes = {ONE: one.uri, TWO: two.uri, THREE: "sip:127.0.0.1:9"}
        service = Service(tmp_path / "data", routes=routes, config=config)
        with service.provision(number=ONE):
            lift_limits(service.data)
            service.start()
            do_everything(service, hooks)
            wait_until(lambda: len(hooks.asked) >= 2, timeout=20, what="the notifications")
            break_database(service)
            assert service.stop() == 0
    logged = service.log.read_text()
    signatures = [asked.headers[SIGNATURE_HEADER] for asked in hooks.asked]
    for secret in (service.token, service.token[-12:], WRONG, PASSWORD, QUERY, *signatures):
        assert secret not in logged, secret
    digits = re.sub(r"[^0-9A-Za-z]", "", logged)
    for number in NUMBERS:
        assert number[1:] not in digits, number
    for written in ("call bridged", "call settled", "notification", "Traceback", "user/get_info"):
        assert written in logged, written
