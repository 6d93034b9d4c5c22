"""Conferences over real HTTP: what is ordered, what is refused, and in which order."""

import pytest

from hoiio.server.billing.charge import Price
from hoiio.server.storage.protocol import Refusal
from hoiio.wire import Status
from support.api import ONE, TWO, UNPRICED, UNREACHED

THREE = "+6555555555"
PATHS = ["voice/conference", "conference/call"]


def test_refs_are_a_comma_string_on_the_old_path(server):
    """Clients of the time split it; the refs come in the order of ``dest``."""
    answer = server.ask("voice/conference", dest=f"{ONE},{TWO},{THREE}")
    refs = answer["txn_refs"].split(",")
    assert answer.keys() == {"status", "txn_refs", "room"}
    told = [server.ask("voice/query_status", txn_ref=ref)["dest1"] for ref in refs]
    assert told == [ONE, TWO, THREE]


def test_refs_are_an_array_on_the_new_path(server):
    """Also when there is one."""
    answer = server.ask("conference/call", dest=THREE)
    assert isinstance(answer["txn_refs"], list)
    assert len(answer["txn_refs"]) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", PATHS)
def test_a_conference_is_ordered_as_asked(server, path, method):
    """Numbers trimmed, each with its rate; all of them see the same caller ID."""
    answer = server.ask(
        path,
        method=method,
        dest=f" {ONE} , {TWO}",
        room="MY-ROOM.1_x",
        caller_id="private",
        tag="é",
        notify_url="http://127.0.0.1/x",
    )
    assert (answer["status"], answer["room"]) == ("success_ok", "MY-ROOM.1_x")
    [order] = server.calls.orders
    assert (list(order.numbers), list(order.prices)) == ([ONE, TWO], [Price(18_000)] * 2)
    assert (order.sees, order.room) == (None, "MY-ROOM.1_x")
    assert (order.tag, order.notify_url) == ("é", "http://127.0.0.1/x")


def test_by_default_everybody_sees_the_registered_number_in_a_room_that_is_made(server):
    """Without a registered number the caller is withheld."""
    answer = server.ask("voice/conference", dest=TWO)
    assert server.calls.orders[0].sees == ONE
    assert answer["room"][0] == "R"
    assert answer["room"][1:].isdigit()
    server.ask("voice/conference", app=server.bare, dest=TWO)
    assert server.calls.orders[1].sees is None


def test_a_participant_is_told_with_an_empty_second_leg(server):
    """Clients read the fields unconditionally; ``room`` is there besides."""
    answer = server.ask("voice/conference", dest=TWO, room="told", tag="mine")
    status = server.ask("voice/query_status", txn_ref=answer["txn_refs"])
    assert status == {
        "status": "success_ok",
        "txn_ref": answer["txn_refs"],
        "tag": "mine",
        "dest1": TWO,
        "dest2": "",
        "call_status_dest1": "ongoing",
        "call_status_dest2": "",
        "date": "2012-01-31 12:06:15",
        "currency": "SGD",
        "rate": "0.018",
        "room": "told",
    }
    history = server.ask("voice/get_history", upto=answer["txn_refs"])
    assert history["entries"][0] == {k: v for k, v in status.items() if k != "status"}


# --- what is refused --------------------------------------------------------------------------

WRONG = [
    # what is wrong, with what it is answered; each must come before all below it
    ({"tag": b"\xff"}, Status.MALFORMED_PARAMS),
    ({"app_id": None}, "error_app_id_param_missing"),
    ({"access_token": None}, "error_access_token_param_missing"),
    ({"app_id": "nobody"}, Status.INVALID_APP_ID),
    ({"access_token": "guess"}, Status.INVALID_ACCESS_TOKEN),
    ({"dest": None}, "error_dest_param_missing"),
    ({"dest": f"{ONE},x"}, Status.DEST_INVALID),
    ({"room": "no spaces"}, Status.INVALID_ROOM),
    ({"caller_id": "x"}, Status.CALLER_ID_INVALID),
    ({"tag": "x" * 257}, Status.TAG_INVALID_LENGTH),
    ({"notify_url": "x"}, Status.INVALID_NOTIFY_URL),
    ({"dest": f"{ONE},{UNPRICED}"}, Status.DEST_NOT_SUPPORTED),
    ({"caller_id": TWO}, Status.CALLER_ID_INVALID),
    ({"dest": ",".join(f"+65123456{index:02}" for index in range(9))}, Status.DEST_TOO_MANY),
]
PAIRS = [
    (first | {k: v for k, v in second.items() if k not in first}, status)
    for index, (first, status) in enumerate(WRONG)
    for second, _ in WRONG[index:]
]


