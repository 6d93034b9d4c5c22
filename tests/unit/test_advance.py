"""What a call's end writes: its statuses, its bill, and a notification for whoever asked."""

from itertools import pairwise
from urllib.parse import parse_qs

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio import wire
from hoiio.server.billing.prepaid import Minutes
from hoiio.server.calls import callback, machines, participant, transaction
from hoiio.server.calls.advance import advance
from hoiio.server.calls.inputs import HangUpRequested, TimePassed
from hoiio.server.engines.protocol import Answered, Cause, Ended
from hoiio.server.storage.protocol import NOTHING, CallRecord, Unconnected

REF, ONE, TWO = "AA-C-7", "+6511111111", "+6522222222"
START = 1_700_000_000 * wire.MICROS


def record(**changes):
    call = callback.new(
        REF,
        START,
        numbers=(ONE, TWO),
        sees=(TWO, ONE),
        ring_seconds=(30.0, 60.0),
        max_seconds=600,
        minutes=Minutes(paid=10),
    )
    values = {
        "ref": REF, "application": 1, "account": 1, "ordinal": 1, "date": START,
        "dest1": ONE, "dest2": TWO, "status1": "ongoing", "status2": "ongoing", "room": "",
        "tag": "t", "notify_url": "http://127.0.0.1/hook", "currency": "SGD",
        "rate1": 18_000, "rate2": 18_000, "duration": None, "debit": None, "live": True,
        "state": msgspec.json.encode(call),
    }  # fmt: skip
    return CallRecord(**(values | changes))


BUSY = Ended(f"{REF}-1", START + wire.MICROS, Cause.REMOTE, 486)


def test_the_notification_tells_the_record_as_it_ended():
    """Statuses, duration and debit, which the record itself does not have yet."""
    settlement = advance(record(), [BUSY], START).settlement
    body = parse_qs(settlement.notification.decode(), keep_blank_values=True)
    assert body["call_status_dest1"] == ["busy"]
    assert body["call_status_dest2"] == ["unanswered"]
    assert (body["duration"], body["debit"]) == (["0"], ["0.000"])
    assert "status" not in body


@pytest.mark.parametrize(("notify_url", "told"), [("", False), ("http://127.0.0.1/", True)])
def test_nobody_is_notified_who_did_not_ask(notify_url, told):
    """A call without a notify_url has nothing to deliver."""
    settlement = advance(record(notify_url=notify_url), [BUSY], START).settlement
    assert (settlement.notification is not None) is told


TALK = [
    Answered(f"{REF}-1", START),
    Answered(f"{REF}-2", START + wire.MICROS),
    Ended(f"{REF}-2", START + 62 * wire.MICROS, Cause.REMOTE),
    Ended(f"{REF}-1", START + 62 * wire.MICROS, Cause.HUNG_UP),
]


def settled(**changes):
    changed = record(**changes)
    for event in TALK:
        change = advance(changed, [event], event.at)
        changed = msgspec.structs.replace(changed, state=change.state)
    return change.settlement


def test_each_leg_is_charged_by_its_own_increments_and_fee():
    """61 s: 66 s at 30/6 and 61 s at 1/1; the duration is in started minutes (api rule 19)."""
    bill = settled(initial1=30, increment1=6, fee1=5_000, initial2=1, increment2=1, fee2=7)
    assert bill.duration == 2
    assert bill.debit == 5_000 + 7 + 66 * 300 + 61 * 300
    assert parse_qs(bill.notification.decode())["debit"] == ["0.043107"]


def test_by_the_minute_the_debit_is_duration_times_rate():
    """As every call of the original."""
    assert (settled().duration, settled().debit) == (2, 72_000)


def test_a_participant_pays_no_fee_of_a_second_leg():
    """It has none, whatever its record says of one."""
    assert len(record(dest2="", fee2=5).prices) == 1


def test_no_fee_is_charged_where_nobody_talked():
    """Nothing is billed unless dest2 answers (api rule 18)."""
    bill = advance(record(fee1=5_000), [BUSY], START).settlement
    assert (bill.duration, bill.debit) == (0, 0)


@pytest.mark.parametrize(
    ("waits", "talks", "alone"), [(59, 0.5, 59), (59, 59, 0), (10, 3, 7), (10, 100, 0)]
)
def test_a_second_phone_that_answers_late_and_leaves_at_once_is_no_better_than_none(
    waits, talks, alone
):
    """What dest1 waited is not billed, and counts beyond as long as the two talked."""
    call = record(rate1=60_000, initial1=1, increment1=1)
    answer = START + round(waits * wire.MICROS)
    end = answer + round(talks * wire.MICROS)
    for event in (
        Answered(f"{REF}-1", START),
        Answered(f"{REF}-2", answer),
        Ended(f"{REF}-2", end, Cause.REMOTE),
        Ended(f"{REF}-1", end, Cause.HUNG_UP),
    ):
        change = advance(call, [event], event.at)
        call = msgspec.structs.replace(call, state=change.state)
    assert change.settlement.unconnected == Unconnected(alone, alone * 1000)


