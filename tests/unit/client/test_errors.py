"""What is raised: a family for every status, words that say what to do, no token anywhere."""

import copy
import json
import logging
import pickle
import re
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hoiio
from hoiio import (
    APIError,
    Client,
    ConnectionFailed,
    HoiioException,
    InsufficientCredit,
    InvalidArgument,
    InvalidCredentials,
    InvalidParameter,
    InvalidResponse,
    NotAllowed,
    NotConfigured,
    RateLimited,
    Response,
    ServerError,
    TimedOut,
    wire,
)
from hoiio.answer import Answer, parse
from hoiio.errors import api_error
from hoiio.meanings import meaning
from support.steps import response

ERRORS = [status for status in wire.Status if status is not wire.Status.SUCCESS]
FAMILIES = {
    "error_invalid_access_token": InvalidCredentials,
    "error_invalid_app_id": InvalidCredentials,
    "error_insufficient_credit": InsufficientCredit,
    "error_rate_limit_exceeded": RateLimited,
    "error_concurrent_call_limit_reached": RateLimited,
    "error_not_allowed_for_trial": NotAllowed,
    "error_dest1_not_supported": NotAllowed,
    "error_dest2_not_supported": NotAllowed,
    "error_dest_not_supported": NotAllowed,
    "error_internal_server_error": ServerError,
    "error_service_not_available": ServerError,
}
"""All others are the parameters'."""


def refusal(status):
    return parse(Answer, f'{{"status": "{status}"}}')


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("error_" + "x" * 194, "error_" + "x" * 194),
        ("error_" + "x" * 1_000_000, "error_" + "x" * 194 + "…"),
        ("error_" + "x" * 1_000_000 + "_param_missing", "error_" + "x" * 194 + "…"),
        ("error\x1b[2J\r\nFAKE\u202e", "error�[2J��FAKE�"),
        ("error_\ud800", "error_�"),
    ],
    ids=["200 long", "long", "long and of a known form", "with escapes", "half a character"],
)
def test_a_status_that_is_made_up_does_not_fill_the_message(status, words):
    """Nor does it move a terminal's cursor; the whole of it is ``status``."""
    error = api_error(parse(Answer, json.dumps({"status": status})))
    assert str(error) == words
    assert error.status == status


@pytest.mark.parametrize("status", ERRORS)
def test_every_status_has_a_family_and_words(status):
    """The words are not the status again, and are a sentence's beginning."""
    error = api_error(refusal(status))
    assert type(error) is FAMILIES.get(status, InvalidParameter)
    assert isinstance(error, APIError)
    assert isinstance(error, HoiioException)
    assert meaning(status)
    assert str(error) == f"{status}: {meaning(status)}"
    assert error.status == status
    assert error.response.status == status
    assert error.maybe_sent is False


@pytest.mark.parametrize("name", ["dest2", "txn_ref", "app_id", "access_token", "dest"])
def test_a_missing_parameter_is_named(name):
    """Whatever it is called."""
    error = api_error(refusal(wire.param_missing(name)))
    assert type(error) is InvalidParameter
    assert str(error).endswith(f"{name} is missing")


@given(st.from_regex(r"[a-z_]{1,40}", fullmatch=True))
def test_a_status_that_nobody_knows_still_works(status):
    """As the base of all families."""
    res = refusal(status)
    if res.is_success():
        return
    with pytest.raises(APIError) as raised:
        res.raise_for_error()
    assert raised.value.status == status
    assert status in str(raised.value)


def test_what_was_refused_for_its_rate_says_when_to_come_back():
    """None where the service does not."""
    text = '{"status": "error_rate_limit_exceeded"}'
    for header, seconds in [({"Retry_After": "7"}, 7), ({}, None), ({"Retry_After": "soon"}, None)]:
        error = api_error(parse(Answer, response(text, **header)))
        assert isinstance(error, RateLimited)
        assert error.retry_after == seconds


def test_the_families_do_not_overlap_and_are_public():
    """One except clause catches one kind."""
    families = [InvalidCredentials, InvalidParameter, InsufficientCredit, RateLimited, NotAllowed]
    families.append(ServerError)
    for one in families:
        assert one.__mro__[1] is APIError
        assert getattr(hoiio, one.__name__) is one
    assert issubclass(TimedOut, ConnectionFailed)
    assert issubclass(hoiio.WaitTimedOut, TimeoutError)
    assert issubclass(hoiio.InvalidArgument, ValueError)


