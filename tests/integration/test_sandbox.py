"""The testing kit as its users see it: the fixture, its numbers, its clock, its notifications."""

import asyncio
import hmac
import itertools
import os
import signal
import sys
import threading
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest

from hoiio import APIError, AsyncClient, Client, Hoiio, wire
from hoiio.server.sandbox.world import World
from hoiio.testing import (
    ANSWERS,
    BUSY,
    CENTURY,
    FAILED,
    NO_CREDIT,
    RINGS,
    UNANSWERED,
    drops_after,
)

ONE, TWO, THREE = "+6511111111", "+6522222222", "+6533333333"
HOOK = "https://my.app/hook?order=7"
WITHIN = "hoiio.server.sandbox.thread.WITHIN"
PATIENCE = "hoiio.server.sandbox.world.PATIENCE"
IN_VAIN = "error_time_stands_still_until_hoiio_sandbox_advance"


def call(dest2=TWO, dest1=ONE, **options):
    res = Hoiio.voice.call(dest1, dest2, **options)
    assert res.is_success(), res.status
    return res.txn_ref


def statuses(ref):
    res = Hoiio.voice.status(ref)
    return res.call_status_dest1, res.call_status_dest2


def test_a_call_is_billed_and_told_of(hoiio_sandbox):
    ref = call(notify_url=HOOK, tag="order-7")
    hoiio_sandbox.advance(61)
    Hoiio.voice.hangup(ref)
    [told] = hoiio_sandbox.notifications
    assert (told.txn_ref, told.duration, told.tag) == (ref, 2, "order-7")
    assert (told.debit, told.debit_decimal, told.rate) == (0.072, Decimal("0.072"), 0.036)
    assert (told.dest1, told.dest2, told.room, told.currency) == (ONE, TWO, None, "SGD")
    assert (told.call_status_dest1, told.call_status_dest2) == ("answered", "answered")
    assert told.date == Hoiio.voice.status(ref).date
    assert told.params["order"] == "7"
    assert told.url == HOOK


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "status"), [(BUSY, "busy"), (UNANSWERED, "unanswered"), (FAILED, "failed")]
)
def test_a_number_decides_what_comes_of_a_call_at_once(hoiio_sandbox, number, status):
    assert statuses(call(dest2=number)) == ("answered", status)
    assert statuses(call(dest1=number, dest2=TWO)) == (status, "unanswered")
    res = Hoiio.voice.conference(number)
    assert Hoiio.voice.status(res.txn_refs[0]).call_status_dest1 == status
    assert hoiio_sandbox.balance == 1000


def test_a_number_that_rings_is_unanswered_at_its_time_out(hoiio_sandbox):
    ref = call(dest2=RINGS)
    hoiio_sandbox.advance(59)
    assert statuses(ref) == ("ongoing", "ongoing")
    hoiio_sandbox.advance(1)
    assert statuses(ref) == ("answered", "unanswered")


def test_a_number_that_hangs_up_ends_the_call_then(hoiio_sandbox):
    ref = call(dest2=drops_after(90), notify_url=HOOK)
    hoiio_sandbox.advance(89.9)
    assert hoiio_sandbox.notifications == []
    hoiio_sandbox.advance(0.1)
    [told] = hoiio_sandbox.notifications
    assert (told.txn_ref, told.duration) == (ref, 2)


@pytest.mark.parametrize("numbers", [(ONE, NO_CREDIT), (NO_CREDIT, TWO)])
def test_a_number_that_nobody_can_pay_is_refused_for_want_of_credit(hoiio_sandbox, numbers):
    assert Hoiio.voice.call(*numbers).status == wire.Status.INSUFFICIENT_CREDIT
    assert Hoiio.voice.conference(*numbers).status == wire.Status.INSUFFICIENT_CREDIT
    assert Hoiio.voice.history().total_entries_count == 0
    assert hoiio_sandbox.balance == 1000


