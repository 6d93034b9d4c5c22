"""Who is asked, as whom: what goes together stays together, also when the environment changes."""

import json
import os
from urllib.parse import parse_qs

import pytest

from hoiio import Client, ConnectionFailed, wire
from support.steps import response

UP = {"status": "success_ok", "txn_ref": "TX-1", "call_status_dest1": "ongoing"}
OVER = UP | {"call_status_dest1": "answered"}


class Heard:
    """A transport that answers in turn, and notes who was asked, and as whom."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def send(self, request):
        form = parse_qs(request.body.decode())
        self.asked.append((request.url, form["app_id"][0], form["access_token"][0]))
        answer = self.answers.pop(0)
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return response(json.dumps(answer), Hoiio_Features="idempotency, upto")

    def close(self):
        pass


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("HOIIO_"):
            monkeypatch.delenv(name)

    def become(name):
        monkeypatch.setenv("HOIIO_APP_ID", name)
        monkeypatch.setenv("HOIIO_ACCESS_TOKEN", f"token-of-{name}")
        monkeypatch.setenv("HOIIO_BASE_URL", f"http://{name}.example/open/")

    become("one")
    return become


def places(transport):
    """Who was asked, as whom, without the method; each must be of one piece."""
    found = []
    for url, app_id, token in transport.asked:
        assert token == f"token-of-{app_id}"
        assert url.startswith(f"http://{app_id}.example/open/")
        found.append(app_id)
    return found


def test_each_request_looks_at_the_environment(environment):
    """A program may change it; nothing of the former one is kept."""
    transport = Heard(UP, UP, UP)
    client = Client(transport=transport)
    for name in ("one", "two", "one"):
        environment(name)
        client.voice.status("TX-1")
    assert places(transport) == ["one", "two", "one"]


@pytest.mark.parametrize("name", ["HOIIO_BASE_URL", "HOIIO_ACCESS_TOKEN"])
def test_one_change_of_it_is_enough(monkeypatch, name):
    """Another place, or another token."""
    transport = Heard(UP, UP)
    client = Client(transport=transport)
    client.voice.status("TX-1")
    monkeypatch.setenv(name, "http://b.example/")
    client.voice.status("TX-1")
    assert transport.asked[0] != transport.asked[1]
    assert any("b.example" in each for each in transport.asked[1])


def test_what_was_given_counts_whatever_the_environment_says(environment):
    """And a request's own credentials count for it alone."""
    transport = Heard(UP, UP, UP)
    client = Client("a", "token-of-a", base_url="http://a.example/open/", transport=transport)
    client.voice.status("TX-1")
    environment("two")
    client.voice.status("TX-1", app_id="b", access_token="token-of-b")
    client.voice.status("TX-1")
    assert [app_id for _, app_id, _ in transport.asked] == ["a", "b", "a"]
    assert {url for url, _, _ in transport.asked} == {"http://a.example/open/voice/query_status"}


def test_an_answer_asks_on_where_it_came_from(environment):
    """One account's token is not sent to another's service."""
    transport = Heard(UP, UP, OVER, OVER, OVER)
    client = Client(transport=transport)
    first = client.voice.status("TX-1")
    environment("two")
    second = client.voice.status("TX-1")
    first.wait()
    list(first.watch())
    second.wait()
    assert places(transport) == ["one", "two", "one", "one", "two"]


def test_a_call_is_followed_where_it_is(environment, monkeypatch):
    """Whatever changes between two looks."""
    monkeypatch.setattr("hoiio.watching.POLL", 0.001)

    def change():
        environment("two")
        return UP

    transport = Heard(UP, change, OVER)
    assert not Client(transport=transport).voice.wait("TX-1").is_live()
    assert places(transport) == ["one"] * 3


def test_a_history_is_of_one_account(environment):
    """All its pages."""

    def page(newest, end):
        entries = [{"txn_ref": f"TX-{n}"} for n in range(newest, end, -1)]
        return {"status": "success_ok", "total_entries_count": "250", "entries": entries}

    def change():
        environment("two")
        return page(150, 50)

    transport = Heard(page(250, 150), change, page(50, 0))
    assert len(list(Client(transport=transport).voice.history().all())) == 250
    assert places(transport) == ["one"] * 3


def test_what_no_service_has_promised_is_not_asked_for_twice():
    """It has a key for the endpoints that the protocol has, not for another."""
    broken = ConnectionFailed("broke", maybe_sent=True)
    transport = Heard(UP, broken, broken)
    client = Client(transport=transport)
    client.voice.status("TX-1")
    with pytest.raises(ConnectionFailed):
        client.send(wire.Endpoint("sms/send", ("dest",)), {"dest": "+6511111111"})
    assert len(transport.asked) == 2
