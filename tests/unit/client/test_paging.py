"""Walking through a history: each entry once, whatever is placed meanwhile. No I/O."""

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio import APIError, ConnectionFailed, InvalidResponse
from hoiio.answer import Answer, parse
from hoiio.exchange import PATIENCE, Sleep
from hoiio.paging import Begin, Entries, Finish, pages
from hoiio.request import Query
from support.fuzz import cases
from support.steps import response

START = datetime(2012, 1, 1)
FIRST = Query(None, None, None, None)


class Service:
    """A history that grows at its top; ``seconds`` is when each of its calls was placed."""

    def __init__(self, seconds, *, knows_upto, totals=True, size=100):
        self.calls = []
        self.size = size
        self.knows_upto = knows_upto
        self.totals = totals
        self.refused = []
        self.asked = []
        for second in seconds:
            self.place(second)

    def place(self, second):
        date = (START + timedelta(seconds=second)).isoformat(sep=" ")
        self.calls.insert(0, {"txn_ref": f"TX-{len(self.calls)}", "date": date})

    def answer(self, query):
        self.asked.append(query)
        if self.refused:
            return parse(Answer, self.refused.pop(0))
        found = self.calls
        if query.upto is not None:
            assert self.knows_upto
            refs = [call["txn_ref"] for call in found]
            found = found[refs.index(query.upto) :]
        if query.to is not None:
            found = [call for call in found if call["date"] < query.to]
        if query.from_ is not None:
            found = [call for call in found if call["date"] >= query.from_]
        at = ((query.page or 1) - 1) * self.size
        body = {"status": "success_ok", "entries": found[at : at + self.size]}
        if self.totals:
            body["total_entries_count"] = str(len(found))
        return parse(Answer, json.dumps(body))


def walked(service, query=FIRST, between=lambda: None, failing=None):
    """Every ref told, and every pause; ``between`` happens before each page but the first."""
    steps = pages(service.answer(query), query, lambda q: q, knows_upto=service.knows_upto)
    told, slept, outcome, ahead = [], [], None, None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration:
            return told, slept
        outcome = None
        match step:
            case Begin():
                ahead = step.exchange
            case Finish():
                between()
                outcome = failing or service.answer(ahead)
            case Entries():
                told += [entry.txn_ref for entry in step.entries]
            case Sleep():
                slept.append(step.seconds)


@cases(150)
@given(
    st.lists(st.sampled_from([0, 0, 0, 1, 5]), max_size=450),
    st.lists(st.lists(st.sampled_from([0, 0, 1]), max_size=60), max_size=6),
    st.booleans(),
    st.booleans(),
    st.integers(1, 3),
)
def test_each_call_that_was_there_is_told_once(steps, arrivals, knows_upto, totals, page):
    """From the page on that one begins with; none twice, even of those that come in meanwhile."""
    second, seconds = 0, []
    for step in steps:
        second += step
        seconds.append(second)
    service = Service(seconds, knows_upto=knows_upto, totals=totals)
    there = [call["txn_ref"] for call in service.calls]
    expected = there[(page - 1) * 100 :]
    coming = iter(arrivals)

    def between():
        nonlocal second
        for step in next(coming, []):
            second += step
            service.place(second)

    told, slept = walked(service, Query(page, None, None, None), between)
    assert len(told) == len(set(told))
    assert [ref for ref in told if ref in set(expected)] == expected
    if knows_upto:
        assert told == expected
        assert len(service.asked) <= len(expected) // 100 + 2
    assert slept == []


def test_no_page_is_asked_for_that_the_total_rules_out():
    """Two hundred are two pages."""
    service = Service(range(200), knows_upto=True)
    assert len(walked(service)[0]) == 200
    assert [query.page for query in service.asked] == [None, 2]
    assert {query.upto for query in service.asked[1:]} == {"TX-199"}


def test_two_hundred_and_a_call_within_the_second_of_the_newest():
    """Pinned by a date alone the list grows; then there is a third page."""
    service = Service(range(200), knows_upto=False)
    there = {call["txn_ref"] for call in service.calls}
    told, _ = walked(service, between=lambda: service.place(199))
    assert there <= set(told)
    assert len(told) == len(set(told))


def test_an_empty_history_is_no_entries():
    """And no second question."""
    service = Service([], knows_upto=True)
    assert walked(service) == ([], [])
    assert len(service.asked) == 1


def test_a_page_refused_for_its_rate_is_waited_for():
    """As long as the service says, or the client's own patience."""
    service = Service(range(150), knows_upto=True)
    limited = '{"status": "error_rate_limit_exceeded"}'

    def between():
        if len(service.asked) == 1:
            service.refused = [response(limited, Retry_After="7"), response(limited)]

    told, slept = walked(service, between=between)
    assert (len(told), slept) == (150, [7, PATIENCE])


def test_a_first_page_refused_for_its_rate_is_waited_for_too():
    """Who walks through many histories comes to the limit with some first page."""
    service = Service(range(150), knows_upto=True)
    limited = '{"status": "error_rate_limit_exceeded"}'
    service.refused = [response(limited, Retry_After="7"), response(limited)]
    told, slept = walked(service)
    assert (len(told), slept) == (150, [7, PATIENCE])