def test_any_other_number_talks_until_it_is_hung_up(hoiio_sandbox):
    ref = call(dest1=ANSWERS, dest2="+14155550100")
    hoiio_sandbox.advance(3599)
    assert statuses(ref) == ("ongoing", "ongoing")
    Hoiio.voice.hangup(ref)
    assert Hoiio.voice.status(ref).duration == 60


def test_a_room_has_people_come_and_go(hoiio_sandbox):
    room = Hoiio.voice.conference(ONE, drops_after(30), notify_url=HOOK)
    hoiio_sandbox.advance(45)
    assert Hoiio.voice.moderate(room.txn_refs[0], "mute").is_success()
    assert Hoiio.voice.moderate(room.txn_refs[0], "kick").is_success()
    assert [(told.dest1, told.room) for told in hoiio_sandbox.notifications] == [
        (drops_after(30), room.room),
        (ONE, room.room),
    ]


# --- from the phones' side ----------------------------------------------------------------------


def test_a_phone_can_be_picked_up_and_put_down_by_the_test(hoiio_sandbox):
    ref = call(dest2=RINGS)
    hoiio_sandbox.advance(10)
    assert hoiio_sandbox.answer(RINGS) == 1
    hoiio_sandbox.advance(120)
    assert hoiio_sandbox.hang_up(RINGS) == 1
    assert hoiio_sandbox.hang_up(RINGS) == 0
    res = Hoiio.voice.status(ref)
    assert (res.call_status_dest2, res.duration) == ("answered", 2)


# --- the clock ----------------------------------------------------------------------------------


def test_time_stands_still_until_it_is_moved(hoiio_sandbox):
    first = Hoiio.voice.status(call()).date
    second = Hoiio.voice.status(call()).date
    assert first == second
    hoiio_sandbox.advance(3600)
    assert Hoiio.voice.status(call()).date == first + timedelta(hours=1)


def test_minutes_are_held_as_they_are_spoken(hoiio_sandbox):
    ref = call()
    assert hoiio_sandbox.balance == Decimal("999.964")
    hoiio_sandbox.advance(49)
    assert hoiio_sandbox.balance == Decimal("999.964")
    hoiio_sandbox.advance(1)
    assert hoiio_sandbox.balance == Decimal("999.928")
    Hoiio.voice.hangup(ref)
    assert hoiio_sandbox.balance == Decimal("999.964")
    assert Hoiio.account.balance().balance_decimal == hoiio_sandbox.balance


def test_a_longest_duration_cuts_the_call_to_the_second(hoiio_sandbox):
    ref = call(max_duration=600, notify_url=HOOK)
    hoiio_sandbox.advance(100_000)
    [told] = hoiio_sandbox.notifications
    assert (told.txn_ref, told.duration) == (ref, 10)


def test_what_is_due_happens_in_its_order(hoiio_sandbox):
    refs = [call(dest2=drops_after(each), notify_url=HOOK) for each in (30, 10, 20)]
    hoiio_sandbox.advance(60)
    assert [told.txn_ref for told in hoiio_sandbox.notifications] == [refs[1], refs[2], refs[0]]


def test_what_is_due_now_has_happened_before_the_next_request_is_answered(hoiio_sandbox):
    nobody = [f"+65000004{last}" for last in range(80, 88)]
    for _ in range(20):
        last = Hoiio.voice.conference(*nobody).txn_refs[-1]
        assert Hoiio.voice.status(last).call_status_dest1 == "unanswered"


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan"), 1e18, CENTURY + 1])
def test_time_does_not_go_back_nor_to_its_end(hoiio_sandbox, seconds):
    with pytest.raises(ValueError, match="from 0 up"):
        hoiio_sandbox.advance(seconds)


def test_dates_are_those_of_the_day(hoiio_sandbox):
    now = datetime.now(wire.GMT8).replace(tzinfo=None)
    assert abs(Hoiio.voice.status(call()).date - now) < timedelta(minutes=1)


# --- notifications ------------------------------------------------------------------------------


