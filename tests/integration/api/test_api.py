"""The HTTP API over real HTTP with a real database; only the calls themselves are pretended."""

import io
import logging
from urllib.parse import urlencode

import httpx2
import pytest
import structlog

from hoiio import wire
from hoiio.server import log
from hoiio.server.api.application import HANDLERS
from hoiio.server.api.http import HEAD_MAX
from hoiio.server.billing.charge import Price
from hoiio.server.billing.tariff import parse_tariff
from hoiio.server.config import Log
from hoiio.server.storage.protocol import Refusal
from hoiio.wire import Status
from support.api import ONE, TWO, UNPRICED, UNREACHED, Server

CHARGEABLE = {"voice/call", "voice/conference", "conference/call"}

# --- requests and answers ---------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_get_and_post_are_alike(server, method):
    assert server.ask("voice/get_rate", method=method, dest1=ONE, dest2=TWO) == {
        "status": "success_ok",
        "currency": "SGD",
        "rate": "0.036",
        "talktime": "2352",
    }


def test_the_headers_of_an_answer(server):
    """The same on success, on an error, on a failure, and on what never became a request."""
    answers = [
        server.answer("user/get_info"),
        httpx2.post(server.base + "user/get_info"),
        httpx2.post(server.base + "nothing"),
        httpx2.put(server.base + "voice/call"),
        httpx2.request("FOO", server.base + "voice/call"),
        httpx2.get(f"http://127.0.0.1:{server.port}/openapi.json"),
    ]
    server.calls.crashes = True
    form = {"app_id": server.app.app_id, "access_token": server.app.access_token, "dest2": TWO}
    answers.append(httpx2.post(server.base + "voice/call", data=form))
    assert answers[-1].status_code == 500
    for answer in answers:
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers.get_list("hoiio-features") == ["idempotency, events, upto"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(server, method):
    answer = httpx2.request(method, server.base + "voice/call")
    assert (answer.status_code, answer.json()) == (200, {"status": Status.INVALID_HTTP_METHOD})


@pytest.mark.parametrize(
    "path", ["voice/nothing", "voice/call/", "", "Voice/Call", "conference/hangup"]
)
def test_an_unknown_path(server, path):
    answer = httpx2.post(server.base + path)
    assert (answer.status_code, answer.json()) == (404, {"status": Status.NOT_FOUND})


def test_every_scalar_is_a_string_and_unknown_parameters_are_ignored(server):
    info = server.ask("user/get_info", nonsense="1")
    assert info.pop("caller_ids") == [ONE, "private"]
    assert info.pop("uid").startswith("AA-")
    assert info == {
        "status": "success_ok",
        "name": "acme",
        "mobile_number": ONE,
        "country": "SG",
        "prefix": "+65",
        "currency": "SGD",
        "time_zone": "GMT+0800SG",
        "user_status": "active",
        "sms_rebrand_status": "disabled",
        "call_rebrand_status": "disabled",
    }


def test_balance(server):
    balance = server.ask("user/get_balance")
    assert balance == {
        "status": "success_ok",
        "currency": "SGD",
        "balance": "84.700",
        "points": "84.700",
        "bonus": "0.000",
    }


def test_a_body_is_form_data_whatever_its_content_type(server):
    form = urlencode({"app_id": server.app.app_id, "access_token": server.app.access_token})
    for content_type in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
        headers = {"Content-Type": content_type}
        answer = httpx2.post(server.base + "user/get_balance", content=form, headers=headers)
        assert answer.json()["status"] == "success_ok"


def test_the_body_wins_over_the_query(server):
    query = urlencode({"app_id": "wrong", "access_token": server.app.access_token})
    answer = httpx2.post(
        f"{server.base}user/get_balance?{query}", data={"app_id": server.app.app_id}
    )
    assert answer.json()["status"] == "success_ok"


HEAD = b"POST /open/voice/call HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (HEAD + b"Content-Length: 10\r\n\r\napp_id=%FF", Status.MALFORMED_PARAMS),
        (HEAD + b"Content-Length: 8\r\n\r\napp_id=\xff", Status.MALFORMED_PARAMS),
        (HEAD + b"Content-Length: 9\r\n\r\napp_id=%F", "error_access_token_param_missing"),
        (HEAD + b"Content-Length: 7\r\n\r\napp_id=", "error_app_id_param_missing"),
        (HEAD + b"Content-Length: 0\r\n\r\n", "error_app_id_param_missing"),
        (
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\napp_i\r\n3\r\nd=x\r\n0\r\n\r\n",
            "error_access_token_param_missing",
        ),
        (
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"4000\r\n" + b"a" * 0x4000 + b"\r\n"
            b"c001\r\n" + b"a" * 0xC001 + b"\r\n0\r\n\r\n",
            Status.MALFORMED_PARAMS,
        ),
        (HEAD + b"Content-Length: 500000\r\n\r\n" + b"a" * 500_000, Status.MALFORMED_PARAMS),
        (b"GARBAGE\r\n\r\n", Status.MALFORMED_PARAMS),
        (b"FOO /open/voice/call HTTP/1.1\r\nHost: x\r\n\r\n", Status.INVALID_HTTP_METHOD),
        (b"get /open/voice/call HTTP/1.1\r\nHost: x\r\n\r\n", Status.INVALID_HTTP_METHOD),
        (b"\x16\x03\x01 /open/voice/call HTTP/1.1\r\n\r\n", Status.MALFORMED_PARAMS),
        (
            b"POST /open/voice/call HTTP/1.1\r\nContent-Length: abc\r\n\r\n",
            Status.MALFORMED_PARAMS,
        ),
        (
            b"GET /open/voice/call?app_id=%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            Status.MALFORMED_PARAMS,
        ),
        (
            b"GET /open/voice/call?" + b"a" * 70_000 + b" HTTP/1.1\r\nConnection: close\r\n\r\n",
            Status.MALFORMED_PARAMS,
        ),
    ],
)
def test_raw_requests(server, request_bytes, status):
    line, answer = server.raw(request_bytes)
    assert line == b"HTTP/1.1 200 OK"
    assert answer == {"status": status}


