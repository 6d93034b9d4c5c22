"""How calls end, with real phones: each way of not talking is told apart, and costs nothing."""

import socket

import pytest

from support.phones import Phone
from support.service import Service, wait_until

DEST1, DEST2, BUSY, SILENT, DEAD = (f"+65{digit * 8}" for digit in "12345")

CONFIG = """
[calls]
ring_dest1 = 2
ring_dest2 = 2
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    data = tmp_path_factory.mktemp("outcomes") / "data"
    with (
        Phone(DEST1, "--tone", "500") as one,
        Phone(DEST2, "--tone", "900") as two,
        Phone(BUSY, "--busy") as busy,
        Phone(SILENT, "--no-answer") as silent,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead,
    ):
        dead.bind(("127.0.0.1", 0))
        routes = {
            DEST1: f"sip:{one.address}",
            DEST2: f"sip:{two.address}",
            BUSY: f"sip:{busy.address}",
            SILENT: f"sip:{silent.address}",
            DEAD: f"sip:127.0.0.1:{dead.getsockname()[1]}",
        }
        with Service(data, routes=routes, config=CONFIG).provision() as running:
            running.phones = {DEST1: one, DEST2: two, SILENT: silent}
            yield running.start()


@pytest.fixture
def client(service):
    for phone in service.phones.values():
        phone.forget()
    with service.client() as client:
        yield client


def ended(client, ref, timeout=10):
    def over():
        status = client.voice.status(ref)
        return status if status.duration is not None else None

    return wait_until(over, timeout, "the end of the call")


@pytest.mark.parametrize(
    ("numbers", "statuses"),
    [
        ((DEST1, BUSY), ("answered", "busy")),
        ((DEST1, SILENT), ("answered", "unanswered")),
        ((DEST1, DEAD), ("answered", "failed")),
        ((BUSY, DEST2), ("busy", "unanswered")),
        ((SILENT, DEST2), ("unanswered", "unanswered")),
        ((DEAD, DEST2), ("failed", "unanswered")),
    ],
)
def test_who_did_not_answer_and_why_and_that_it_is_free(client, numbers, statuses):
    balance = client.account.balance().balance_decimal
    res = ended(client, client.voice.call(*numbers).txn_ref)
    assert (res.call_status_dest1, res.call_status_dest2) == statuses
    assert (res.duration, res.debit) == (0, 0.0)
    assert "answered_date" not in res.json
    assert client.account.balance().balance_decimal == balance


def test_max_duration_cuts_both_phones_and_bills_the_started_minute(client, service):
    ref = client.voice.call(DEST1, DEST2, max_duration=2).txn_ref
    assert service.phones[DEST1].wait("ended", timeout=8)["reason"] == "remote"
    assert service.phones[DEST2].wait("ended", timeout=2)["reason"] == "remote"
    assert ended(client, ref).duration == 1


def test_a_hangup_before_the_answer_stops_the_ringing_and_is_free(client, service):
    ref = client.voice.call(DEST1, SILENT).txn_ref
    service.phones[SILENT].wait("ringing", timeout=5)
    assert client.voice.hangup(ref).is_success()
    status = client.voice.status(ref)
    assert (status.call_status_dest1, status.call_status_dest2) == ("answered", "unanswered")
    assert status.debit == 0.0
    assert service.phones[SILENT].wait("ended", timeout=2)["reason"] == "cancelled"
    assert client.voice.hangup(ref).is_success(), "already ended: success, nothing changes"
    assert client.voice.status(ref).json == status.json


@pytest.mark.parametrize("who", [0, 1])
def test_a_phone_that_hangs_up_ends_the_call_for_the_other(service, who):
    options = [(), ()]
    options[who] = ("--hang-up-after", "1")
    numbers = ("+6566666666", "+6577777777")
    with (
        Phone(numbers[0], *options[0]) as one,
        Phone(numbers[1], *options[1]) as two,
        Service(
            service.data.parent / f"hangs-up-{who}",
            routes={numbers[0]: f"sip:{one.address}", numbers[1]: f"sip:{two.address}"},
        )
        .provision()
        .start() as own,
        own.client() as client,
    ):
        ref = client.voice.call(*numbers).txn_ref
        res = ended(client, ref)
        phones = (one, two)
        assert phones[who].wait("ended", timeout=2)["reason"] == "hung_up"
        assert phones[1 - who].wait("ended", timeout=2)["reason"] == "remote"
        if who == 1:
            assert (res.call_status_dest2, res.duration) == ("answered", 1)


def test_no_credit_no_call(service, tmp_path):
    with (
        Service(tmp_path / "poor", routes=service.routes).provision(credit="0.035").start() as poor,
        poor.client() as client,
    ):
        assert client.voice.call(DEST1, DEST2).status == "error_insufficient_credit"
        assert client.voice.history().total_entries_count == 0
        assert client.account.balance().balance == 0.035


def test_at_the_ceiling_a_call_is_refused_and_the_running_one_goes_on(service, tmp_path):
    own = Service(
        tmp_path / "small", routes=service.routes, config="[engine]\nmax_legs = 3\n"
    ).provision()
    for phone in service.phones.values():
        phone.forget()
    with own.start(), own.client() as client:
        ref = client.voice.call(DEST1, DEST2).txn_ref
        service.phones[DEST2].wait("answered", timeout=5)
        assert client.voice.call(DEST1, SILENT).status == "error_service_not_available"
        assert service.phones[DEST1].hears(900, timeout=5)
        assert client.voice.status(ref).call_status_dest1 == "ongoing"
        client.voice.hangup(ref)
        third = client.voice.call(DEST1, SILENT)
        assert third.is_success(), "the places were given back"