def test_a_notification_is_signed_as_a_real_one(hoiio_sandbox):
    call(dest2=BUSY, notify_url=HOOK)
    [told] = hoiio_sandbox.notifications
    headers = {name.lower(): value for name, value in told.headers.items()}
    expected = wire.signature(hoiio_sandbox.access_token, told.body)
    assert hmac.compare_digest(headers["x-hoiio-signature"], expected)
    stamp = int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == wire.webhook_signature(
        [hoiio_sandbox.signing_secret], headers["webhook-id"], stamp, told.body
    )
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(told.body.decode()))["call_status_dest2"] == "busy"


def test_a_signature_is_dated_by_the_receivers_clock_wherever_time_was_moved(hoiio_sandbox):
    hoiio_sandbox.advance(1_000_000)
    call(dest2=BUSY, notify_url=HOOK)
    [told] = hoiio_sandbox.notifications
    stamp = datetime.fromtimestamp(int(told.headers["webhook-timestamp"]), wire.GMT8)
    assert abs(stamp - datetime.now(wire.GMT8)) < timedelta(minutes=1)


def test_nothing_is_looked_up_or_posted(hoiio_sandbox):
    for url in ("https://no.such.name.invalid/", "http://127.0.0.1:9/", "http://10.0.0.1/"):
        call(dest2=BUSY, notify_url=url)
    assert [told.url for told in hoiio_sandbox.notifications] == [
        "https://no.such.name.invalid/",
        "http://127.0.0.1:9/",
        "http://10.0.0.1/",
    ]
    res = Hoiio.voice.call(ONE, TWO, notify_url="http://127.1/")
    assert res.status == wire.Status.INVALID_NOTIFY_URL


def test_a_receiver_is_called_in_the_tests_own_thread(hoiio_sandbox):
    heard = []
    hoiio_sandbox.deliver_to = lambda told: heard.append((told.tag, threading.get_ident()))
    call(dest2=BUSY, notify_url=HOOK, tag="a")
    assert heard == []
    hoiio_sandbox.advance(0)
    assert heard == [("a", threading.get_ident())]


def test_a_receiver_that_refuses_is_told_again_as_time_goes_on(hoiio_sandbox):
    answers = iter([503, 500, None])
    hoiio_sandbox.deliver_to = lambda told: next(answers)
    call(dest2=BUSY, notify_url=HOOK)
    hoiio_sandbox.advance(4.999999)
    assert len(hoiio_sandbox.notifications) == 1
    hoiio_sandbox.advance(0.000001)
    assert len(hoiio_sandbox.notifications) == 2
    hoiio_sandbox.advance(100_000)
    assert len({told.headers["webhook-id"] for told in hoiio_sandbox.notifications}) == 1
    first, second, third = hoiio_sandbox.notifications
    assert second.at - first.at == timedelta(seconds=5)
    assert third.at - second.at == timedelta(minutes=5)


def test_a_receiver_may_ask_the_service_back(hoiio_sandbox):
    asked = []
    hoiio_sandbox.deliver_to = lambda told: asked.append(Hoiio.voice.status(told.txn_ref).debit)
    call(dest2=drops_after(10), notify_url=HOOK)
    hoiio_sandbox.advance(10)
    assert asked == [0.036]


def test_a_receivers_failure_is_the_tests(hoiio_sandbox):
    def receive(told):
        raise LookupError("no such order")

    hoiio_sandbox.deliver_to = receive
    call(dest2=BUSY, notify_url=HOOK)
    with pytest.raises(LookupError, match="no such order"):
        hoiio_sandbox.advance(0)


@pytest.mark.parametrize("answer", [("", 200), "200", 200.0, True, object()])
def test_a_receiver_that_answers_no_status_fails_the_test(hoiio_sandbox, answer):
    hoiio_sandbox.deliver_to = lambda told: answer
    call(dest2=BUSY, notify_url=HOOK)
    with pytest.raises(TypeError, match="deliver_to returns an HTTP status such as 200, or None"):
        hoiio_sandbox.advance(0)