def test_a_head_without_end_is_cut_off(server):
    line, answer = server.raw((b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_MAX)[: HEAD_MAX + 1])
    assert line == b"HTTP/1.1 200 OK"
    assert answer == {"status": Status.MALFORMED_PARAMS}


def test_a_failure_of_the_service_is_500_and_tells_no_secret(server, monkeypatch):
    lines = io.StringIO()
    log.configure(Log(), lines)

    async def broken(*_):
        raise RuntimeError("no database")

    monkeypatch.setattr(type(server.storage), "application", broken)
    given = {"app_id": "x", "access_token": "very-secret"}
    try:
        answer = httpx2.post(server.base + "user/get_info?x=y", data=given)
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers.clear()
    assert (answer.status_code, answer.json()) == (500, {"status": Status.INTERNAL_SERVER_ERROR})
    logged = lines.getvalue()
    assert "no database" in logged
    assert "very-secret" not in logged


def test_openapi_names_what_is_served_and_nothing_else(server):
    document = httpx2.get(f"http://127.0.0.1:{server.port}/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {f"/open/{endpoint.path}" for endpoint in HANDLERS}
    call = document["paths"]["/open/voice/call"]
    names = [parameter["name"] for parameter in call["get"]["parameters"]]
    assert names == [*wire.CREDENTIALS, *wire.CALL.params, "Idempotency-Key"]
    for path, methods in document["paths"].items():
        chargeable = path.removeprefix("/open/") in CHARGEABLE
        headers = [each["name"] for each in methods["post"]["parameters"]]
        assert headers == (["Idempotency-Key"] if chargeable else [])
        told = methods["get"]["responses"]["200"]["headers"]
        assert told.keys() == {"Hoiio-Features", "Retry-After"}


def test_health(server):
    assert httpx2.get(f"http://127.0.0.1:{server.port}/health").json()["status"] == "success_ok"


# --- the order of checks ----------------------------------------------------------------------

WRONG = [
    # what is wrong, with what it is answered; each must come before all below it
    ({"tag": b"\xff"}, Status.MALFORMED_PARAMS),
    ({"app_id": None}, "error_app_id_param_missing"),
    ({"access_token": None}, "error_access_token_param_missing"),
    ({"app_id": "nobody"}, Status.INVALID_APP_ID),
    ({"access_token": "guess"}, Status.INVALID_ACCESS_TOKEN),
    ({"dest2": None}, "error_dest2_param_missing"),
    ({"dest1": "x"}, Status.DEST1_INVALID),
    ({"dest2": "x"}, Status.DEST2_INVALID),
    ({"caller_id": "x"}, Status.CALLER_ID_INVALID),
    ({"max_duration": "0"}, Status.INVALID_MAX_DURATION),
    ({"tag": "x" * 257}, Status.TAG_INVALID_LENGTH),
    ({"notify_url": "x"}, Status.INVALID_NOTIFY_URL),
    ({"dest1": ONE, "dest2": ONE}, Status.SAME_DEST1_DEST2),
    ({"dest1": UNREACHED}, Status.DEST1_NOT_SUPPORTED),
    ({"dest2": UNPRICED}, Status.DEST2_NOT_SUPPORTED),
    ({"caller_id": TWO}, Status.CALLER_ID_INVALID),
]
PAIRS = [
    (first | {k: v for k, v in second.items() if k not in first}, status)
    for index, (first, status) in enumerate(WRONG)
    for second, _ in WRONG[index:]
]


@pytest.mark.parametrize(("wrong", "status"), PAIRS)
def test_the_first_check_that_fails_is_the_answer(server, wrong, status):
    given = {"dest1": ONE, "dest2": TWO} | wrong
    assert server.ask("voice/call", **given) == {"status": status}
    assert not server.calls.orders


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal.CONCURRENT_CALLS, Status.CONCURRENT_CALL_LIMIT_REACHED),
        (Refusal.CEILING, Status.SERVICE_NOT_AVAILABLE),
        (Refusal.CREDIT, Status.INSUFFICIENT_CREDIT),
    ],
)
def test_what_admission_refuses(server, refusal, status):
    server.calls.refuses = refusal
    assert server.ask("voice/call", dest2=TWO) == {"status": status}


