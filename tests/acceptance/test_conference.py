"""Every example of the voice guide about conferences, and what people do with rooms besides."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from hoiio import Hoiio, InvalidArgument, wire
from support.phones import Phone
from support.service import Service, admin, wait_until

HERTZ = {f"+65{digit * 8}": 400 + 200 * place for place, digit in enumerate("12345")}
ONE, TWO, THREE, FOUR, FIVE = HERTZ


@pytest.fixture(scope="module")
def phones():
    with ExitStack() as stack:
        yield {
            number: stack.enter_context(Phone(number, "--tone", hertz))
            for number, hertz in HERTZ.items()
        }


@pytest.fixture(scope="module")
def service(tmp_path_factory, phones):
    """One with the four phones, and with numbers of a network that never answers."""
    routes = {number: f"sip:{phone.address}" for number, phone in phones.items()}
    routes |= {f"+6577{place:06}": "sip:127.0.0.1:9" for place in range(20)}
    data = tmp_path_factory.mktemp("conference") / "data"
    with Service(data, routes=routes).provision() as prepared:
        admin(data, "account", "create", "other", "--credit", "10")
        other = admin(data, "app", "create", "other")
        prepared.other = other["app_id"], other["access_token"]
        yield prepared.start()


@pytest.fixture(autouse=True)
def quiet(service, phones):
    """Each test begins with no call up and phones that have told nothing."""
    Hoiio.init(service.app_id, service.token, base_url=service.base_url)
    for phone in phones.values():
        phone.forget()
    yield
    for entry in Hoiio.voice.history().entries:
        if entry.duration is None:
            Hoiio.voice.hangup(entry.txn_ref)
    for phone in phones.values():
        wait_until(lambda phone=phone: len(phone.told("ended")) >= len(phone.told("ringing")))


def meet(phones, *numbers, **options):
    """Have these in a room, all of them there."""
    res = Hoiio.voice.conference(*numbers, **options)
    assert res.is_success(), res
    for number in numbers:
        phones[number].wait("answered", timeout=10)
    return res


def hear_each_other(phones, *numbers):
    for number in numbers:
        phones[number].wait_hearing(*(HERTZ[other] for other in numbers if other != number))


def test_make_a_conference_call(phones):
    """Three phones in a room whose id the service makes; each hears the two others."""
    res = Hoiio.voice.conference("+6511111111", "+6522222222", "+6533333333")

    assert isinstance(res.room, str)
    assert len(res.txn_refs) == 3
    assert all(ref.startswith("AA-C-") for ref in res.txn_refs)
    for number in (ONE, TWO, THREE):
        assert phones[number].wait("ringing", timeout=5)["caller_id"] == ONE
    hear_each_other(phones, ONE, TWO, THREE)


def test_add_another_participant_and_hang_one_up(phones):
    """The guide's room; the one who is hung up goes alone, the others talk on."""
    meet(phones, ONE, TWO, room="MY-ROOM")
    res = Hoiio.voice.conference("+6544444444", room="MY-ROOM")

    assert res.room == "MY-ROOM"
    assert len(res.txn_refs) == 1
    hear_each_other(phones, ONE, TWO, FOUR)

    hung_up = Hoiio.voice.hangup(res.txn_refs[0])

    assert hung_up.is_success()
    assert phones[FOUR].wait("ended", timeout=2)["reason"] == "remote"
    hear_each_other(phones, ONE, TWO)
    assert phones[ONE].told("ended") == []


def test_each_participant_has_a_status_a_history_entry_and_a_bill_of_its_own(phones):
    """While it is there, and after it left; the tag is on all of them."""
    before = Hoiio.account.balance().balance_decimal
    total = Hoiio.voice.history().total_entries_count
    refs = meet(phones, ONE, TWO, THREE, tag="team").txn_refs
    live = Hoiio.voice.status(refs[1])
    assert (live.dest1, live.dest2, live.call_status_dest1) == (TWO, "", "ongoing")
    assert (live.call_status_dest2, live.tag, live.duration) == ("", "team", None)
    for ref in refs:
        Hoiio.voice.hangup(ref)
    page = Hoiio.voice.history()
    assert page.total_entries_count == total + 3
    assert [entry.txn_ref for entry in page.entries[:3]] == refs[::-1]
    for entry in page.entries[:3]:
        assert (entry.call_status_dest1, entry.duration, entry.tag) == ("answered", 1, "team")
        assert (entry.rate, entry.debit) == (0.018, 0.018)
        assert entry.json["answered_date"] >= entry.json["date"]
    left = Hoiio.account.balance().balance_decimal
    assert str(before - left) == "0.054"


def test_mute_unmute_and_kick(phones):
    """Muted: not heard, still hears. Kicked: gone."""
    _, ref = meet(phones, ONE, TWO).txn_refs
    hear_each_other(phones, ONE, TWO)
    assert Hoiio.voice.moderate(ref, "mute").is_success()
    phones[ONE].wait_hearing()
    phones[TWO].wait_hearing(HERTZ[ONE])
    assert Hoiio.voice.moderate(ref, "unmute").is_success()
    hear_each_other(phones, ONE, TWO)
    assert Hoiio.voice.moderate(ref, "kick").is_success()
    assert phones[TWO].wait("ended", timeout=2)["reason"] == "remote"
    assert Hoiio.voice.status(ref).duration == 1
    assert Hoiio.voice.moderate(ref, "mute").status == "error_invalid_txn_ref"


