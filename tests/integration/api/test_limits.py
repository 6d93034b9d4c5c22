"""Limits over real HTTP: how much one may ask, when one may ask again, what no limit refuses."""

import asyncio

import httpx2
import pytest
from structlog.testing import capture_logs

from hoiio.server.api.application import HANDLERS
from hoiio.server.storage.limits import AccountChanges
from hoiio.server.storage.protocol import MINUTE, Refusal
from hoiio.wire import MICROS, Status
from integration.storage.store import ask, audit
from support.admin import Admin
from support.api import ONE, OWN, TWO, UNPRICED, UNREACHED, Server

EXCEEDED = {"status": Status.RATE_LIMIT_EXCEEDED}
THREE = "+6555555555"
QUERIES = [endpoint.path for endpoint in HANDLERS if not endpoint.chargeable]
CHARGEABLE = ["voice/call", "voice/conference", "conference/call"]
TO_TWO = {"dest": TWO, "dest2": TWO}
"""One request for each of them: what an endpoint does not know it ignores."""


@pytest.fixture
def own(tmp_path):
    """A server of the test's own whose account has the limits of a new one."""
    server = Server(tmp_path / "data")
    limit(server, requests_per_minute=60, calls_per_minute=60, concurrent_calls=1000)
    yield server
    server.stop()


def limit(server, app=None, **changes):
    account = (app or server.app).account.id
    server.run(server.storage.change_account(account, AccountChanges(**changes)))


def later(server, seconds):
    """Move the clocks of the queries and of the calls."""
    server.time[0] += seconds
    server.calls.time += round(seconds * MICROS)


def statuses(server, path, times, **given):
    return [server.ask(path, **given)["status"] for _ in range(times)]


def refused(answer, after):
    """Refused for the rate, with these seconds to wait."""
    assert answer.json() == EXCEEDED
    assert answer.headers["retry-after"] == str(after)


# --- queries ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", QUERIES)
def test_every_query_has_sixty_a_minute_of_its_own(own, path):
    """The sixty-first is refused, and nothing but that API is; a minute later all is open."""
    given = {"dest1": ONE, "dest2": TWO, "txn_ref": "AA-C-1", "action": "mute"}
    assert Status.RATE_LIMIT_EXCEEDED not in statuses(own, path, 60, **given)
    refused(own.answer(path, **given), after=60)
    refused(own.answer(path, method="GET", **given), after=60)
    for other in QUERIES + CHARGEABLE:
        answer = own.ask(other, **given)
        assert (answer == EXCEEDED) == (other == path)
    later(own, 60)
    assert own.ask(path, **given) != EXCEEDED


@pytest.mark.parametrize(
    ("passed", "wait"), [(0, 60), (0.5, 60), (1, 59), (12.3, 48), (59, 1), (59.999, 1)]
)
def test_retry_after_is_what_is_left_of_the_minute(own, passed, wait):
    """In whole seconds, never 0; who waits as long is served, however often it asked meanwhile."""
    limit(own, requests_per_minute=1)
    assert own.ask("user/get_info")["status"] == Status.SUCCESS
    later(own, passed)
    for _ in range(3):
        refused(own.answer("user/get_info"), after=wait)
    later(own, wait)
    assert own.ask("user/get_info")["status"] == Status.SUCCESS


def test_only_what_is_limited_carries_the_header(own):
    limit(own, requests_per_minute=1)
    assert "retry-after" not in own.answer("user/get_info").headers
    assert "retry-after" in own.answer("user/get_info").headers
    assert "retry-after" not in own.answer("user/get_balance").headers


def test_nobody_uses_another_s_queries(own):
    """Neither another account's application nor another one of the same account."""
    second = own.run(own.storage.create_app(own.app.account.id))
    for app in (own.app, own.bare, second):
        limit(own, app, requests_per_minute=2)
    assert statuses(own, "user/get_info", 9).count(Status.RATE_LIMIT_EXCEEDED) == 7
    for app in (own.bare, second):
        told = statuses(own, "user/get_info", 3, app=app)
        assert told == [Status.SUCCESS, Status.SUCCESS, Status.RATE_LIMIT_EXCEEDED]