@pytest.mark.parametrize("number", ["6500000408", "", "+65 0000 0408", "+650", "00000408", "R"])
def test_no_phone_has_what_is_no_number(hoiio_sandbox, number):
    """That nobody was there would look like a fault of the program that is tested."""
    for handle in (hoiio_sandbox.answer, hoiio_sandbox.hang_up):
        with pytest.raises(ValueError, match=r"such as '\+6500000408', not '"):
            handle(number)


@pytest.mark.parametrize("number", [6500000408, None, b"+6500000408", [RINGS]])
def test_no_phone_has_what_is_no_text(hoiio_sandbox, number):
    for handle in (hoiio_sandbox.answer, hoiio_sandbox.hang_up):
        with pytest.raises(TypeError, match=r"a str such as '\+6500000408', not "):
            handle(number)


@pytest.mark.parametrize("seconds", [None, "61", timedelta(seconds=61)])
def test_time_is_moved_by_a_number_of_seconds(hoiio_sandbox, seconds):
    with pytest.raises(TypeError, match="time goes on by seconds, such as 61"):
        hoiio_sandbox.advance(seconds)


def test_a_receiver_cannot_move_time(hoiio_sandbox):
    hoiio_sandbox.deliver_to = lambda told: hoiio_sandbox.advance(1)
    call(dest2=BUSY, notify_url=HOOK)
    with pytest.raises(RuntimeError, match="cannot move time"):
        hoiio_sandbox.advance(0)


# --- isolation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_begins_with_nothing_of_an_earlier_one(hoiio_sandbox, turn):
    assert hoiio_sandbox.balance == 1000
    assert hoiio_sandbox.notifications == []
    assert hoiio_sandbox.deliver_to is None
    assert Hoiio.voice.history().total_entries_count == 0
    hoiio_sandbox.deliver_to = lambda told: 503
    call(notify_url=HOOK)
    call(dest2=RINGS, notify_url=HOOK)
    call(dest2=BUSY, notify_url=HOOK)
    hoiio_sandbox.advance(20)


@pytest.mark.parametrize("turn", [1, 2])
def test_nobody_hears_of_an_earlier_tests_calls(hoiio_sandbox, turn):
    hoiio_sandbox.advance(1_000_000)
    assert hoiio_sandbox.notifications == []
    call(notify_url=HOOK)


def test_the_environment_is_the_tests(hoiio_sandbox):
    assert {name: os.environ[name] for name in hoiio_sandbox.environment} == {
        "HOIIO_BASE_URL": hoiio_sandbox.base_url,
        "HOIIO_APP_ID": hoiio_sandbox.app_id,
        "HOIIO_ACCESS_TOKEN": hoiio_sandbox.access_token,
    }
    assert hoiio_sandbox.base_url.startswith("http://127.0.0.1:")
    assert hoiio_sandbox.client.account.balance().balance == 1000


def test_its_words_keep_its_secrets(hoiio_sandbox):
    assert hoiio_sandbox.access_token not in repr(hoiio_sandbox)


# --- with other things ----------------------------------------------------------------------------


def test_many_threads_may_use_it(hoiio_sandbox):
    refs = []

    def work():
        client = Client()
        refs.extend(client.voice.call(ONE, TWO).txn_ref for _ in range(5))
        client.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(refs)) == 20
    hoiio_sandbox.advance(14_400)
    assert {Hoiio.voice.status(ref).duration for ref in refs} == {240}


def test_a_test_may_have_an_event_loop_of_its_own(hoiio_sandbox):
    async def test():
        async with AsyncClient() as client:
            res = await client.voice.call(ONE, BUSY, notify_url=HOOK)
            hoiio_sandbox.advance(0)
            return res.txn_ref

    ref = asyncio.run(test())
    assert [told.txn_ref for told in hoiio_sandbox.notifications] == [ref]


