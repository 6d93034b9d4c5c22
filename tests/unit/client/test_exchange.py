"""When a request is sent again: the rules, tried on made-up outcomes without any I/O."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio import (
    ConnectionFailed,
    HoiioException,
    InvalidResponse,
    NotConfigured,
    ServerError,
    TimedOut,
    wire,
)
from hoiio.answer import Answer, parse
from hoiio.exchange import (
    BACKOFF,
    BACKOFF_MAX,
    Exchange,
    Features,
)
from hoiio.transport import HttpRequest
from support.fuzz import cases
from support.steps import Clock, performed, response

BASE = "http://a.example/open/"
OK = '{"status": "success_ok", "txn_ref": "AA-C-1"}'


def asking(features, *, chargeable=True, total=30.0, connect=5.0, retries=2, **edge):
    key = "order-7" if chargeable else None
    headers = {wire.IDEMPOTENCY_HEADER: key} if chargeable else {}
    return Exchange(
        HttpRequest("POST", f"{BASE}voice/call", headers, b"a=b", min(connect, total), total),
        read,
        features,
        base_url=BASE,
        chargeable=chargeable,
        key=key,
        retries=retries,
        **edge,
    )


def read(http):
    return parse(Answer, http)


def knowing(*names):
    features = Features()
    if names:
        features.newest[BASE] = ", ".join(names)
    return features


def run(outcomes, features=None, *, takes=0.0, chance=lambda: 0.5, **about):
    clock = Clock()
    exchange = asking(features or Features(), **about, clock=clock, chance=chance)
    result = performed(exchange.steps(), clock, outcomes, takes=takes)
    return *result, clock.now - 1000.0


def unsent():
    return ConnectionFailed("refused", maybe_sent=False)


def broken():
    return ConnectionFailed("broke", maybe_sent=True)


def late():
    return TimedOut("late", maybe_sent=True)


def limited(after=None, **headers):
    if after is not None:
        headers["Retry_After"] = str(after)
    return response('{"status": "error_rate_limit_exceeded"}', **headers)


def unwell(status=503, text="<html>", **headers):
    return response(text, status, **headers)


OUTCOMES = st.one_of(
    st.builds(unsent),
    st.builds(broken),
    st.builds(late),
    st.builds(limited, st.none() | st.integers(0, 40)),
    st.builds(unwell, st.sampled_from([500, 502, 503, 504]), st.just("<html>")),
    st.builds(unwell, st.just(503), st.just('{"status": "error_service_not_available"}')),
    st.builds(unwell, st.just(404)),
    st.just(response(OK)),
    st.just(response('{"status": "error_dest2_invalid"}')),
)


def may_have_arrived(outcome):
    return not (isinstance(outcome, ConnectionFailed) and not outcome.maybe_sent)


@cases(400)
@given(
    st.lists(OUTCOMES, min_size=60, max_size=60),
    st.booleans(),
    st.booleans(),
    st.integers(0, 4),
    st.floats(0.01, 40),
    st.floats(0, 20),
    st.floats(0, 0.999),
)
def test_whatever_comes(outcomes, chargeable, known, retries, total, takes, chance):
    """Never twice unless twice is once; within the deadline; the truth about all attempts."""
    truths = [may_have_arrived(outcome) for outcome in outcomes]
    answered = [not isinstance(outcome, HoiioException) for outcome in outcomes]
    result, sent, _, took = run(
        outcomes,
        knowing("idempotency") if known else None,
        takes=takes,
        chance=lambda: chance,
        chargeable=chargeable,
        total=total,
        retries=retries,
    )
    tried = len(sent)
    if chargeable and not known:
        # All but the last attempt certainly did not arrive.
        assert not any(truths[: tried - 1])
    assert took <= total + 0.01
    assert all(request.connect <= request.total <= total + 1e-9 for request in sent)
    assert len({request.headers.get(wire.IDEMPOTENCY_HEADER) for request in sent}) == 1
    waits = sum(1 for o in outcomes[:tried] if not isinstance(o, HoiioException) and asked(o))
    assert tried - waits <= retries + 1
    if isinstance(result, HoiioException):
        assert result.maybe_sent is any(
            truth and not (ok and readable(outcome))
            for truth, ok, outcome in zip(truths, answered, outcomes[:tried], strict=False)
        )
        assert result.idempotency_key == ("order-7" if chargeable else None)
        assert ("may have been placed" in str(result)) is (chargeable and result.maybe_sent)
    else:
        assert isinstance(result, Answer)
        if chargeable and not final(result):
            # It does not hide that an attempt before it may have placed the call.
            before = outcomes[: tried - 1]
            assert not any(isinstance(o, HoiioException) and o.maybe_sent for o in before)


def asked(http):
    return (http.headers.get("Retry-After") or "0") != "0"


def readable(http):
    try:
        read(http)
    except InvalidResponse:
        return False
    return True


def final(answer):
    return answer.status != "error_rate_limit_exceeded" and answer.response.status_code < 500


@given(st.floats(0, 0.999999), st.integers(1, 30))
def test_pauses_double_within_bounds_and_are_never_alike(chance, times):
    """From half of it up to the whole of it, the longest capped."""
    failures = [unsent() for _ in range(times + 1)]
    _, sent, slept, _ = run(failures, retries=times, total=10_000.0, chance=lambda: chance)
    assert (len(sent), len(slept)) == (times + 1, times)
    for n, pause in enumerate(slept):
        longest = min(BACKOFF * 2**n, BACKOFF_MAX)
        assert longest / 2 <= pause <= longest
        assert pause == longest * (0.5 + chance / 2)


def test_as_many_retries_as_one_likes():
    """The pause is the longest then."""
    failures = [unsent() for _ in range(1101)]
    _, sent, slept, _ = run(failures, retries=1100, total=1e6)
    assert (len(sent), slept[-1]) == (1101, BACKOFF_MAX * 0.75)


def test_retry_after_is_honoured_and_is_no_failure():
    """However often, as long as there is time."""
    result, sent, slept, took = run(
        [limited(3), limited(3), limited(3), limited(3), response(OK)], chargeable=False
    )
    assert result.is_success()
    assert (len(sent), slept, took) == (5, [3, 3, 3, 3], 12)


def test_a_pause_beyond_the_deadline_is_not_begun():
    """The refusal is the answer, at once."""
    result, sent, slept, _ = run([limited(31)], chargeable=False)
    assert (result.status, len(sent), slept) == ("error_rate_limit_exceeded", 1, [])


def test_a_pause_of_no_seconds_hammers_nobody():
    """It counts as none, so the client takes its own, and gives up."""
    result, sent, slept, _ = run([limited(0) for _ in range(100)], chargeable=False)
    assert (result.status, len(sent)) == ("error_rate_limit_exceeded", 3)
    assert min(slept) >= BACKOFF / 2


def test_a_service_that_is_not_well_is_asked_again_by_those_who_read():
    """Also when it says so in HTML, and also after its Retry-After."""
    result, sent, slept, _ = run(
        [unwell(502), unwell(503, Retry_After="2"), response(OK)], chargeable=False
    )
    assert result.is_success()
    assert len(sent) == 3
    assert slept[1] == 2


@pytest.mark.parametrize("outcome", [broken, late, unwell, limited])
def test_a_chargeable_request_that_may_have_arrived_is_sent_once(outcome):
    """Nothing is known of the service."""
    result, sent, _, _ = run([outcome(), response(OK)])
    assert len(sent) == 1
    if isinstance(result, HoiioException):
        assert result.maybe_sent is True


@pytest.mark.parametrize(
    "outcome", [broken, late, unwell, lambda: limited(1, Hoiio_Features="idempotency")]
)
def test_it_is_sent_again_where_the_key_is_honoured(outcome):
    """With the same key each time."""
    result, sent, _, _ = run([outcome(), response(OK)], knowing("idempotency", "upto"))
    assert (result.txn_ref, len(sent)) == ("AA-C-1", 2)
    assert sent[0].headers == sent[1].headers


def test_a_request_that_never_left_is_sent_again():
    """Whatever is known of the service."""
    result, sent, _, _ = run([unsent(), unsent(), response(OK)])
    assert (result.txn_ref, len(sent)) == ("AA-C-1", 3)


def test_one_lost_attempt_counts_for_all():
    """The last was refused a connection, the first was not."""
    for outcomes in itertools.permutations([broken(), unsent(), unsent()]):
        result, sent, _, _ = run(outcomes, knowing("idempotency"))
        assert (result.maybe_sent, len(sent)) == (True, 3)


@pytest.mark.parametrize(
    "refusal",
    [
        limited(60),
        unwell(503, '{"status": "error_service_not_available"}'),
        response('{"status": "error_service_not_available"}'),
        response('{"status": "error_invalid_access_token"}'),
        response('{"status": "error_of_tomorrow"}'),
    ],
)
def test_a_refusal_does_not_hide_a_lost_attempt(refusal):
    """The caller must not take it for proof that no call was placed."""
    lost = broken()
    result, sent, _, _ = run([lost, refusal, refusal], knowing("idempotency"))
    assert result is lost
    assert result.maybe_sent is True
    assert len(sent) > 1


def test_a_refusal_that_knows_of_the_lost_attempt_is_the_answer():
    """It comes after the key was looked up, so nothing was placed under that key."""
    refusal = response('{"status": "error_insufficient_credit"}')
    result, sent, _, _ = run([broken(), refusal], knowing("idempotency"))
    assert (result.status, len(sent)) == ("error_insufficient_credit", 2)


def test_a_service_that_failed_may_have_placed_the_call():
    """Its error says so, and has the key to ask again with."""
    failed = unwell(500, '{"status": "error_internal_server_error"}')
    result, _, _, _ = run([failed] * 3, knowing())
    with pytest.raises(ServerError, match="may have been placed") as raised:
        result.raise_for_error()
    assert raised.value.maybe_sent is True
    assert raised.value.idempotency_key == result.idempotency_key is not None


def test_a_success_is_an_answer_whatever_the_http_status():
    """A proxy's 502 over the service's own words does not make it be asked again."""
    result, sent, _, _ = run([unwell(502, OK)], knowing("idempotency"))
    assert (result.txn_ref, len(sent)) == ("AA-C-1", 1)


def test_a_proxys_page_does_not_unlearn_what_the_service_can_do():
    """An answer of the service without the header does."""
    features = knowing("idempotency")
    run([unwell(502), response(OK, Hoiio_Features="idempotency")], features)
    assert "idempotency" in features.of(BASE)
    run([response(OK)], features)
    assert features.of(BASE) == features.of("http://b.example/") == frozenset()


def test_what_a_service_can_do_is_as_it_was_said():
    """A transport may use one dict of headers for all its answers."""
    features = Features()
    told = response(OK)
    run([told], features)
    told.headers[wire.FEATURES_HEADER] = "idempotency"
    assert features.of(BASE) == frozenset()
    _, sent, _, _ = run([ConnectionFailed("cut", maybe_sent=True)] * 3, features)
    assert len(sent) == 1


@pytest.mark.parametrize("said", [None, b"idempotency", ["idempotency"]])
def test_what_is_no_header_tells_nothing(said):
    """Least of all may it hide that a call was perhaps lost."""
    features = Features()
    run([response(OK, **{wire.FEATURES_HEADER: said})], features)
    result, sent, _, _ = run([ConnectionFailed("cut", maybe_sent=True)] * 3, features)
    assert (result.maybe_sent, result.idempotency_key, len(sent)) == (True, "order-7", 1)


@pytest.mark.parametrize("error", [NotConfigured("no"), InvalidResponse("no", "")])
def test_what_will_not_get_better_is_not_tried_again(error):
    """Not even by those who read."""
    result, sent, _, _ = run([error], chargeable=False)
    assert result is error
    assert len(sent) == 1


@pytest.mark.parametrize("outcome", [None, {}, "ok"])
def test_what_is_no_response_is_the_transports_mistake(outcome):
    """It is named, and what it has sent may have placed a call."""
    result, sent, _, _ = run([outcome], knowing("idempotency"))
    assert isinstance(result, NotConfigured)
    assert f"the transport's send gave {type(outcome).__name__}, not an HttpResponse" in str(result)
    assert (result.maybe_sent, result.idempotency_key, len(sent)) == (True, "order-7", 1)


def test_a_page_instead_of_an_answer_says_both_what_may_be_and_what_is_wrong():
    """The call, and the URL."""
    result, _, _, _ = run([unwell(404)])
    assert "may have been placed" in str(result)
    assert "check the base URL" in str(result)


def test_who_is_not_reached_is_told_what_to_look_at():
    """Unless a call may have been placed by an attempt before, which is more to look at."""
    result, _, _, _ = run([unsent()] * 3)
    assert str(result) == "refused; see that the service runs, and that base_url is right"
    result, _, _, _ = run([broken(), unsent(), unsent()], knowing("idempotency"))
    assert "may have been placed" in str(result)