def test_wrong_credentials_use_nothing_up(own):
    """Who knows an application's id cannot keep it from its queries."""
    limit(own, requests_per_minute=1, calls_per_minute=1)
    for path in ("user/get_info", "voice/call"):
        for wrong in ({"access_token": "guess"}, {"access_token": None}, {"app_id": "nobody"}):
            assert Status.RATE_LIMIT_EXCEEDED not in statuses(own, path, 3, **wrong, **TO_TWO)
        assert own.ask(path, **TO_TWO)["status"] == Status.SUCCESS


@pytest.mark.parametrize("path", QUERIES)
def test_the_limit_comes_after_the_token_and_before_the_parameters(own, path):
    """What lacks its parameters counts too."""
    limit(own, requests_per_minute=1)
    assert own.ask(path) != EXCEEDED
    assert own.ask(path, access_token="guess") == {"status": Status.INVALID_ACCESS_TOKEN}
    assert own.ask(path, dest1="x", txn_ref="x", page="x") == EXCEEDED


def test_a_kick_is_a_query_like_any_other(own):
    """Who must end somebody's part whatever the limit hangs it up."""
    limit(own, requests_per_minute=1)
    ref = own.ask("conference/call", dest=TWO)["txn_refs"][0]
    assert own.ask("conference/moderate", txn_ref=ref, action="mute")["status"] == Status.SUCCESS
    assert own.ask("conference/moderate", txn_ref=ref, action="kick") == EXCEEDED
    assert not own.calls.hung_up
    assert own.ask("voice/hangup", txn_ref=ref)["status"] == Status.SUCCESS


# --- hangups ----------------------------------------------------------------------------------


def test_a_hangup_that_ends_a_live_call_is_never_refused(own):
    """Once it has ended, the limit holds for it as for any; it counts all along (api rule 17)."""
    limit(own, requests_per_minute=2)
    live = [own.ask("voice/call", dest2=TWO)["txn_ref"] for _ in range(2)]
    assert statuses(own, "voice/hangup", 2, txn_ref="AA-C-1") == 2 * [Status.INVALID_TXN_REF]
    refused(own.answer("voice/hangup", txn_ref="AA-C-1"), after=60)
    for ref in live:
        assert own.ask("voice/hangup", txn_ref=ref) == {"status": Status.SUCCESS}
        assert own.calls.hung_up[-1] == ref
        own.settle(ref)
        refused(own.answer("voice/hangup", txn_ref=ref), after=60)
    assert own.calls.hung_up == live
    later(own, 60)
    assert own.ask("voice/hangup", txn_ref=live[0]) == {"status": Status.SUCCESS}


def test_hangups_of_live_calls_use_up_the_minute_of_other_hangups(own):
    limit(own, requests_per_minute=2)
    ref = own.ask("voice/call", dest2=TWO)["txn_ref"]
    assert statuses(own, "voice/hangup", 2, txn_ref=ref) == 2 * [Status.SUCCESS]
    assert own.ask("voice/hangup", txn_ref="AA-C-1") == EXCEEDED


def test_past_the_limit_a_hangup_tells_nothing_of_another_s_call(own):
    """Live or not, it is refused like one that never was; so is one that names none."""
    ref = own.ask("voice/call", own.bare, dest1=ONE, dest2=TWO)["txn_ref"]
    limit(own, requests_per_minute=1)
    own.ask("voice/hangup")
    for given in ({"txn_ref": ref}, {"txn_ref": "x"}, {"txn_ref": ""}, {}):
        assert own.ask("voice/hangup", **given) == EXCEEDED
    assert not own.calls.hung_up


# --- calls ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CHARGEABLE)
def test_calls_of_a_minute_are_the_account_s_whatever_places_them(own, path):
    """One for a request, with however many participants; all three endpoints share them."""
    limit(own, calls_per_minute=3)
    people = {"dest": f"{ONE},{TWO},{THREE}", "dest2": TWO}
    assert statuses(own, path, 3, **people) == 3 * [Status.SUCCESS]
    for other in CHARGEABLE:
        refused(own.answer(other, **people), after=60)
    second = own.run(own.storage.create_app(own.app.account.id))
    assert own.ask("voice/call", second, dest2=TWO) == EXCEEDED
    assert own.ask("voice/call", own.bare, dest1=ONE, dest2=TWO)["status"] == Status.SUCCESS
    assert own.ask("voice/get_rate", dest1=ONE, dest2=TWO)["status"] == Status.SUCCESS
    later(own, 59.2)
    refused(own.answer(path, **people), after=1)
    later(own, 0.8)
    assert own.ask(path, **people)["status"] == Status.SUCCESS


