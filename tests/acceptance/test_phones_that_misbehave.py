"""What the record says of calls to phones that hold, vanish, redirect, transfer or cross us.

One service for all. dest1 is a real phone and dest2 a scripted one, unless a test says otherwise.
"""

from contextlib import ExitStack
from decimal import Decimal

import pytest

from support.phones import Phone
from support.relay import LossyRelay
from support.rtp import tone, ulaw_tone
from support.service import Service, wait_until
from support.sip_peer import SipPeer

DEST1, DEST2, ELSEWHERE, FAR1, FAR2 = (f"+65{digit * 8}" for digit in "12345")
UP = (0, "200 OK", True)
MINUTE = Decimal("0.036")
CONFIG = """
[sip]
media_timeout = 1.5
[calls]
ring_dest1 = 10
ring_dest2 = 10
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Routes to a real phone, two scripted ones, and two real ones behind bad networks."""
    data = tmp_path_factory.mktemp("misbehaving") / "data"
    with ExitStack() as stack:
        real = stack.enter_context(Phone(DEST1, "--tone", 500))
        far = [stack.enter_context(Phone(FAR1, "--tone", 700)),
               stack.enter_context(Phone(FAR2, "--tone", 900))]  # fmt: skip
        relays = [
            stack.enter_context(LossyRelay(int(phone.address.split(":")[1]), seed=seed))
            for seed, phone in zip((7, 10), far, strict=True)
        ]
        peers = [stack.enter_context(SipPeer(UP)) for _ in range(2)]
        routes = {
            DEST1: real.uri,
            DEST2: peers[0].uri,
            ELSEWHERE: peers[1].uri,
            FAR1: relays[0].uri(FAR1),
            FAR2: relays[1].uri(FAR2),
        }
        running = stack.enter_context(Service(data, routes=routes, config=CONFIG).provision())
        running.real, running.far, running.relays = real, far, relays
        running.peer, running.elsewhere = peers
        yield running.start()


@pytest.fixture
def peer(service):
    """The scripted phone, which a test tells who to be."""
    service.elsewhere.become(UP)
    return service.peer


@pytest.fixture
def client(service):
    for phone in (service.real, *service.far):
        phone.forget()
    with service.client() as client:
        before = client.account.balance().balance_decimal
        calls = client.voice.history().total_entries_count
        yield client
        if service.real.told("ringing"):
            service.real.wait("ended")
        listed = client.voice.history()
        mine = listed.entries[: listed.total_entries_count - calls]
        spent = before - client.account.balance().balance_decimal
        assert spent == sum(entry.debit_decimal for entry in mine), "each call is billed once"


def recorded(client, ref):
    """Statuses and minutes of a call once it is over; its price is the minutes' and no more."""

    def over():
        status = client.voice.status(ref)
        return status if status.duration is not None else None

    status = wait_until(over, 10, "the end of the call")
    assert status.debit_decimal == status.duration * MINUTE
    return status.call_status_dest1, status.call_status_dest2, status.duration


def call_up(client, service, *numbers):
    """A call whose two phones are talking; its ref."""
    ref = client.voice.call(*numbers).txn_ref
    service.peer.wait_for("ACK", timeout=8)
    return ref


def test_hold_and_resume(client, service, peer):
    """A hold longer than the media time-out and a refresh are all one answered call."""
    peer.become(UP, headers=["Session-Expires: 90;refresher=uas"])
    ref = call_up(client, service, DEST1, DEST2)
    with peer.playing(ulaw_tone(900)):
        service.real.wait_hearing(900)
    peer.reinvite("inactive")
    service.real.wait_hearing()
    service.real.hearing()
    peer.reinvite()
    with peer.playing(ulaw_tone(900)):
        service.real.wait_hearing(900)
        refreshed = peer.ask("UPDATE", headers=["Supported: timer", "Session-Expires: 90"])
        assert refreshed.start == "SIP/2.0 200 OK"
    assert client.voice.status(ref).call_status_dest2 == "ongoing"
    client.voice.hangup(ref)
    assert recorded(client, ref) == ("answered", "answered", 1)


