"""Whose number each phone is shown, in every message of its call (api rules 11 and 12).

Through the real service, HTTP to UDP: what scripted phones hear is kept byte by byte and searched.
"""

from contextlib import ExitStack

import pytest

from hoiio import Client
from integration.storage.store import change
from support.service import Service, admin, wait_until
from support.sip_peer import SipPeer

ONE, TWO, OWN, FURTHER, TRUNK = (f"+65{digit * 8}" for digit in "12345")
UP, RINGS = (0, "200 OK", True), (0, "180 Ringing", False)
KEY = ("INFO", "Signal=5\r\nDuration=160\r\n", "application/dtmf-relay")
IDENTITIES = (
    "P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Diversion", "Referred-By",
    "History-Info", "Subject", "Organization",
)  # fmt: skip


@pytest.fixture(scope="module")
def phones():
    with SipPeer(UP) as one, SipPeer(UP) as two:
        yield one, two


@pytest.fixture(scope="module")
def service(tmp_path_factory, phones):
    data = tmp_path_factory.mktemp("caller-ids") / "data"
    routes = dict(zip((ONE, TWO), (phone.uri for phone in phones), strict=True))
    with Service(data, routes=routes).provision(number=OWN) as running:
        change(data, "INSERT INTO numbers (account, number) VALUES (1, ?)", FURTHER)
        yield running.start()


@pytest.fixture
def client(service, phones):
    for phone in phones:
        phone.become(UP)
    with service.client() as client:
        yield client


def over(client, *refs):
    for ref in refs:
        wait_until(lambda ref=ref: client.voice.status(ref).duration is not None, what="the end")


def assert_hidden(messages, *numbers):
    """None of the numbers' digits is in any message, however it is written."""
    for message in messages:
        for number in numbers:
            assert number.removeprefix("+") not in message.text, message.text


def assert_anonymous(messages):
    """A withheld caller: in each request From is anonymous, and nothing else names anybody."""
    (invite, *_) = (each for each in messages if each.method == "INVITE")
    assert invite.all("Privacy") == ["id"]
    assert "anonymous@anonymous.invalid" in invite.get("From")
    assert "anonymous" in invite.get("Contact")
    for message in messages:
        if message.method != "SIP/2.0":
            assert "anonymous@anonymous.invalid" in message.get("From"), message.text
        assert [name for name in IDENTITIES if message.all(name)] == []


def assert_shown(messages, number):
    """From names this number in every request, and nothing asks to withhold it."""
    for message in messages:
        if message.method != "SIP/2.0":
            assert f"sip:{number}@" in message.get("From"), message.text
        assert message.all("Privacy") == []


def talk(client, phones, **asked):
    """A call-back of which each phone hears every kind of message that a call has."""
    one, two = phones
    for phone in phones:
        phone.become(UP, events=False)
    ref = client.voice.call(ONE, TWO, **asked).raise_for_error().txn_ref
    two.wait_for("ACK", timeout=8)
    for phone, other in ((one, two), (two, one)):
        wait_until(lambda phone=phone, other=other: (phone.ask(*KEY), other.heard("INFO"))[1])
        assert phone.reinvite("inactive").start == "SIP/2.0 200 OK"
        assert phone.reinvite(offer=False).start == "SIP/2.0 200 OK"
        assert phone.ask("UPDATE", headers=["Supported: timer", "Session-Expires: 90"])
        phone.ask("OPTIONS")
    assert client.voice.hangup(ref).is_success()
    for phone in phones:
        phone.wait_for("BYE")
        assert {"INVITE", "ACK", "INFO", "BYE", "SIP/2.0"} <= {
            each.method for each in phone.requests
        }
    over(client, ref)
    return one.requests, two.requests


@pytest.mark.parametrize("private", ["private", "p"])
def test_a_withheld_number_is_in_no_message_of_a_call(client, phones, private):
    """Toward dest2 neither it nor the other party's; dest1 sees dest2's number and no more."""
    first, second = talk(client, phones, caller_id=private)
    assert_anonymous(second)
    assert_hidden(second, OWN, FURTHER, ONE)
    assert_shown(first, TWO)
    assert_hidden(first, OWN, FURTHER)


@pytest.mark.parametrize(
    ("asked", "shown", "others"),
    [
        ({}, OWN, FURTHER),
        ({"caller_id": OWN}, OWN, FURTHER),
        ({"caller_id": FURTHER}, FURTHER, OWN),
    ],
)
def test_the_number_that_was_asked_for_is_shown_in_every_message(
    client, phones, asked, shown, others
):
    """The registered one by default; and no other number of the account's or dest1's."""
    first, second = talk(client, phones, **asked)
    assert_shown(second, shown)
    assert_hidden(second, others, ONE)
    assert_shown(first, TWO)
    assert_hidden(first, OWN, FURTHER)