@pytest.mark.parametrize(
    ("path", "given", "status"),
    [
        ("voice/get_rate", {"dest2": TWO}, "error_dest1_param_missing"),
        ("voice/get_rate", {"dest1": "x"}, "error_dest2_param_missing"),
        ("voice/get_rate", {"dest1": ONE, "dest2": ONE}, Status.SAME_DEST1_DEST2),
        ("voice/get_rate", {"dest1": UNPRICED, "dest2": UNREACHED}, Status.DEST1_NOT_SUPPORTED),
        ("voice/get_rate", {"dest1": ONE, "dest2": UNREACHED}, Status.DEST2_NOT_SUPPORTED),
        ("voice/hangup", {}, "error_txn_ref_param_missing"),
        ("voice/hangup", {"txn_ref": "AA-C-0"}, Status.INVALID_TXN_REF),
        ("voice/query_status", {"txn_ref": ""}, "error_txn_ref_param_missing"),
        ("voice/query_status", {"txn_ref": "x' OR 1=1"}, Status.INVALID_TXN_REF),
        ("voice/get_history", {"from": "x", "to": "x", "page": "x"}, Status.FROM_INVALID),
        ("voice/get_history", {"to": "x", "page": "x"}, Status.TO_INVALID),
        ("voice/get_history", {"page": "0"}, Status.PAGE_INVALID),
        (
            "voice/get_history",
            {"from": "2012-01-02 00:00:00", "to": "2012-01-01 00:00:00"},
            Status.TO_BEFORE_FROM,
        ),
        ("voice/get_history", {"upto": "AA-C-0"}, Status.INVALID_TXN_REF),
    ],
)  # fmt: skip
def test_what_else_is_refused(server, path, given, status):
    assert server.ask(path, **given) == {"status": status}


# --- calls ------------------------------------------------------------------------------------


def test_a_call_is_ordered_as_asked(server):
    answer = server.ask(
        "voice/call",
        dest1=ONE,
        dest2=" 6522222222",
        caller_id="private",
        max_duration="600",
        tag="é",
        notify_url="http://127.0.0.1/x",
    )
    assert answer["status"] == "success_ok"
    [order] = server.calls.orders
    assert (order.dest1, order.dest2, order.dest1_sees, order.dest2_sees) == (ONE, TWO, TWO, None)
    assert (order.price1, order.price2) == (Price(18_000), Price(18_000))
    assert order.max_duration == 600
    assert (order.tag, order.notify_url) == ("é", "http://127.0.0.1/x")