def test_of_fifty_calls_at_once_exactly_as_many_are_placed_as_may_be(own):
    """Ten; who lost them to others in the very last moment is told as well when to come again."""
    limit(own, calls_per_minute=10)
    form = {"app_id": own.app.app_id, "access_token": own.app.access_token, "dest2": TWO}

    async def all_at_once():
        limits = httpx2.Limits(max_connections=50)
        async with httpx2.AsyncClient(limits=limits, timeout=60) as client:
            asking = [client.post(own.base + "voice/call", data=form) for _ in range(50)]
            return await asyncio.gather(*asking)

    answers = asyncio.run(all_at_once())
    placed = [answer for answer in answers if answer.json()["status"] == Status.SUCCESS]
    assert len(placed) == 10
    for answer in answers:
        if answer not in placed:
            refused(answer, after=60)
    assert ask(own.data, "SELECT count(*) FROM calls") == [(10,)]
    audit(own.data)


def test_who_loses_the_last_call_to_others_is_told_when_to_come_again(own):
    """Refused by the admission itself, after the look before it found a call left."""
    limit(own, calls_per_minute=1)
    place = own.calls.place

    async def overtaken(application, order, key):
        await place(application, order, None)
        own.calls.time += 20 * MICROS
        return await place(application, order, key)

    own.calls.place = overtaken
    refused(own.answer("voice/call", dest2=TWO), after=40)
    own.calls.time += MINUTE
    refused(own.answer("conference/call", dest=TWO), after=40)


@pytest.mark.parametrize("path", CHARGEABLE)
def test_a_repetition_under_a_key_takes_nothing(own, path):
    """However often it comes, also when the minute is used up."""
    limit(own, requests_per_minute=2, calls_per_minute=2)
    first = own.ask(path, key="k", **TO_TWO)
    assert statuses(own, path, 20, key="k", **TO_TWO) == 20 * [Status.SUCCESS]
    assert own.ask(path, **TO_TWO)["status"] == Status.SUCCESS
    assert own.ask(path, **TO_TWO) == EXCEEDED
    assert own.ask(path, key="k", **TO_TWO) == first
    assert own.ask(path, key="new", **TO_TWO) == EXCEEDED


def test_the_limit_of_calls_comes_after_the_key_and_before_the_parameters(own):
    """A key that is none or was used for something else is told first."""
    limit(own, calls_per_minute=1)
    own.ask("voice/call", key="k", dest2=TWO)
    assert own.ask("voice/call", key="two words") == {"status": Status.IDEMPOTENCY_KEY_INVALID}
    reused = own.ask("voice/call", key="k", dest2=THREE)
    assert reused == {"status": Status.IDEMPOTENCY_KEY_REUSED}
    assert own.ask("voice/call") == EXCEEDED
    assert own.ask("voice/call", dest2="x") == EXCEEDED


@pytest.mark.parametrize("path", CHARGEABLE)
def test_what_places_nothing_takes_no_call_but_is_not_without_a_limit(own, path):
    """Refused for its numbers or by admission: at most as many as requests or calls a minute."""
    limit(own, requests_per_minute=5, calls_per_minute=3)
    nowhere = {"dest": UNREACHED, "dest2": UNREACHED}
    assert Status.RATE_LIMIT_EXCEEDED not in statuses(own, path, 3, **nowhere)
    own.calls.refuses = Refusal.CREDIT
    assert own.ask(path, **TO_TWO)["status"] == Status.INSUFFICIENT_CREDIT
    own.calls.refuses = None
    assert own.ask(path, **TO_TWO)["status"] == Status.SUCCESS
    refused(own.answer(path, **nowhere), after=60)
    assert ask(own.data, "SELECT minute_calls FROM accounts WHERE id = 1") == [(1,)]


def test_an_account_may_place_more_calls_than_it_may_ask_queries(own):
    """Its calls are not held to the limit of its queries."""
    limit(own, requests_per_minute=1, calls_per_minute=4)
    assert statuses(own, "voice/call", 5, dest2=TWO) == [*4 * [Status.SUCCESS], *EXCEEDED.values()]