def test_a_page_refused_for_another_reason_is_raised():
    """The first, or a later one."""
    service = Service(range(150), knows_upto=True)
    service.refused = [response('{"status": "error_invalid_access_token"}')]
    with pytest.raises(APIError, match="HOIIO_ACCESS_TOKEN"):
        walked(service)

    def between():
        service.refused = [response('{"status": "error_internal_server_error"}')]

    with pytest.raises(APIError, match="error_internal_server_error"):
        walked(service, between=between)


def test_a_page_that_fails_is_raised():
    """As what it failed with."""
    lost = ConnectionFailed("broke", maybe_sent=True)
    with pytest.raises(ConnectionFailed) as raised:
        walked(Service(range(150), knows_upto=True), failing=lost)
    assert raised.value is lost


@pytest.mark.parametrize("empty", [1, 2])
def test_a_list_that_ends_before_its_count_is_not_all_of_it(empty):
    """A bill made of it would be too small."""
    service = Service(range(150), knows_upto=True)
    nothing = response('{"status": "success_ok", "total_entries_count": "150", "entries": []}')

    def between():
        service.refused = [nothing]

    if empty == 1:
        between()
    lost = f"page {empty} has nothing new after {(empty - 1) * 100} of 150 entries"
    with pytest.raises(InvalidResponse, match=lost):
        walked(service, between=between)


class Short(Service):
    """A service that leaves something out of each page, and counts it all the same."""

    def __init__(self, seconds, missing, **options):
        self.missing = missing
        super().__init__(seconds, **options)

    def answer(self, query):
        page = super().answer(query)
        missing = self.missing.get(query.page or 1, 0)
        page.entries = page.entries[: len(page.entries) - missing]
        return page


@pytest.mark.parametrize("knows_upto", [True, False])
@pytest.mark.parametrize(
    ("calls", "missing"),
    [(80, {1: 30}), (250, {2: 60}), (250, {3: 1}), (250, {1: 1}), (200, {2: 1})],
)
def test_a_page_that_is_too_short_is_not_taken_for_all_of_it(calls, missing, knows_upto):
    """Wherever in the list calls are missing, it is said when there are no more."""
    service = Short(range(calls), missing, knows_upto=knows_upto)
    told = calls - sum(missing.values())
    with pytest.raises(InvalidResponse, match=f"nothing new after {told} of {calls} entries"):
        walked(service)


def test_a_page_that_comes_again_is_not_the_next_one():
    """The service counts, yet does not turn pages."""
    service = Service(range(80), knows_upto=True)
    page = {"status": "success_ok", "total_entries_count": "80", "entries": service.calls[:50]}
    service.refused = [response(json.dumps(page)) for _ in range(3)]
    with pytest.raises(InvalidResponse, match="page 2 has nothing new after 50 of 80 entries"):
        walked(service)


@pytest.mark.parametrize("page", [None, 1, 2, 3])
@pytest.mark.parametrize("size", [1, 30, 50, 99, 100, 101, 250])
@pytest.mark.parametrize("knows_upto", [True, False])
def test_pages_of_another_size_are_all_of_it_too(size, page, knows_upto):
    """No page is asked for beyond the end but where its end cannot be known."""
    service = Service(range(200), knows_upto=knows_upto, size=size)
    there = [call["txn_ref"] for call in service.calls]
    query = Query(page, None, None, None)
    rest = there[((page or 1) - 1) * size :]
    if rest:
        assert walked(service, query)[0] == rest
    if page is None:
        assert len(service.asked) == -(-200 // size)


def test_what_is_removed_meanwhile_is_not_missed():
    """The oldest calls, as a service does that keeps them for a time: its count is lower then."""
    service = Service(range(250), knows_upto=True)

    def between():
        del service.calls[120:]

    told, _ = walked(service, between=between)
    assert told == [f"TX-{number}" for number in range(249, 129, -1)]


def test_a_count_on_the_first_page_holds_where_the_others_have_none():
    """An empty page is the end only when all were told."""
    service = Service(range(150), knows_upto=True)

    def between():
        service.totals = False
        service.calls = service.calls[:100]

    with pytest.raises(InvalidResponse, match="after 100 of 150 entries"):
        walked(service, between=between)


def test_a_hundred_calls_within_the_second_of_the_newest():
    """The next page is the first one again, and the count tells that there are more."""
    service = Service(range(150), knows_upto=False)
    there = [call["txn_ref"] for call in service.calls]

    def between():
        if len(service.asked) == 1:
            for _ in range(100):
                service.place(149)

    assert walked(service, between=between)[0] == there


@pytest.mark.parametrize("knows_upto", [True, False])
def test_the_last_of_all_seconds_has_no_second_after_it(knows_upto):
    """So without ``upto`` that list is not pinned."""
    last = (datetime.max.replace(microsecond=0) - START) // timedelta(seconds=1)
    service = Service([*range(149), last], knows_upto=knows_upto)
    assert len(walked(service)[0]) == 150