@pytest.mark.parametrize(("wrong", "status"), PAIRS)
def test_the_first_check_that_fails_is_the_answer(server, wrong, status):
    """In the order of the endpoint's table, and nobody is called."""
    given = {"dest": f"{ONE},{TWO}"} | wrong
    before = server.ask("voice/get_history")["total_entries_count"]
    assert server.ask("voice/conference", **given) == {"status": status}
    assert server.ask("voice/get_history")["total_entries_count"] == before


@pytest.mark.parametrize(
    "dest",
    [
        f"{ONE},{ONE}",
        f"{ONE},{TWO}, {ONE}",
        f"{ONE},",
        f",{ONE}",
        f"{ONE},,{TWO}",
        ",",
        f"{ONE};{TWO}",
        f"{ONE} {TWO}",
        "6511111111",
        f"{ONE},sip:x@127.0.0.1",
        f"{ONE},+65\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661",
        f"[{ONE}]",
    ],
)
def test_lists_that_are_none(server, dest):
    """One bad number, the same one twice, or another way to write a list: nobody is called."""
    assert server.ask("voice/conference", dest=dest) == {"status": Status.DEST_INVALID}
    assert not server.calls.orders


@pytest.mark.parametrize("room", ["a" * 33, "a b", "a/b", "é", "a,b", "%", "a\n", "'; --"])
def test_rooms_that_are_none(server, room):
    """At most 32 of the letters, digits, dots, underscores and hyphens of ASCII."""
    assert server.ask("voice/conference", dest=ONE, room=room) == {"status": Status.INVALID_ROOM}


def test_a_destination_that_no_route_reaches(server):
    """One of them is enough."""
    refused = server.ask("voice/conference", dest=f"{ONE},{UNREACHED}")
    assert refused == {"status": Status.DEST_NOT_SUPPORTED}


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal.ROOM_FULL, Status.DEST_TOO_MANY),
        (Refusal.CONCURRENT_CALLS, Status.CONCURRENT_CALL_LIMIT_REACHED),
        (Refusal.CEILING, Status.SERVICE_NOT_AVAILABLE),
        (Refusal.CREDIT, Status.INSUFFICIENT_CREDIT),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_what_admission_refuses(server, path, refusal, status):
    """Each with its own status, and no refs."""
    server.calls.refuses = refusal
    assert server.ask(path, dest=f"{ONE},{TWO}") == {"status": status}


# --- moderation -------------------------------------------------------------------------------


@pytest.fixture
def participant(server):
    """A participant's ref."""
    return server.ask("voice/conference", dest=TWO)["txn_refs"]


def test_muting_and_unmuting(server, participant):
    """As asked, as often as asked."""
    for action, muted in (("mute", True), ("mute", True), ("unmute", False)):
        answer = server.ask("conference/moderate", txn_ref=participant, action=action)
        assert answer == {"status": "success_ok"}
        assert server.calls.muted[-1] == (participant, muted)


def test_kicking_is_hanging_up(server, participant):
    """The same as ``voice/hangup`` of the participant."""
    answer = server.ask("conference/moderate", txn_ref=participant, action="kick")
    assert answer == {"status": "success_ok"}
    assert server.calls.hung_up == [participant]


@pytest.mark.parametrize("action", ["kick", "mute", "unmute"])
def test_what_is_not_done_in_time_says_so(server, participant, action):
    """It is under way, but not so yet."""
    server.calls.settles = False
    answer = server.ask("conference/moderate", txn_ref=participant, action=action)
    assert answer == {"status": Status.SERVICE_NOT_AVAILABLE}


def test_what_else_is_refused(server, participant):
    """Missing parameters in their order, then the action, then the ref."""
    for given, status in (
        ({}, "error_txn_ref_param_missing"),
        ({"action": "dance"}, "error_txn_ref_param_missing"),
        ({"txn_ref": participant}, "error_action_param_missing"),
        ({"txn_ref": "AA-C-0", "action": "Kick"}, Status.INVALID_ACTION),
        ({"txn_ref": "AA-C-0", "action": "kick"}, Status.INVALID_TXN_REF),
    ):
        assert server.ask("conference/moderate", **given) == {"status": status}
    assert not server.calls.hung_up
    assert not server.calls.muted


def test_only_a_live_participant_of_ones_own_is_moderated(server, participant):
    """A call-back, an ended one and another application's look alike: there is no such ref."""
    refused = {"status": Status.INVALID_TXN_REF}
    call = server.ask("voice/call", dest2=TWO)["txn_ref"]
    assert server.ask("conference/moderate", txn_ref=call, action="kick") == refused
    foreign = server.ask("conference/moderate", server.bare, txn_ref=participant, action="kick")
    assert foreign == refused
    server.settle(participant)
    assert server.ask("conference/moderate", txn_ref=participant, action="kick") == refused
    assert not server.calls.hung_up
