"""Idempotency keys over real HTTP: the same request twice is one call and one answer (rule 22)."""

import asyncio

import httpx2
import pytest

from hoiio.server.storage.limits import AccountChanges
from hoiio.server.storage.protocol import Refusal
from hoiio.wire import Status
from integration.storage.store import ask, audit, change
from support.api import ONE, OWN, TWO, UNREACHED, Server

WITH_SPACE = f" {ONE[1:]}"
THREE = "+6555555555"
REUSED = {"status": Status.IDEMPOTENCY_KEY_REUSED}
INVALID = {"status": Status.IDEMPOTENCY_KEY_INVALID}


def calls(server):
    """How many transactions there are."""
    [(count,)] = ask(server.data, "SELECT count(*) FROM calls")
    return count


@pytest.fixture
def own(tmp_path):
    """A server of the test's own."""
    server = Server(tmp_path / "data")
    yield server
    server.stop()


# --- a request and its repetition -------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("voice/call", {"dest2": TWO}),
        ("voice/conference", {"dest": f"{ONE},{TWO},{THREE}"}),
        ("voice/conference", {"dest": TWO, "room": "MY-ROOM"}),
        ("conference/call", {"dest": f"{TWO},{THREE}"}),
        ("conference/call", {"dest": TWO}),
    ],
)
def test_a_repetition_gets_the_same_answer_and_places_nothing(own, path, given):
    """Byte for byte, also when the call is over, and by the other method."""
    first = own.answer(path, key="k", **given)
    assert first.json()["status"] == "success_ok"
    placed = calls(own)
    assert own.answer(path, key="k", **given).content == first.content
    own.settle()
    assert own.answer(path, key="k", method="GET", **given).content == first.content
    assert calls(own) == placed
    assert own.ask(path, **given) != first.json(), "without a key, a request is a new one"
    assert own.ask(path, key="other", **given) != first.json()


def test_a_hundred_identical_requests_at_once_are_one_call(own, monkeypatch):
    """All get its answer, whichever was first, and take nothing of a minute that has sixty."""
    limits = AccountChanges(requests_per_minute=60, calls_per_minute=60)
    own.run(own.storage.change_account(own.app.account.id, limits))
    known, place, here = own.storage.application, own.calls.place_call, []

    async def counted(app_id):
        here.append(app_id)
        return await known(app_id)

    async def slowly(*order):
        while len(here) < 100:
            await asyncio.sleep(0.01)
        return await place(*order)

    monkeypatch.setattr(own.storage, "application", counted)
    monkeypatch.setattr(own.calls, "place_call", slowly)
    form = {"app_id": own.app.app_id, "access_token": own.app.access_token, "dest2": TWO}

    async def all_at_once():
        limits = httpx2.Limits(max_connections=100)
        async with httpx2.AsyncClient(limits=limits, timeout=60) as client:
            asking = [
                client.post(own.base + "voice/call", data=form, headers={"Idempotency-Key": "k"})
                for _ in range(100)
            ]
            return await asyncio.gather(*asking)

    answers = asyncio.run(all_at_once())
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["status"] == "success_ok"
    assert calls(own) == 1
    assert len(own.calls.orders) == 1, "those that come meanwhile wait for the first"
    audit(own.data)


def test_after_a_crash_between_commit_and_answer_the_repetition_is_answered(tmp_path):
    """By a service that was started anew: what the answer is made of is in the database."""
    server = Server(tmp_path / "data")
    server.calls.crashes = True
    app = server.app
    form = {"app_id": app.app_id, "access_token": app.access_token, "dest": f"{ONE},{TWO}"}
    headers = {"Idempotency-Key": "k"}
    try:
        lost = httpx2.post(server.base + "conference/call", data=form, headers=headers)
        assert lost.status_code == 500
    finally:
        server.stop()
    again = Server(tmp_path / "data", provision=False)
    try:
        answer = httpx2.post(again.base + "conference/call", data=form, headers=headers).json()
        assert answer["status"] == "success_ok"
        assert ask(again.data, "SELECT ref FROM calls ORDER BY id") == [
            (ref,) for ref in answer["txn_refs"]
        ]
        assert not again.calls.orders
    finally:
        again.stop()


