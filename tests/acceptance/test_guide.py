"""Every example of the voice guide about call-backs, status, history and rates."""

import http.server
import threading
from datetime import datetime
from urllib.parse import parse_qs

import pytest

from hoiio import Hoiio
from hoiio.wire import signature
from support.service import wait_until

DEST1, DEST2 = "+6511111111", "+6522222222"


@pytest.fixture(autouse=True)
def quiet_afterwards(service):
    """Each example starts and ends with no call up."""
    yield
    with service.client() as client:
        for entry in client.voice.history().entries:
            if entry.duration is None:
                client.voice.hangup(entry.txn_ref)


def ended(ref):
    return wait_until(
        lambda: (res := Hoiio.voice.status(ref)).duration is not None and res, what="the end"
    )


def up(ref, phones):
    for phone in phones:
        phone.wait("answered", timeout=10)


def test_make_call_back(configured, phones):
    for phone in phones:
        phone.forget()
    res = Hoiio.voice.call("+6511111111", "+6522222222")

    assert isinstance(res.txn_ref, str)
    assert res.txn_ref.startswith("AA-C-")
    assert res.is_success() is True
    up(res.txn_ref, phones)
    assert phones[0].hears(900, timeout=5)
    assert phones[1].hears(500, timeout=5)


def test_optional_parameters_and_the_notification(configured, service, phones):
    with Receiver() as receiver:
        for phone in phones:
            phone.forget()
        res = Hoiio.voice.call(
            "+6511111111",
            "+6522222222",
            caller_id="private",
            max_duration=600,
            tag="myapp",
            notify_url=f"{receiver.url}/myscript?app_state=7",
        )
        assert res.is_success()
        assert phones[0].wait("ringing", timeout=5)["caller_id"] == DEST2
        assert phones[1].wait("ringing", timeout=5)["caller_id"] is None
        up(res.txn_ref, phones)
        assert Hoiio.voice.hangup(res.txn_ref).is_success()
        path, headers, body = wait_until(lambda: receiver.posts and receiver.posts[0])
    sent = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
    status = Hoiio.voice.status(res.txn_ref)
    assert path == "/myscript?app_state=7"
    assert headers["X-Hoiio-Signature"] == signature(service.token, body.encode())
    assert sent == {
        "txn_ref": res.txn_ref,
        "tag": "myapp",
        "dest1": DEST1,
        "dest2": DEST2,
        "call_status_dest1": "answered",
        "call_status_dest2": "answered",
        "date": status.json["date"],
        "answered_date": status.json["answered_date"],
        "duration": "1",
        "currency": "SGD",
        "rate": "0.036",
        "debit": "0.036",
        "app_state": "7",
    }
    assert len(receiver.posts) == 1


def test_an_unsuccessful_answer_tells_its_status(configured):
    res = Hoiio.voice.call("+6511111111", "+6522222222", caller_id="+6599999999")

    assert res.is_success() is False
    assert res.status == "error_caller_id_invalid"


def test_hangup_call(configured, phones):
    for phone in phones:
        phone.forget()
    ref = Hoiio.voice.call("+6511111111", "+6522222222").txn_ref
    up(ref, phones)
    res = Hoiio.voice.hangup(ref)

    assert res.is_success()
    status = Hoiio.voice.status(ref)
    assert (status.duration, status.debit) == (1, 0.036)
    assert status.json["answered_date"] >= status.json["date"]
    for phone in phones:
        assert phone.wait("ended", timeout=2)["reason"] == "remote"


def test_live_status(configured, phones):
    for phone in phones:
        phone.forget()
    ref = Hoiio.voice.call("+6511111111", "+6522222222").txn_ref
    res = Hoiio.voice.status(ref)

    assert res.call_status_dest1 == "ongoing"
    assert res.call_status_dest2 == "ongoing"
    assert res.duration is None
    assert res.debit is None


def test_retrieve_call_status(past):
    """The guide's values: two minutes at 0.018 are 0.036; the record is a seeded one."""
    Hoiio.init(past.app_id, past.token, base_url=past.base_url)
    res = Hoiio.voice.status(past.refs[0])

    assert res.txn_ref == past.refs[0]
    assert res.tag == "my-tag"
    assert res.date == datetime(2012, 1, 31, 12, 6, 15)
    assert res.date.tzinfo is None
    assert res.dest1 == "+6511111111"
    assert res.dest2 == "+6522222222"
    assert res.call_status_dest1 == "answered"
    assert res.call_status_dest2 == "answered"
    assert res.duration == 2
    assert isinstance(res.duration, int)
    assert res.currency == "SGD"
    assert res.rate == 0.018
    assert isinstance(res.rate, float)
    assert res.debit == 0.036


def test_retrieve_call_history(past):
    Hoiio.init(past.app_id, past.token, base_url=past.base_url)
    res = Hoiio.voice.history()

    assert res.total_entries_count == 234
    assert res.entries_count == 100
    assert [entry.txn_ref for entry in res.entries] == past.refs[:-101:-1]
    assert all(isinstance(entry.date, datetime) for entry in res.entries)

    res = Hoiio.voice.history(page=2)
    assert [entry.txn_ref for entry in res.entries] == past.refs[-101:-201:-1]

    assert Hoiio.voice.history(page=3).entries_count == 34
    beyond = Hoiio.voice.history(page=4)
    assert (beyond.is_success(), beyond.entries_count, beyond.entries) == (True, 0, [])


def test_history_between_two_dates(past):
    Hoiio.init(past.app_id, past.token, base_url=past.base_url)
    start, end = datetime(2012, 1, 31, 12, 7, 15), datetime(2012, 1, 31, 12, 9, 15)
    for res in (
        Hoiio.voice.history(from_=start, to=end),
        Hoiio.voice.history(**{"from": "2012-01-31 12:07:15", "to": "2012-01-31 12:09:15"}),
    ):
        assert [entry.txn_ref for entry in res.entries] == [past.refs[2], past.refs[1]]


def test_retrieve_call_rate(past):
    """The guide's values, with an account that has its 84.70 of credit untouched."""
    Hoiio.init(past.fresh_app_id, past.fresh_token, base_url=past.base_url)
    res = Hoiio.voice.rate("+6511111111", "+6522222222")

    assert res.currency == "SGD"
    assert res.rate == 0.036
    assert res.talktime == 2352


class Receiver:
    """A customer's web server that keeps what is posted to it."""

    def __init__(self):
        posts = self.posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                posts.append((self.path, self.headers, body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