def test_a_phone_with_one_codec(client, service, peer):
    """Nothing special: heard, and billed as any other."""
    peer.become(UP, codecs=["PCMA"])
    ref = call_up(client, service, DEST1, DEST2)
    with peer.playing(tone(900, payload_type=8)):
        service.real.wait_hearing(900)
        client.voice.hangup(ref)
    assert recorded(client, ref) == ("answered", "answered", 1)


def test_a_second_phone_that_sends_nothing(client, service, peer):
    """Answered, cut off at the media time-out, and the started minute is paid."""
    peer.become(UP)
    ref = call_up(client, service, DEST1, DEST2)
    assert service.real.wait("ended", timeout=8)["reason"] == "remote"
    assert recorded(client, ref) == ("answered", "answered", 1)
    peer.wait_for("BYE")


def test_a_first_phone_that_sends_nothing(client, peer):
    """The other one stops ringing, and nothing is paid."""
    peer.become((0, "180 Ringing", False))
    ref = client.voice.call(ELSEWHERE, DEST2).txn_ref
    assert recorded(client, ref) == ("answered", "unanswered", 0)
    peer.wait_for("CANCEL")


def test_a_redirection(client, service, peer):
    """Not followed, though the number is one that we could call: the call failed."""
    peer.become(
        (0, "302 Moved Temporarily", False),
        contact=f"<sip:{ELSEWHERE}@127.0.0.1:{service.elsewhere.port}>",
    )
    ref = client.voice.call(DEST1, DEST2).txn_ref
    assert recorded(client, ref) == ("answered", "failed", 0)
    assert service.elsewhere.requests == []


def test_a_transfer(client, service, peer):
    """Refused; the call goes on as it was, and nobody else is called or charged for."""
    peer.become(UP)
    ref = call_up(client, service, DEST1, DEST2)
    with peer.playing(ulaw_tone(900)):
        peer.send("REFER", refer_to=f"<sip:{ELSEWHERE}@127.0.0.1:{service.elsewhere.port}>")
        peer.wait_for("NOTIFY", matching=lambda r: "603" in r.body)
        service.real.wait_hearing(900)
    assert client.voice.status(ref).call_status_dest2 == "ongoing"
    client.voice.hangup(ref)
    assert recorded(client, ref) == ("answered", "answered", 1)
    assert service.elsewhere.requests == []


def test_a_bye_that_crosses_ours(client, service, peer):
    """One end, one bill."""
    peer.become(UP, bye_crosses=True)
    ref = call_up(client, service, DEST1, DEST2)
    assert client.voice.hangup(ref).is_success()
    assert recorded(client, ref) == ("answered", "answered", 1)
    peer.wait_for("SIP/2.0", matching=lambda r: r.get("CSeq").endswith("BYE"))
    assert client.voice.hangup(ref).is_success()


def test_an_answer_that_crosses_our_cancel(client, peer):
    """Taken down at once; it never was an answer, and is free."""
    peer.become((0, "180 Ringing", False), ok_on_cancel=True)
    ref = client.voice.call(DEST1, DEST2).txn_ref
    peer.wait_for("INVITE", timeout=8)
    assert client.voice.hangup(ref).is_success()
    peer.wait_for("BYE")
    assert recorded(client, ref) == ("answered", "unanswered", 0)


def test_phones_behind_bad_networks(client, service):
    """A tenth of all messages lost both ways: calls take a little longer and that is all."""
    for _ in range(3):
        ref = client.voice.call(FAR1, FAR2).txn_ref
        service.far[0].hears(900, timeout=20)
        service.far[1].hears(700)
        client.voice.hangup(ref)
        assert recorded(client, ref) == ("answered", "answered", 1)
        for phone in service.far:
            assert phone.wait("ended", timeout=15)["reason"] == "remote"
            phone.forget()
    assert all(relay.dropped["engine"] + relay.dropped["phone"] for relay in service.relays)