def test_the_registered_number_is_the_default(server):
    server.ask("voice/call", dest2=TWO)
    [order] = server.calls.orders
    assert (order.dest1, order.dest2_sees, order.max_duration) == (ONE, ONE, None)


def test_without_a_registered_number_dest1_is_required_and_the_caller_withheld(server):
    refused = server.ask("voice/call", app=server.bare, dest2=TWO)
    assert refused == {"status": "error_dest1_param_missing"}
    server.ask("voice/call", app=server.bare, dest1=ONE, dest2=TWO)
    assert server.calls.orders[0].dest2_sees is None


def test_a_call_is_looked_up_hung_up_and_listed_by_its_application_alone(server):
    ref = server.ask("voice/call", dest2=TWO, tag="mine")["txn_ref"]
    status = server.ask("voice/query_status", txn_ref=ref)
    assert status == {
        "status": "success_ok",
        "txn_ref": ref,
        "tag": "mine",
        "dest1": ONE,
        "dest2": TWO,
        "call_status_dest1": "ongoing",
        "call_status_dest2": "ongoing",
        "date": "2012-01-31 12:06:15",
        "currency": "SGD",
        "rate": "0.036",
    }
    history = server.ask("voice/get_history")
    assert history["entries"][0] == {k: v for k, v in status.items() if k != "status"}
    assert (
        history["entries_count"] == history["total_entries_count"] == str(len(history["entries"]))
    )
    for path in ("voice/query_status", "voice/hangup"):
        foreign = server.ask(path, app=server.bare, txn_ref=ref)
        assert foreign == {"status": Status.INVALID_TXN_REF}
    assert not server.calls.hung_up
    assert server.ask("voice/hangup", txn_ref=ref) == {"status": "success_ok"}
    assert server.calls.hung_up == [ref]


def test_history_bounds_and_pages(server):
    ref = server.ask("voice/call", dest2=TWO)["txn_ref"]
    date = "2012-01-31 12:06:15"
    later = "2012-01-31 12:06:16"
    inside = server.ask("voice/get_history", **{"from": date, "to": later})
    assert inside["entries"][0]["txn_ref"] == ref
    for bounds in ({"to": date}, {"from": later}, {"from": date, "to": date}):
        assert server.ask("voice/get_history", **bounds)["total_entries_count"] == "0"
    for page in ("2", "9" * 40):
        beyond = server.ask("voice/get_history", page=page)
        assert (beyond["status"], beyond["entries"]) == ("success_ok", [])
        assert beyond["total_entries_count"] == inside["total_entries_count"]
    server.ask("voice/call", dest2=TWO)
    assert server.ask("voice/get_history", upto=ref)["entries"][0]["txn_ref"] == ref


def test_a_hangup_that_is_not_settled_in_time_says_so(server):
    ref = server.ask("voice/call", dest2=TWO)["txn_ref"]
    server.calls.settles = False
    assert server.ask("voice/hangup", txn_ref=ref) == {"status": Status.SERVICE_NOT_AVAILABLE}


# --- revoked ----------------------------------------------------------------------------------


def test_a_request_under_way_when_its_application_is_revoked_places_nothing(tmp_path):
    """After its token was proved, and before anything is written."""
    server = Server(tmp_path / "data")
    place = server.calls.place_call

    async def revoked_first(application, order, key=None):
        await server.storage.revoke(application.app_id)
        return await place(application, order, key)

    server.calls.place_call = revoked_first
    try:
        told = server.ask("voice/call", dest2=TWO)
        assert told == {"status": Status.INVALID_APP_ID}
        assert server.run(server.storage.live_calls()) == []
    finally:
        server.stop()


# --- guessing ---------------------------------------------------------------------------------


def guess(server, *tokens, app=None):
    """The statuses of asking with these tokens for an application."""
    app_id = (app or server.app).app_id
    return [server.ask("user/get_info", app_id=app_id, access_token=t)["status"] for t in tokens]


