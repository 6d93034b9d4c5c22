"""Guards against toll fraud, through HTTP: what is refused, with which status, what is logged."""

from dataclasses import replace

import pytest

from hoiio.server.storage.protocol import Refusal
from support.api import ONE, TWO
from support.service import Service, admin, wait_until
from support.sip_peer import SipPeer

PREMIUM, SATELLITE = "+6519001234567", "+881612345678"
ABROAD, NOWHERE = "+60312345678", "+76001234567"
PRICES = "prefix,rate\n65,0.018\n60,1.999\n881,0.018\n76,0.018\n659,2.001\n"
UP, BUSY = (0, "200 OK", True), (0, "486 Busy Here", False)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A real service as it comes, with prices for whatever a fraud would call."""
    with SipPeer(UP) as first, SipPeer(BUSY) as second:
        numbers = (ONE, PREMIUM, SATELLITE, ABROAD, NOWHERE, "+6591234567")
        routes = dict.fromkeys(numbers, first.uri) | {TWO: second.uri}
        data = tmp_path_factory.mktemp("guarded") / "data"
        with Service(data, routes=routes).provision(tariff=PRICES) as running:
            running.second = second
            yield running.start()


@pytest.fixture
def client(service):
    admin(service.data, "guards", "set", "acme", *(
        word for guard in ("countries", "spend-per-hour", "unconnected-seconds-per-hour",
                           "unconnected-cost-per-hour", "allow-prefixes", "unknown-regions")
        for word in (f"--{guard}", "default")))  # fmt: skip
    with service.client() as client:
        yield client


def told(service, guard):
    return [line for line in service.log.read_text().splitlines() if f'"{guard}"' in line]


@pytest.mark.parametrize(
    ("number", "guard"),
    [
        (PREMIUM, "refused_prefix"),
        (SATELLITE, "refused_prefix"),
        (NOWHERE, "unknown_region"),
        ("+6591234567", "max_rate"),
    ],
)
def test_a_fresh_service_refuses_what_fraud_calls(client, service, number, guard):
    """Either leg, a price asked, and a conference whole; each with an audit line, masked."""
    voice = client.voice
    before = len(told(service, guard))
    calls = voice.history().total_entries_count
    assert voice.call(number, TWO).status == "error_dest1_not_supported"
    assert voice.call(ONE, number).status == "error_dest2_not_supported"
    assert voice.rate(ONE, number).status == "error_dest2_not_supported"
    assert voice.conference(ONE, number).status == "error_dest_not_supported"
    lines = wait_until(lambda: (found := told(service, guard))[before + 3 :] and found)
    assert all('"account": "AA-1", "name": "acme"' in line for line in lines)
    assert all('"level": "warning"' in line for line in lines)
    assert number.removeprefix("+") not in service.log.read_text()
    assert voice.history().total_entries_count == calls


def test_an_ordinary_number_abroad_is_called(client):
    """Up to the ceiling on the rate."""
    assert client.voice.rate(ONE, ABROAD).is_success()


def test_an_operator_lets_prefixes_and_regions_through(client, service):
    """From the next request on, while the service runs."""
    admin(service.data, "guards", "set", "acme", "--allow-prefixes", "651900,8816",
          "--unknown-regions", "true")  # fmt: skip
    for number in (PREMIUM, SATELLITE, NOWHERE):
        assert client.voice.rate(ONE, number).is_success()


def test_an_operator_lists_countries(client, service):
    """Any other is not called."""
    admin(service.data, "guards", "set", "acme", "--countries", "SG,US")
    assert client.voice.rate(ONE, ABROAD).status == "error_dest2_not_supported"
    assert client.voice.rate(ONE, TWO).is_success()
    assert told(service, "country")


def test_spending_stops_at_the_ceiling(client, service):
    """With plenty of credit left, and with a line that says why."""
    admin(service.data, "guards", "set", "acme", "--spend-per-hour", "0.035")
    assert client.voice.call(ONE, TWO).status == "error_insufficient_credit"
    assert client.voice.conference(ONE, TWO, ABROAD).status == "error_insufficient_credit"
    assert len(told(service, "spend_per_hour")) == 2


def test_answered_first_phones_without_second_ones_are_stopped(client, service):
    """One number pumped for free; conferences and the other guards are not touched."""
    # Each reserves the 70 s that its dest1 may be up alone.
    admin(service.data, "guards", "set", "acme", "--unconnected-seconds-per-hour", "70")
    ref = client.voice.call(ONE, TWO).txn_ref
    wait_until(lambda: client.voice.status(ref).duration is not None)
    assert client.voice.status(ref).call_status_dest1 == "answered"
    assert client.account.balance().balance == 84.7
    assert client.voice.call(ONE, TWO).status == "error_insufficient_credit"
    assert told(service, "unconnected_seconds_per_hour")
    shown = admin(service.data, "guards", "show", "acme")
    assert int(shown["unconnected_seconds"]) >= 1
    assert float(shown["unconnected_cost"]) >= 0.018
    admin(service.data, "guards", "set", "acme", "--unconnected-seconds-per-hour", "default",
          "--unconnected-cost-per-hour", "0.018")  # fmt: skip
    assert client.voice.call(ONE, TWO).status == "error_insufficient_credit"
    assert told(service, "unconnected_cost_per_hour")


@pytest.mark.parametrize(
    "refusal",
    [Refusal.SPEND_PER_HOUR, Refusal.SPEND_PER_DAY, Refusal.UNCONNECTED_SECONDS,
     Refusal.UNCONNECTED_COST],
)  # fmt: skip
def test_every_refusal_of_a_ceiling_is_one_of_credit(server, refusal):
    """The API has no other word for it."""
    server.calls.refuses = refusal
    try:
        answer = server.ask("voice/call", dest1=ONE, dest2=TWO)
    finally:
        server.calls.refuses = None
    assert answer == {"status": "error_insufficient_credit"}


def test_a_guarded_number_is_refused_in_its_turn(server):
    """After the forms, before the caller ID (api rule 3)."""
    account = server.app.account.id
    server.run(server.storage.change_guards(account, lambda own: replace(own, countries=("MY",))))
    try:
        refused = server.ask("voice/call", dest1=ONE, dest2=TWO, caller_id="+6599999999")
        assert refused == {"status": "error_dest1_not_supported"}
        assert server.ask("voice/call", dest1=ONE, dest2=TWO, max_duration="0") == {
            "status": "error_invalid_max_duration"
        }
    finally:
        server.run(server.storage.change_guards(account, lambda own: replace(own, countries=None)))