def test_who_mutes_is_heard_by_nobody_in_a_full_room(phones):
    """One of five is muted; the four others hear each other."""
    refs = meet(phones, ONE, TWO, THREE, FOUR, FIVE).txn_refs
    hear_each_other(phones, *HERTZ)
    assert Hoiio.voice.moderate(refs[4], "mute").is_success()
    hear_each_other(phones, ONE, TWO, THREE, FOUR)
    phones[FIVE].wait_hearing(*(HERTZ[number] for number in (ONE, TWO, THREE, FOUR)))


def test_the_number_is_withheld_from_all(phones):
    """In no header of any INVITE."""
    meet(phones, TWO, THREE, caller_id="private")
    for number in (TWO, THREE):
        ringing = phones[number].wait("ringing")
        assert ringing["caller_id"] is None
        assert not any("6511111111" in value for _, value in ringing["headers"])


def test_a_busy_participant_costs_nothing_and_disturbs_nobody(phones):
    """A phone takes one call at a time: the second one is refused as busy."""
    first = meet(phones, ONE, TWO)
    (ref,) = Hoiio.voice.conference(TWO, room=first.room).txn_refs
    res = wait_until(lambda: (r := Hoiio.voice.status(ref)).duration is not None and r)
    assert (res.call_status_dest1, res.duration, res.debit) == ("busy", 0, 0.0)
    hear_each_other(phones, ONE, TWO)


def test_one_bad_number_and_nobody_is_called(service, phones):
    """All or nothing."""
    res = Hoiio.voice.conference(ONE, TWO, "+6512")
    assert (res.status, res.txn_refs) == ("error_dest_invalid", None)
    with service.client() as client:
        twice = client.send(wire.CONFERENCE, {"dest": f"{ONE},{ONE}"})
    assert twice.status == "error_dest_invalid"
    for bad in ("+65", ONE):
        with pytest.raises(InvalidArgument):
            Hoiio.voice.conference(ONE, TWO, bad)
    assert phones[ONE].told("ringing") == []


def test_the_ninth_is_refused_also_while_the_others_are_only_being_called():
    """By the room's size, which comes before the account's limit."""
    seven = [f"+6577{place:06}" for place in range(7)]
    assert Hoiio.voice.conference(*seven, room="full").is_success()
    two = [f"+6577{place:06}" for place in (7, 8)]
    assert Hoiio.voice.conference(*two, room="full").status == "error_dest_too_many"
    assert Hoiio.voice.conference(*two[:1], room="full").is_success()
    assert Hoiio.voice.conference(*two[1:], room="full").status == "error_dest_too_many"
    refused = Hoiio.voice.conference(*two[1:])
    assert refused.status == "error_concurrent_call_limit_reached"


def test_of_two_requests_for_the_last_place_one_wins():
    """Whichever comes first."""
    seven = [f"+6577{place:06}" for place in range(7)]
    assert Hoiio.voice.conference(*seven, room="race").is_success()
    with ThreadPoolExecutor(6) as pool:
        asked = pool.map(
            lambda place: Hoiio.voice.conference(f"+6577{place:06}", room="race").status,
            range(7, 13),
        )
        assert sorted(asked) == ["error_dest_too_many"] * 5 + ["success_ok"]


def test_rooms_are_an_applications_own(service, phones):
    """Of the same name, in the same service; nor can another's participant be moderated."""
    (ref,) = meet(phones, ONE, room="shared").txn_refs
    app_id, token = service.other
    other = {"app_id": app_id, "access_token": token}
    (theirs,) = Hoiio.voice.conference(TWO, room="shared", **other).txn_refs
    phones[TWO].wait("answered", timeout=5)
    for phone in (phones[ONE], phones[TWO]):
        assert all(abs(hz - hertz) > 20 for hz in phone.hearing() for hertz in HERTZ.values())
    for action in ("kick", "mute"):
        assert Hoiio.voice.moderate(theirs, action).status == "error_invalid_txn_ref"
    assert Hoiio.voice.hangup(theirs).status == "error_invalid_txn_ref"
    assert Hoiio.voice.status(ref, **other).status == "error_invalid_txn_ref"
    assert Hoiio.voice.hangup(theirs, **other).is_success()


def test_a_room_is_free_again_when_its_last_has_left(phones):
    """The next one of that name is another room, in which nobody waits."""
    (ref,) = meet(phones, ONE, room="again").txn_refs
    Hoiio.voice.hangup(ref)
    phones[ONE].wait("ended")
    meet(phones, TWO, room="again")
    phones[ONE].forget()
    assert phones[TWO].told("ended") == []
    meet(phones, ONE, room="again")
    hear_each_other(phones, ONE, TWO)