# --- trial accounts ---------------------------------------------------------------------------


def test_a_trial_account_calls_its_own_numbers_only(own):
    """The registered one and those added."""
    limit(own, trial=True)
    account = own.app.account.id
    own.run(own.storage.add_number(account, OWN))
    assert own.ask("voice/call", dest2=OWN)["status"] == Status.SUCCESS
    assert own.ask("voice/call", dest1=OWN, dest2=ONE)["status"] == Status.SUCCESS
    assert own.ask("voice/call", dest2=TWO) == {"status": Status.NOT_ALLOWED_FOR_TRIAL}
    other = own.ask("voice/call", dest1=TWO, dest2=OWN)
    assert other == {"status": Status.NOT_ALLOWED_FOR_TRIAL}
    with capture_logs() as lines:
        own.ask("voice/call", dest2=TWO)
    [line] = [line for line in lines if line["event"].startswith("a trial account")]
    assert (line["account"], line["name"], line["numbers"]) == ("AA-1", "acme", TWO)
    assert line["log_level"] == "info"
    for path in ("voice/conference", "conference/call"):
        assert own.ask(path, dest=f"{ONE},{OWN}")["status"] == Status.SUCCESS
        assert own.ask(path, dest=f"{ONE},{TWO}") == {"status": Status.NOT_ALLOWED_FOR_TRIAL}
    assert len(own.calls.orders) == 4
    limit(own, trial=False)
    assert own.ask("voice/call", dest2=TWO)["status"] == Status.SUCCESS


def test_a_trial_account_without_numbers_calls_nobody(own):
    limit(own, own.bare, trial=True)
    answer = own.ask("voice/call", own.bare, dest1=ONE, dest2=TWO)
    assert answer == {"status": Status.NOT_ALLOWED_FOR_TRIAL}


def test_a_trial_is_looked_at_after_the_price_and_before_the_caller_id(own):
    """In the order of api rule 3; prices are told of any number."""
    limit(own, trial=True)
    unpriced = own.ask("voice/call", dest1=TWO, dest2=UNPRICED)
    assert unpriced == {"status": Status.DEST2_NOT_SUPPORTED}
    own_id = own.ask("voice/call", dest2=TWO, caller_id=TWO)
    assert own_id == {"status": Status.NOT_ALLOWED_FOR_TRIAL}
    room = own.ask("voice/conference", dest=TWO, caller_id=TWO)
    assert room == {"status": Status.NOT_ALLOWED_FOR_TRIAL}
    assert own.ask("voice/get_rate", dest1=ONE, dest2=TWO)["status"] == Status.SUCCESS


def test_user_status_tells_whether_it_is_a_trial(own):
    assert own.ask("user/get_info")["user_status"] == "active"
    limit(own, trial=True)
    assert own.ask("user/get_info")["user_status"] == "trial"


# --- the operator's hand ----------------------------------------------------------------------


def test_what_an_operator_sets_counts_at_once(own):
    """By commands of another process, while the service runs."""
    admin = Admin(own.data.parent)
    assert own.ask("user/get_info")["status"] == Status.SUCCESS
    admin("account", "set", "acme", "--requests-per-minute", "1", "--calls-per-minute", "1")
    assert own.ask("user/get_info") == EXCEEDED
    assert statuses(own, "voice/call", 2, dest2=TWO) == [Status.SUCCESS, *EXCEEDED.values()]
    admin("account", "set", "acme", "--requests-per-minute", "3", "--calls-per-minute", "2")
    assert own.ask("user/get_info")["status"] == Status.SUCCESS
    assert statuses(own, "voice/call", 2, dest2=TWO) == [Status.SUCCESS, *EXCEEDED.values()]
    later(own, 60)
    admin("account", "set", "acme", "--trial")
    assert own.ask("voice/call", dest2=OWN) == {"status": Status.NOT_ALLOWED_FOR_TRIAL}
    admin("number", "add", "acme", OWN)
    assert own.ask("voice/call", dest2=OWN)["status"] == Status.SUCCESS
    assert own.ask("user/get_info")["caller_ids"] == [ONE, OWN, "private"]
    later(own, 60)
    admin("number", "remove", "acme", OWN)
    assert own.ask("voice/call", dest2=OWN) == {"status": Status.NOT_ALLOWED_FOR_TRIAL}