def test_every_exception_of_the_package_has_the_same_base():
    """So one except clause catches all."""
    for name in hoiio.__all__:
        value = getattr(hoiio, name)
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, HoiioException), name


class Failing:
    """A transport that fails as it is told, and has seen the token."""

    def __init__(self, outcome):
        self.outcome = outcome

    def send(self, request):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def close(self):
        pass


ECHO = "you sent access_token=s3cr%2Fet and s3cr/et"


@pytest.mark.parametrize(
    "outcome",
    [
        ConnectionFailed("broke", maybe_sent=True),
        TimedOut("late", maybe_sent=False),
        response(ECHO, 500),
        response(f'{{"status": "{ECHO}"}}', 200),
        response(f'{{"status": "success_ok", "debit": "{ECHO}"}}'),
        response(f'{{"status": "success_ok", "date": "{ECHO}"}}'),
        response(ECHO + " " * 9_000_000),
        response("x" * 195 + "s3cr/et"),
    ],
)
def test_no_token_in_anything_that_is_shown(outcome, caplog):
    """An exception's words and trace, what is logged, what is printed of a client or a request."""
    caplog.set_level(logging.DEBUG)
    for method in ("POST", "GET"):
        client = Client("id", "s3cr/et", transport=Failing(outcome), method=method, retries=0)
        shown = [repr(client), repr(client.voice)]
        try:
            client.voice.call("+6511111111", "+6522222222").raise_for_error()
        except HoiioException as error:
            shown += [str(error), repr(error), "".join(traceback.format_exception(error))]
            if isinstance(error, APIError):
                continue  # Its words are the service's status, which a service made of the token.
        shown += [record.getMessage() for record in caplog.records]
        assert not re.search("s3c|r/et|r%2Fet", "\n".join(shown))


def test_what_holds_a_request_does_not_show_it():
    """Reporters of crashes print the values of a frame."""
    client = Client("id", "s3cret", method="GET", transport=Failing(response("{}")))
    exchange = client._exchange(hoiio.Response, wire.GET_BALANCE, {}, {})
    steps = exchange.steps()
    assert "s3cret" not in repr(next(steps)) + repr(exchange)
    assert "s3cret" not in "".join(repr(value) for value in steps.gi_frame.f_locals.values())


def test_no_frame_of_a_failure_shows_the_token():
    """Not of what the client does; they print the values of all."""
    garbage = response("<html>", 502)
    for outcome in (garbage, ConnectionFailed("broke", maybe_sent=True)):
        client = Client("id", "s3cret", transport=Failing(outcome), retries=0)
        with pytest.raises(HoiioException) as raised:
            client.voice.status("TX-1")
        trace = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
        # The first frame is this one.
        own = trace.stack[1:]
        assert own
        assert not [frame for frame in own if "s3cret" in repr(frame.locals)]


def test_every_message_says_what_to_do_or_what_is_wrong():
    """Each exception's own words, none empty."""
    error = ConnectionFailed("the connection to a.example broke", maybe_sent=True)
    error.advice = "look at history()"
    assert str(error) == "the connection to a.example broke; look at history()"
    with pytest.raises(InvalidResponse, match=r"HTTP 502, not an answer of the API \(not JSON\)"):
        parse(Answer, response("<html>", 502))


def test_an_argument_that_is_wrong_can_be_pickled_or_says_no():
    """Exceptions cross processes; those with words only come through."""
    copy = pickle.loads(pickle.dumps(hoiio.NotConfigured("no")))
    assert str(copy) == "no"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionFailed("it broke", maybe_sent=True),
        TimedOut("too slow", maybe_sent=False),
        InvalidResponse("not JSON", "<html>", 502),
        InvalidArgument("dest1", "no number"),
        api_error(refusal("error_rate_limit_exceeded")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_whole_out_of_another_process(error):
    """Process pools and task queues pickle what a job raises; maybe_sent must not be lost."""
    error.idempotency_key = "order-7"
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert (again.maybe_sent, again.idempotency_key) == (error.maybe_sent, "order-7")


def test_a_copied_answer_has_its_fields_and_no_client():
    """What it cannot do any more it says."""
    answer = parse(Response, '{"status": "success_ok", "txn_ref": "TX-1", "rate": "0.018"}')
    for again in (pickle.loads(pickle.dumps(answer)), copy.deepcopy(answer)):
        assert (again.txn_ref, again.rate, again.text) == ("TX-1", 0.018, answer.text)
        with pytest.raises(NotConfigured, match="no client"):
            again.wait()