@pytest.mark.parametrize("asked", [{"caller_id": "private"}, {}])
def test_a_cancelled_call_shows_no_more_than_an_answered_one(client, phones, asked):
    """The INVITE, its CANCEL and the ACK of its refusal."""
    one, two = phones
    two.become(RINGS)
    ref = client.voice.call(ONE, TWO, **asked).txn_ref
    two.wait_for("INVITE", timeout=8)
    assert client.voice.hangup(ref).is_success()
    two.wait_for("ACK")
    one.wait_for("BYE")
    assert {each.method for each in two.requests} == {"INVITE", "CANCEL", "ACK"}
    assert_hidden(two.requests, ONE, FURTHER)
    if asked:
        assert_anonymous(two.requests)
        assert_hidden(two.requests, OWN)
    else:
        assert_shown(two.requests, OWN)
    over(client, ref)


@pytest.mark.parametrize("status", ["486 Busy Here", "302 Moved Temporarily"])
def test_a_refused_call_shows_nothing_in_its_ack(client, phones, status):
    """Nor does it try again with more."""
    _, two = phones
    two.become((0, status, False))
    ref = client.voice.call(ONE, TWO, caller_id="private").txn_ref
    two.wait_for("ACK", timeout=8)
    assert_anonymous(two.requests)
    assert_hidden(two.requests, OWN, FURTHER, ONE)
    over(client, ref)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [({"caller_id": "private"}, None), ({}, OWN), ({"caller_id": FURTHER}, FURTHER)],
)
def test_participants_see_the_caller_id_and_never_each_other(client, phones, asked, shown):
    """One is kicked, one leaves by itself: each through all of its messages."""
    one, two = phones
    for phone in phones:
        phone.become(UP, events=False)
    res = client.voice.conference(ONE, TWO, **asked).raise_for_error()
    for phone in phones:
        phone.wait_for("ACK", timeout=8)
        phone.ask(*KEY)
        assert phone.reinvite("inactive").start == "SIP/2.0 200 OK"
    client.voice.moderate(res.txn_refs[0], "mute").raise_for_error()
    client.voice.moderate(res.txn_refs[0], "kick").raise_for_error()
    one.wait_for("BYE")
    two.ask("BYE")
    over(client, *res.txn_refs)
    for phone, other in ((one, TWO), (two, ONE)):
        assert_hidden(phone.requests, other, *({OWN, FURTHER} - {shown}))
        if shown is None:
            assert_anonymous(phone.requests)
        else:
            assert_shown(phone.requests, shown)


# --- by way of a trunk --------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[True, False], ids=["asserted", "not asserted"])
def trunked(request, tmp_path_factory):
    """A service whose calls all go to one provider, which wants credentials."""
    data = tmp_path_factory.mktemp("trunked") / "data"
    with ExitStack() as stack:
        provider = stack.enter_context(SipPeer(UP, challenge=True))
        running = stack.enter_context(Service(data).provision(number=OWN))
        running.config = f"""
[sip.trunk]
host = "127.0.0.1"
port = {provider.port}
user = "acme"
password = "secret"
number = "{TRUNK}"
pai_on_private = {str(request.param).lower()}
"""
        admin(data, "account", "create", "bare", "--credit", "10")
        running.bare = admin(data, "app", "create", "bare")
        running.provider, running.asserts = provider, request.param
        yield running.start()


def through(service, client, **asked):
    """What the provider hears of the second leg of a call that is answered and hung up."""
    provider = service.provider
    provider.become(UP, challenge=True)
    ref = client.voice.call(ONE, TWO, **asked).raise_for_error().txn_ref

    def second():
        calls = {r.get("Call-ID") for r in provider.heard("INVITE") if f"sip:{TWO}@" in r.start}
        return [r for r in list(provider.requests) if r.get("Call-ID") in calls]

    wait_until(lambda: sum(r.method == "ACK" for r in second()) > 1, what="the answer's ACK")
    assert client.voice.hangup(ref).is_success()
    wait_until(lambda: any(r.method == "BYE" for r in second()), what="the BYE")
    over(client, ref)
    assert sum(r.method == "INVITE" for r in second()) == 2, "once more, with credentials"
    return second()


def test_a_trunk_is_told_no_withheld_number_either(trunked):
    """Its own in P-Asserted-Identity where the operator says so, and never another."""
    with trunked.client() as client:
        messages = through(trunked, client, caller_id="private")
    assert_hidden(messages, OWN, ONE)
    for message in messages:
        if message.method in ("INVITE", "ACK", "BYE"):
            assert "anonymous@anonymous.invalid" in message.get("From")
        if message.method == "INVITE":
            assert message.all("Privacy") == ["id"]
            asserted = message.all("P-Asserted-Identity")
            assert len(asserted) == trunked.asserts
            assert all(f"<sip:{TRUNK}@" in identity for identity in asserted)
    if not trunked.asserts:
        assert_hidden(messages, TRUNK)


def test_an_account_without_a_number_shows_the_trunks(trunked):
    """The default of whoever has none."""
    bare = trunked.bare
    with Client(bare["app_id"], bare["access_token"], base_url=trunked.base_url) as client:
        messages = through(trunked, client)
    assert_shown(messages, TRUNK)
    assert_hidden(messages, OWN, ONE)


def test_a_trunk_is_shown_the_number_that_was_asked_for(trunked):
    """The account's own, with nothing asserted beside it."""
    with trunked.client() as client:
        messages = through(trunked, client, caller_id=OWN)
    assert_shown(messages, OWN)
    assert_hidden(messages, ONE, TRUNK)