# --- what is the same -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        ("voice/call", {"dest2": TWO}, {"dest2": " 6522222222"}),
        ("voice/call", {"dest2": TWO, "caller_id": "p"}, {"dest2": TWO, "caller_id": "private"}),
        ("voice/call", {"dest2": TWO, "caller_id": ONE}, {"dest2": TWO, "caller_id": WITH_SPACE}),
        ("voice/call", {"dest2": TWO, "max_duration": "60"}, {"dest2": TWO, "max_duration": "060"}),
        ("voice/call", {"dest2": TWO}, {"dest2": TWO, "tag": "", "nonsense": "1"}),
        ("voice/conference", {"dest": f"{ONE},{TWO}"}, {"dest": f" {ONE} , {TWO} "}),
    ],
)  # fmt: skip
def test_two_ways_to_write_a_request_are_the_same(own, path, first, second):
    answer = own.ask(path, key="k", **first)
    assert answer["status"] == "success_ok"
    assert own.ask(path, key="k", **second) == answer


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        ("voice/call", {"dest2": TWO}, {"dest2": THREE}),
        ("voice/call", {"dest2": TWO}, {"dest2": TWO, "dest1": ONE}),
        ("voice/call", {"dest2": TWO}, {"dest2": TWO, "tag": "x"}),
        ("voice/call", {"dest2": TWO}, {"dest2": "nonsense"}),
        ("voice/call", {"dest2": TWO}, {}),
        ("voice/conference", {"dest": f"{ONE},{TWO}"}, {"dest": f"{TWO},{ONE}"}),
        ("voice/conference", {"dest": TWO, "room": "r"}, {"dest": TWO, "room": "R"}),
    ],
)
def test_a_key_with_another_request_is_refused(own, path, first, second):
    """Before any other check of that request."""
    answer = own.ask(path, key="k", **first)
    assert own.ask(path, key="k", **second) == REUSED
    assert own.ask(path, key="k", **first) == answer


def test_a_key_belongs_to_one_application_and_one_endpoint(own):
    """The same words mean something else elsewhere."""
    answer = own.ask("voice/conference", key="k", dest=TWO)
    for path, app in (("conference/call", None), ("voice/conference", own.bare)):
        other = own.ask(path, app, key="k", dest=TWO)
        assert other["status"] == "success_ok"
        assert other["txn_refs"] not in (answer["txn_refs"], [answer["txn_refs"]])
    assert own.ask("voice/call", key="k", dest2=TWO)["status"] == "success_ok"


def test_a_repetition_is_known_when_what_it_rested_on_has_changed(own):
    """The registered number it took for dest1 is another now."""
    answer = own.ask("voice/call", key="k", dest2=TWO)
    change(own.data, "UPDATE accounts SET number = ?", OWN)
    assert own.ask("voice/call", key="k", dest2=TWO) == answer


# --- errors -----------------------------------------------------------------------------------


def test_an_error_frees_the_key(own):
    """Refused by a check, by admission or by a failure: the next request may use it."""
    assert own.ask("voice/call", key="k", dest2="x") == {"status": Status.DEST2_INVALID}
    assert own.ask("voice/call", key="k", dest2=UNREACHED)["status"] == Status.DEST2_NOT_SUPPORTED
    own.calls.refuses = Refusal.CREDIT
    assert own.ask("voice/call", key="k", dest2=TWO)["status"] == Status.INSUFFICIENT_CREDIT
    own.calls.refuses = None
    while own.ask("voice/call", dest2=THREE)["status"] == "success_ok":
        pass
    busy = own.ask("voice/call", key="k", dest2=TWO)
    assert busy == {"status": Status.CONCURRENT_CALL_LIMIT_REACHED}
    assert ask(own.data, "SELECT count(*) FROM idempotency_keys") == [(0,)]
    own.settle()
    assert own.ask("voice/call", key="k", dest2=THREE)["status"] == "success_ok"


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "é", "tab\there"])
def test_what_is_no_key(server, key):
    sent = {"Idempotency-Key": key.encode()}
    form = {"app_id": server.app.app_id, "access_token": server.app.access_token}
    answer = httpx2.post(server.base + "voice/call", data=form, headers=sent)
    assert answer.json() == INVALID
    assert httpx2.post(server.base + "user/get_info", data=form, headers=sent).json() != INVALID


def test_several_keys_are_none(server):
    form = {"app_id": server.app.app_id, "access_token": server.app.access_token, "dest2": TWO}
    sent = [("Idempotency-Key", "a"), ("Idempotency-Key", "a")]
    assert httpx2.post(server.base + "voice/call", data=form, headers=sent).json() == INVALID


def test_every_visible_character_makes_a_key(server):
    """From the first to the last, and as many as there may be."""
    for key in ("".join(map(chr, range(0x21, 0x7F))), "x" * 255, "!"):
        first = server.ask("voice/call", key=key, dest2=TWO)
        assert first["status"] == "success_ok"
        assert server.ask("voice/call", key=key, dest2=TWO) == first


def test_the_key_is_checked_after_the_token_and_before_the_parameters(server):
    wrong = server.ask("voice/call", key="two words", access_token="guess")
    assert wrong == {"status": Status.INVALID_ACCESS_TOKEN}
    assert server.ask("voice/call", key="two words") == INVALID
