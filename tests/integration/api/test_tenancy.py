"""Another application's transactions and rooms cannot be told from ones that never were.

Every endpoint that takes a reference is walked, found by the protocol's own tables, so that one
which is added later is walked too. Whole answers are compared: status line, headers, body.
"""

import itertools

import pytest

from hoiio import wire
from hoiio.server.api.application import HANDLERS
from support.api import ONE, OWN, TWO

TAKES_REF = [
    (endpoint, name)
    for endpoint in HANDLERS
    for name in endpoint.params
    if name in {"txn_ref", "upto"}
]
OTHERS = {"action": [*wire.Action, "nonsense"]}
"""Values of the other parameters that such an endpoint requires."""

NEVER = "AA-C-987654321"


def asked(endpoint, name):
    """Every combination of values for the parameters besides the reference."""
    names = [each for each in endpoint.required if each != name]
    for values in itertools.product(*(OTHERS[each] for each in names)):
        yield dict(zip(names, values, strict=True))


def bytes_of(answer):
    """All of an answer that a client sees, but for the clock."""
    headers = [(name, text) for name, text in answer.headers.raw if name.lower() != b"date"]
    return answer.status_code, headers, answer.content


def test_what_is_walked():
    paths = {(endpoint.path, name) for endpoint, name in TAKES_REF}
    assert paths == {
        ("voice/hangup", "txn_ref"),
        ("voice/query_status", "txn_ref"),
        ("voice/events", "txn_ref"),
        ("voice/get_history", "upto"),
        ("conference/moderate", "txn_ref"),
    }


@pytest.fixture
def foreign(server):
    """References of another application: live and ended, of calls and in a room."""
    refs = []
    for settled in (True, False):
        refs.append(server.ask("voice/call", dest2=TWO)["txn_ref"])
        made = server.ask("voice/conference", dest=f"{TWO},{OWN}", room="SECRET")
        refs += made["txn_refs"].split(",")
        if settled:
            server.settle()
    return refs


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("endpoint", "name"), TAKES_REF, ids=[f"{endpoint.path} {name}" for endpoint, name in TAKES_REF]
)
def test_anothers_reference_is_answered_as_one_that_never_was(
    server, foreign, endpoint, name, method
):
    for rest in asked(endpoint, name):
        never = server.answer(endpoint.path, server.bare, method, **{name: NEVER}, **rest)
        assert never.json()["status"].startswith("error_")
        for ref in foreign:
            answer = server.answer(endpoint.path, server.bare, method, **{name: ref}, **rest)
            assert bytes_of(answer) == bytes_of(never), ref
    assert not server.calls.hung_up
    assert not server.calls.muted


def test_anothers_history_is_no_part_of_ones_own(server, foreign):
    before = bytes_of(server.answer("voice/get_history", server.bare))
    server.ask("voice/call", dest2=TWO)
    assert bytes_of(server.answer("voice/get_history", server.bare)) == before
    for edge in ("from", "to"):
        given = {edge: "2012-01-31 12:06:15"}
        assert server.answer("voice/get_history", server.bare, **given).json()["entries"] == []


def shape(answer):
    """An answer without the references that it made up."""
    assert answer.json()["status"] == "success_ok"
    headers = [
        (n, t) for n, t in answer.headers.raw if n.lower() not in {b"date", b"content-length"}
    ]
    return answer.status_code, headers, {**answer.json(), "txn_refs": "", "room": ""}


@pytest.mark.parametrize("path", ["voice/conference", "conference/call"])
def test_anothers_room_is_as_free_as_one_that_never_was(server, path):
    """Also when it is full: a room of the same name is another room."""
    numbers = [f"+65333333{index:02}" for index in range(wire.ROOM_SIZE)]
    server.run(server.storage.add_credit(server.app.account.id, 10_000_000))
    full = server.ask(path, dest=",".join(numbers), room="FULL")
    assert full["status"] == "success_ok"
    other = server.answer(path, server.bare, dest=ONE, room="FULL")
    assert other.json()["room"] == "FULL"
    assert shape(other) == shape(server.answer(path, server.bare, dest=ONE, room="FREE"))
    assert server.ask(path, dest=ONE, room="FULL")["status"] != "success_ok"


def test_anothers_key_is_as_free_as_one_that_never_was(server):
    server.ask("voice/call", key="mine", dest2=TWO)
    other = server.ask("voice/call", server.bare, key="mine", dest1=ONE, dest2=OWN)
    assert other["status"] == "success_ok"
    assert len(server.calls.orders) == 2


def test_whether_an_application_exists_is_all_that_its_id_tells(server):
    """With a wrong token, one that has calls is answered as one that has none."""
    busy = server.answer("voice/get_history", server.app, access_token="x")
    idle = server.answer("voice/get_history", server.bare, access_token="x")
    crossed = server.answer("voice/get_history", server.app, access_token=server.bare.access_token)
    assert bytes_of(busy) == bytes_of(idle) == bytes_of(crossed)