def test_who_waits_for_what_has_happened_does_not_wait(hoiio_sandbox):
    res = Hoiio.voice.call(ONE, drops_after(10))
    hoiio_sandbox.advance(10)
    assert res.wait(until="ended", timeout=20).duration == 1


def test_what_a_program_told_init_is_put_aside(pytestconfig, request):
    """A module of the application that calls init() at its import asks the sandbox all the same."""
    Hoiio.init("id", "token", base_url="http://127.0.0.1:9/")
    try:
        sandbox = request.getfixturevalue("hoiio_sandbox")
        assert Hoiio.account.balance().balance_decimal == sandbox.balance
    finally:
        Hoiio.init()


# --- what goes wrong ------------------------------------------------------------------------------


def out_of_time(monkeypatch):
    monkeypatch.setattr(WITHIN, 0.05)
    return TimeoutError


def interrupted(monkeypatch):
    monkeypatch.setattr(WITHIN, 20)
    return KeyboardInterrupt


@pytest.fixture
def interruptible():
    """Whoever runs the tests may have them ignore interrupts."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


def waits(thread):
    """Whether it has got as far as that in asking the sandbox."""
    return sys._current_frames()[thread.ident].f_code.co_name == "_next_post"


@pytest.mark.parametrize("given_up", [out_of_time, interrupted])
def test_what_was_given_up_leaves_nothing_behind(
    hoiio_sandbox, monkeypatch, given_up, interruptible
):
    """Neither does it go on, nor does what is asked next take its end for one's own."""
    ended = []

    async def hangs(_):
        try:
            if given_up is interrupted:
                while not waits(threading.main_thread()):
                    await asyncio.sleep(0)
                os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            ended.append("balance")

    with monkeypatch.context() as patch:
        patch.setattr(World, "balance", hangs)
        with pytest.raises(given_up(patch)):
            _ = hoiio_sandbox.balance
    ref = call(drops_after(10), notify_url=HOOK)
    monkeypatch.setattr(WITHIN, 20)
    hoiio_sandbox.advance(10)
    assert [told.txn_ref for told in hoiio_sandbox.notifications] == [ref]
    assert ended == ["balance"]


# --- waiting while time stands still --------------------------------------------------------------


@pytest.fixture
def impatient(hoiio_sandbox, monkeypatch):
    monkeypatch.setattr(PATIENCE, 0.05)
    return hoiio_sandbox


def test_who_would_wait_for_ever_is_told_to_move_the_clock(impatient, caplog, capsys):
    res = Hoiio.voice.call(ONE, TWO)
    assert res.wait().status == IN_VAIN
    assert [told.status for told in res.watch()] == ["success_ok", IN_VAIN]
    # Which of the two pytest shows it in depends on whether the program has set up its log.
    logged = caplog.text + capsys.readouterr().out
    assert "time stands still until hoiio_sandbox.advance" in logged
    with Client(raise_errors=True) as client, pytest.raises(APIError, match=IN_VAIN):
        client.voice.wait(res.txn_ref)


def test_it_is_told_in_async_too(impatient):
    async def test():
        async with AsyncClient() as client:
            return await (await client.voice.call(ONE, TWO)).wait()

    assert asyncio.run(test()).status == IN_VAIN


def test_who_waits_beside_the_test_sees_time_move(hoiio_sandbox, monkeypatch):
    """However often it was looked whether it does."""
    looks = threading.Semaphore(0)

    def moves(world):
        looks.release()
        return next(times)

    times = itertools.count()
    monkeypatch.setattr(PATIENCE, 0.01)
    monkeypatch.setattr(World, "now", moves)
    res = Hoiio.voice.call(ONE, TWO)
    ended = []
    waiting = threading.Thread(target=lambda: ended.append(res.wait()))
    waiting.start()
    for _ in range(20):
        assert looks.acquire(timeout=20)
    hoiio_sandbox.hang_up(TWO)
    waiting.join(20)
    assert [res.is_success() for res in ended] == [True]