@pytest.fixture
def guarded(tmp_path):
    """Eight misses a minute an address, two of them different tokens for one application."""
    server = Server(tmp_path / "data", guesses=8)
    yield server
    server.stop()


def test_past_its_limit_a_guess_is_not_served_though_it_is_right(guarded):
    """For the application that is guessed at; whose minute over, whose token counts again."""
    assert guess(guarded, "a", "b") == 2 * [Status.INVALID_ACCESS_TOKEN]
    answer = guarded.answer("user/get_info")
    assert answer.json() == {"status": Status.RATE_LIMIT_EXCEEDED}
    assert answer.headers["retry-after"] == "60"
    assert guess(guarded, "c") == [Status.RATE_LIMIT_EXCEEDED]
    assert guarded.ask("user/get_info", guarded.bare)["status"] == Status.SUCCESS
    guarded.time[0] += 60
    assert guarded.ask("user/get_info")["status"] == Status.SUCCESS


def test_who_knows_no_application_keeps_nobody_out(guarded):
    """All traffic may come from one proxy: strangers' nonsense only makes answers vaguer."""
    for n in range(30):
        status = guarded.ask("user/get_info", app_id=f"x{n}")["status"]
        assert status == (Status.INVALID_APP_ID if n < 8 else Status.RATE_LIMIT_EXCEEDED)
    assert guess(guarded, "a") == [Status.RATE_LIMIT_EXCEEDED], "not told that it exists"
    assert guarded.ask("user/get_info")["status"] == Status.SUCCESS


def test_guesses_at_many_applications_close_the_address_but_not_to_those_known_there(guarded):
    """For an hour from their last success."""
    owner = guarded.app.account.id
    others = [guarded.run(guarded.storage.create_app(owner)) for _ in range(4)]
    quiet = guarded.run(guarded.storage.create_app(owner))
    assert guarded.ask("user/get_info")["status"] == Status.SUCCESS
    for other in others:
        guess(guarded, "a", "b", app=other)
    assert guarded.ask("user/get_info", quiet)["status"] == Status.RATE_LIMIT_EXCEEDED
    assert guarded.ask("user/get_info")["status"] == Status.SUCCESS


def test_a_hangup_that_ends_a_call_is_not_refused_for_guesses(guarded):
    """With a right token; one of a call that has ended is, and every guess."""
    ref = guarded.ask("voice/call", dest2=TWO)["txn_ref"]
    guess(guarded, "a", "b")
    exceeded = {"status": Status.RATE_LIMIT_EXCEEDED}
    assert guarded.ask("voice/hangup", txn_ref=ref, access_token="c") == exceeded
    assert guarded.ask("voice/hangup", txn_ref="AA-C-1") == exceeded
    assert guarded.ask("voice/hangup", txn_ref=ref) == {"status": Status.SUCCESS}
    guarded.settle(ref)
    assert guarded.ask("voice/hangup", txn_ref=ref) == exceeded


def test_a_short_token_is_not_found_by_hangups_either(guarded):
    """It would be, if a right one ended the call and a wrong one did not."""
    owner = guarded.app.account.id
    weak = guarded.run(guarded.storage.create_app(owner, "legacy", "7345"))
    ref = guarded.ask("voice/call", weak, dest1=ONE, dest2=TWO)["txn_ref"]
    guess(guarded, "a", "b", app=weak)
    told = guarded.ask("voice/hangup", weak, txn_ref=ref)
    assert told == {"status": Status.RATE_LIMIT_EXCEEDED}
    assert not guarded.calls.hung_up


def test_fees_come_off_before_the_minutes(server):
    """The rate is told without them, and talktime is what they leave (api rule 20)."""
    rows = parse_tariff(["prefix,rate,fee", "65,0.018,", "1,0.018,84.628"])
    server.run(server.storage.import_tariff("SGD", rows))
    told = server.ask("voice/get_rate", dest1=ONE, dest2=UNPRICED)
    server.run(server.storage.import_tariff("SGD", parse_tariff(["prefix,rate", "65,0.018"])))
    assert (told["rate"], told["talktime"]) == ("0.036", "2")