def test_a_first_leg_without_a_second_is_told_with_what_it_would_have_cost():
    """By dest1's own price, in started seconds; a call that connected has run up nothing."""
    call = record(rate1=60_000, initial1=1, increment1=1, fee1=5)
    for event in (
        Answered(f"{REF}-1", START),
        Ended(f"{REF}-2", START + 10 * wire.MICROS, Cause.REMOTE, 486),
        Ended(f"{REF}-1", START + 10 * wire.MICROS + 1, Cause.HUNG_UP),
    ):
        change = advance(call, [event], event.at)
        call = msgspec.structs.replace(call, state=change.state)
    assert change.settlement.unconnected == Unconnected(11, 11_005)
    assert change.settlement.debit == 0
    assert settled().unconnected == NOTHING
    assert advance(record(), [BUSY], START).settlement.unconnected == NOTHING


# --- when the talk began --------------------------------------------------------------------------


def a_participant(**changes):
    call = participant.new(
        REF, START, number=ONE, sees=None, room="1/r", ring_seconds=60.0, max_seconds=600
    )
    return record(dest2="", status2="", room="r", state=machines.encode(call), **changes)


def answers(changed, events):
    """``answered_at`` as each of some events writes it, up to the end; and the settlement."""
    written, settlement = [], None
    for event in events:
        change = advance(changed, [event], START + 70 * wire.MICROS)
        written.append(change.answered_at)
        changed = msgspec.structs.replace(changed, state=change.state)
        settlement = change.settlement
        if settlement is not None:
            break
    return written, settlement


def test_a_call_backs_talk_begins_with_dest2s_answer():
    """Not with dest1's; written with the very step, and to its end (api rule 18)."""
    answer = START + wire.MICROS
    written, settlement = answers(record(), TALK)
    assert written == [None, answer, answer, answer]
    assert parse_qs(settlement.notification.decode())["answered_date"] == [wire.format_date(answer)]


def test_a_participants_talk_begins_with_its_own_answer():
    """There is no other leg."""
    leg = f"{REF}-1"
    events = [TimePassed(), Answered(leg, START + 7), Ended(leg, START + 9, Cause.REMOTE)]
    written, settlement = answers(a_participant(), events)
    assert written == [None, START + 7, START + 7]
    assert b"answered_date=" in settlement.notification


def test_where_nobody_talked_no_talk_began():
    """Busy, or an answer that crossed our CANCEL: no record and no notification has it."""
    crossed = [
        TALK[0],
        HangUpRequested(),
        Answered(f"{REF}-2", START + 5),
        Ended(f"{REF}-2", START + 6, Cause.HUNG_UP),
        Ended(f"{REF}-1", START + 6, Cause.HUNG_UP),
    ]
    for events in ([BUSY], crossed):
        written, settlement = answers(record(), events)
        assert set(written) == {None}
        assert b"answered_date" not in settlement.notification


def test_the_fields_tell_it_once_it_is_known_in_the_form_of_date():
    """GMT+8 without a fraction; absent before (api rules 6 and 25)."""
    assert "answered_date" not in transaction.fields(record())
    told = transaction.fields(record(answered_at=1_328_011_575_999_999))
    assert told["answered_date"] == "2012-01-31 20:06:15"
    assert wire.FIELDS["answered_date"] is wire.Kind.DATE


INSTANTS = st.integers(START, START + 100 * wire.MICROS)
LEGS = st.sampled_from([f"{REF}-1", f"{REF}-2"])
EVENTS = st.one_of(
    st.builds(Answered, LEGS, INSTANTS),
    st.builds(Ended, LEGS, INSTANTS, st.sampled_from([Cause.REMOTE, Cause.HUNG_UP])),
    st.sampled_from([HangUpRequested(), TimePassed()]),
)


@given(st.sampled_from([record(), a_participant()]), st.lists(EVENTS, max_size=8))
def test_whatever_happens_it_never_changes_once_it_is_known_and_is_there_where_talk_is_billed(
    call, events
):
    """The instants of events need not be in their order."""
    written, settlement = answers(call, events)
    for earlier, later in pairwise(written):
        assert earlier in {None, later}
    if settlement is not None:
        assert settlement.debit == 0 or written[-1] is not None
        assert (b"answered_date=" in settlement.notification) == (written[-1] is not None)
        assert written[-1] is None or written[-1] <= settlement.ended_at
