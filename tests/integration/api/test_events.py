"""What whoever watches a call is promised, and what no watcher can do to the service.

The streams are read byte by byte from a real server. Nothing here depends on how fast it is.
"""

import contextlib
import socket

import pytest
from structlog.testing import capture_logs

from hoiio.server.api.events import Streams
from hoiio.server.api.http import Limits, bind
from hoiio.server.readers import Address
from hoiio.server.storage.errors import StorageError
from hoiio.server.storage.limits import AccountChanges
from hoiio.server.storage.protocol import Change
from hoiio.wire import MICROS
from support.api import TWO, UNHURRIED, Server
from support.service import Service, wait_until
from support.watching import Stream

HASTY = Limits(request_within=0.1, idle_within=0.1)


def a_call(server, app=None):
    return server.ask("voice/call", app, dest1="+6511111111", dest2=TWO)["txn_ref"]


def watch(server, ref, app=None, **given):
    app = app or server.app
    given = {"app_id": app.app_id, "access_token": app.access_token, "txn_ref": ref} | given
    return Stream(server.port, **given)


def status(server, ref):
    return server.ask("voice/query_status", txn_ref=ref)


def step(server, ref, status1, status2):
    """Commit a change of a call that is up, and tell it as the controller does."""

    async def change():
        await server.storage.advance(
            ref, lambda record: Change(record.state, status1, status2, None, None)
        )
        server.desk.watchers.changed(ref)

    server.run(change())


def nobody_watches(server):
    return not len(server.streams) and not len(server.desk.watchers)


@pytest.fixture(scope="module")
def restless(tmp_path_factory):
    """A server whose streams are never silent for long, and few."""
    streams = Streams(each=3, overall=5, keep_alive=0.05)
    server = Server(tmp_path_factory.mktemp("restless") / "data", streams=streams)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def gone(request):
    """No test leaves a watcher behind, whatever it did."""
    yield
    for name in {"server", "restless"} & set(request.fixturenames):
        server = request.getfixturevalue(name)
        server.settle()
        wait_until(lambda: nobody_watches(server), what=f"the leave of all watchers of {name}")  # noqa: B023


# --- what a watcher sees ----------------------------------------------------------------------


def test_the_head_is_that_of_an_event_stream(server):
    with watch(server, a_call(server)) as stream:
        assert stream.line == "HTTP/1.1 200 OK"
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-store"
        assert stream.headers["hoiio-features"] == "idempotency, events, upto"


def test_the_call_as_it_is_comes_at_once_and_its_end_is_the_end(server):
    ref = a_call(server)
    with watch(server, ref) as stream:
        first = stream.part()
        assert first == status(server, ref)
        assert first["call_status_dest1"] == "ongoing"
        assert "duration" not in first
        server.settle(ref)
        last = stream.part()
        assert last == status(server, ref)
        assert (last["call_status_dest1"], last["duration"]) == ("failed", "0")
        assert stream.part() is None


def test_every_change_comes_once_and_in_order(server):
    ref = a_call(server)
    with watch(server, ref) as stream:
        seen = [stream.part()]
        for each in ("one", "two", "three"):
            step(server, ref, each, "ongoing")
            seen.append(stream.part())
            assert seen[-1] == status(server, ref)
        server.settle(ref)
        seen += stream.rest()
    told = [each["call_status_dest1"] for each in seen]
    assert told == ["ongoing", "one", "two", "three", "failed"]


def test_what_a_status_would_not_show_is_no_event(server):
    """As when dest2 is dialled, or a minute is paid: such a step shows as a comment at most."""
    ref = a_call(server)
    with watch(server, ref) as stream:
        seen = [stream.part()]
        for _ in range(5):
            step(server, ref, "ongoing", "ongoing")
        server.settle(ref)
        seen += stream.rest()
    assert [each["call_status_dest1"] for each in seen] == ["ongoing", "failed"]


def test_a_call_that_had_ended_is_one_event(server):
    ref = a_call(server)
    server.settle(ref)
    with watch(server, ref) as stream:
        assert stream.rest() == [status(server, ref)]


def test_a_connection_serves_on_after_its_stream(server):
    ref = a_call(server)
    server.settle(ref)
    with watch(server, ref) as stream:
        stream.rest()
        stream.sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b'{"status":"success_ok"}' in stream.file.read()


def test_a_participant_is_watched_alone(server):
    both = server.ask("voice/conference", dest=f"{TWO},+6533333333")["txn_refs"].split(",")
    with watch(server, both[0]) as first, watch(server, both[1]) as second:
        assert first.part()["txn_ref"] == both[0]
        assert second.part()["txn_ref"] == both[1]
        server.settle(both[0])
        assert [each["txn_ref"] for each in first.rest()] == [both[0]]
        server.settle(both[1])
        assert [each["call_status_dest1"] for each in second.rest()] == ["failed"]


def test_get_is_as_good_as_post(server):
    ref = a_call(server)
    server.settle(ref)
    answer = server.answer("voice/events", method="GET", txn_ref=ref)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.startswith('data: {"status":"success_ok"')


def test_a_hundred_watchers_of_one_call_all_see_all_of_it(server):
    ref = a_call(server)
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(watch(server, ref)) for _ in range(100)]
        seen = [[stream.part()] for stream in streams]
        step(server, ref, "one", "ongoing")
        for events, stream in zip(seen, streams, strict=True):
            events.append(stream.part())
        server.settle(ref)
        for events, stream in zip(seen, streams, strict=True):
            events.extend(stream.rest())
    told = {tuple(each["call_status_dest1"] for each in events) for events in seen}
    assert told == {("ongoing", "one", "failed")}


def test_a_change_that_nobody_told_of_is_seen_at_the_next_sign_of_life(restless):
    """As when another process wrote it."""
    ref = a_call(restless)
    with watch(restless, ref) as stream:
        assert stream.part()["call_status_dest1"] == "ongoing"
        restless.run(
            restless.storage.advance(
                ref, lambda record: Change(record.state, "other", "ongoing", None, None)
            )
        )
        assert stream.event()["call_status_dest1"] == "other"


def test_a_silent_call_shows_signs_of_life(restless):
    with watch(restless, a_call(restless)) as stream:
        stream.part()
        assert [stream.part() for _ in range(10)] == ["keep-alive"] * 10


# --- who may watch ----------------------------------------------------------------------------


def refusal(server, **given):
    with watch(server, given.pop("txn_ref", "AA-C-1"), **given) as stream:
        assert stream.line == "HTTP/1.1 200 OK"
        assert stream.headers["content-type"] == "application/json"
        return stream.answer()["status"]


def test_refusals_are_those_of_a_status(server):
    ref = a_call(server)
    assert refusal(server, app_id=None) == "error_app_id_param_missing"
    assert refusal(server, access_token=None) == "error_access_token_param_missing"
    assert refusal(server, app_id="nobody") == "error_invalid_app_id"
    assert refusal(server, txn_ref=ref, access_token="guess") == "error_invalid_access_token"
    assert refusal(server, txn_ref=None) == "error_txn_ref_param_missing"
    assert refusal(server, txn_ref="AA-C-999999") == "error_invalid_txn_ref"
    assert refusal(server, txn_ref="nonsense") == "error_invalid_txn_ref"


def test_anothers_call_is_as_one_that_never_was(server):
    ref = a_call(server)
    assert refusal(server, txn_ref=ref, app=server.bare) == "error_invalid_txn_ref"
    server.settle(ref)
    assert refusal(server, txn_ref=ref, app=server.bare) == "error_invalid_txn_ref"


def test_anothers_changes_are_not_seen(server):
    mine, others = a_call(server), a_call(server, server.bare)
    with watch(server, mine) as stream:
        seen = [stream.part()]
        step(server, others, "secret", "secret")
        server.settle(others)
        server.settle(mine)
        seen += stream.rest()
    assert [each["txn_ref"] for each in seen] == [mine, mine]


def test_requests_for_streams_are_counted_as_an_api_of_their_own(server):
    ref = a_call(server)
    server.settle(ref)
    account = server.bare.account.id
    server.time[0] += 61  # a minute of its own
    server.run(server.storage.change_account(account, AccountChanges(requests_per_minute=2)))
    try:
        for _ in range(2):
            assert refusal(server, app=server.bare) == "error_invalid_txn_ref"
        with watch(server, ref, server.bare) as stream:
            assert stream.answer()["status"] == "error_rate_limit_exceeded"
            assert int(stream.headers["retry-after"]) > 0
        assert server.ask("voice/query_status", server.bare, txn_ref=ref)["status"] == (
            "error_invalid_txn_ref"
        )
    finally:
        server.run(server.storage.change_account(account, UNHURRIED))


def an_app(server):
    return server.run(server.storage.create_app(server.app.account.id))


def test_a_revoked_application_sees_nothing_more(server):
    """The change that comes after is not told, whatever it is."""
    app = an_app(server)
    ref = a_call(server, app)
    with watch(server, ref, app) as stream:
        stream.part()
        server.run(server.storage.revoke(app.app_id))
        server.settle(ref)
        assert stream.part() is None


def test_a_revoked_applications_streams_end_by_themselves(restless):
    app = an_app(restless)
    with watch(restless, a_call(restless, app), app) as stream:
        stream.part()
        restless.run(restless.storage.revoke(app.app_id))
        assert stream.rest() == []


def test_a_token_that_was_rotated_away_sees_nothing_more(server):
    app = an_app(server)
    ref = a_call(server, app)
    with watch(server, ref, app) as stream:
        stream.part()
        server.run(server.storage.rotate_token(app.app_id, "another-token-of-it", 0))
        server.settle(ref)
        assert stream.part() is None


def test_a_former_token_that_is_still_good_sees_all(server):
    app = an_app(server)
    ref = a_call(server, app)
    with watch(server, ref, app) as stream:
        stream.part()
        server.run(server.storage.rotate_token(app.app_id, "another-token-of-it", 3600 * MICROS))
        server.settle(ref)
        assert [each["call_status_dest1"] for each in stream.rest()] == ["failed"]


# --- how many ---------------------------------------------------------------------------------


def full(server, ref, app):
    with watch(server, ref, app) as stream:
        assert stream.answer()["status"] == "error_rate_limit_exceeded"
        assert int(stream.headers["retry-after"]) > 0
    return True


def opened(stack, server, ref, app, count):
    streams = [stack.enter_context(watch(server, ref, app)) for _ in range(count)]
    for stream in streams:
        assert stream.part()["status"] == "success_ok"
    return streams


def test_one_applications_streams_are_bounded_and_take_no_place_of_anothers(restless):
    mine, others = an_app(restless), an_app(restless)
    ref, other = a_call(restless, mine), a_call(restless, others)
    with contextlib.ExitStack() as stack:
        opened(stack, restless, ref, mine, 3)
        assert full(restless, ref, mine)
        opened(stack, restless, other, others, 1)


def test_all_streams_together_are_bounded(restless):
    mine, others = an_app(restless), an_app(restless)
    ref, other = a_call(restless, mine), a_call(restless, others)
    with contextlib.ExitStack() as stack:
        opened(stack, restless, ref, mine, 3)
        opened(stack, restless, other, others, 2)
        assert full(restless, other, others)


def test_who_leaves_frees_the_place_at_once(server):
    """Though the call goes on, and long before the next sign of life."""
    ref = a_call(server)
    with watch(server, ref) as stream:
        stream.part()
        assert len(server.streams) == 1
    wait_until(lambda: nobody_watches(server), what="the place's release")


def test_who_leaves_with_a_request_behind_the_stream_frees_the_place(restless):
    """Such a request stops the reading, so only writing shows that nobody is there."""
    with watch(restless, a_call(restless)) as stream:
        stream.part()
        stream.sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    wait_until(lambda: nobody_watches(restless), what="the place's release")


def test_the_end_of_a_call_frees_the_place_though_its_watcher_stays(server):
    ref = a_call(server)
    with watch(server, ref) as stream:
        stream.part()
        server.settle(ref)
        stream.rest()
        wait_until(lambda: nobody_watches(server), what="the place's release")


def test_a_refusal_takes_no_place(restless):
    for _ in range(10):
        assert refusal(restless) == "error_invalid_txn_ref"
    with contextlib.ExitStack() as stack:
        app = an_app(restless)
        opened(stack, restless, a_call(restless, app), app, 3)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="a promise of Linux")
def test_who_vanished_without_a_word_is_noticed_by_what_it_does_not_acknowledge():
    """Signs of life are what it owes; without the option the system waits for a quarter of an
    hour."""
    with bind(Address("127.0.0.1", 0)) as listening:
        listening.setblocking(True)
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            option = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert option == 30_000


# --- how long ---------------------------------------------------------------------------------


def test_a_stream_is_not_closed_as_idle_or_late(tmp_path, monkeypatch):
    """It outlives every deadline that other answers have, by signs of life that are read."""
    monkeypatch.setattr("hoiio.server.api.http.ANSWER_WITHIN", 0.3)
    server = Server(tmp_path / "data", streams=Streams(keep_alive=0.1), limits=HASTY)
    try:
        ref = a_call(server)
        with watch(server, ref) as stream:
            for _ in range(15):  # 1.5 s, where another answer has 0.4 s
                stream.part()
            server.settle(ref)
            assert [each["call_status_dest1"] for each in stream.rest()] == ["failed"]
    finally:
        server.stop()


def test_who_reads_nothing_is_cut_off_and_nothing_piles_up(tmp_path, monkeypatch):
    monkeypatch.setattr("hoiio.server.api.http.ANSWER_WITHIN", 0.3)
    server = Server(tmp_path / "data", streams=Streams(keep_alive=0.1), limits=HASTY)
    try:
        ref = a_call(server)
        with watch(server, ref) as stream:
            stream.part()

            def flooded():
                for n in range(200):
                    step(server, ref, f"{n}" * 4000, "ongoing")
                return nobody_watches(server)

            wait_until(flooded, timeout=60, what="its end")
    finally:
        server.stop()


def test_a_stop_ends_the_streams_cleanly_and_at_once(tmp_path):
    """They end as streams do: none is cut off, as what a stop waited for in vain would be."""
    server = Server(tmp_path / "data")
    try:
        ref = a_call(server)
        with watch(server, ref) as one, watch(server, ref) as two:
            streams = [one, two]
            for stream in streams:
                stream.part()
            server.stop_serving()
            assert [stream.part() for stream in streams] == [None, None]
    finally:
        server.stop()


def test_a_real_service_is_watched_through_its_calls_and_does_not_wait_for_who_watches(tmp_path):
    """A call that ends, the configured bound, and a stop with a stream open: none is cut off."""
    routes = {"+6511111111": "sip:127.0.0.1:9", TWO: "sip:127.0.0.1:9"}
    config = "[api]\nstreams_per_application = 1\n[log]\nlevel = 'debug'\n"
    service = Service(tmp_path / "data", routes=routes, config=config).provision()
    with service.start(), service.client(timeout=20) as client:
        port = int(service.base_url.rpartition(":")[2].partition("/")[0])
        form = {"app_id": service.app_id, "access_token": service.token}
        ref = client.voice.call("+6511111111", TWO).txn_ref
        with Stream(port, **form, txn_ref=ref) as stream:
            assert stream.part()["call_status_dest1"] == "ongoing"
            with Stream(port, **form, txn_ref=ref) as second:
                assert second.answer()["status"] == "error_rate_limit_exceeded"
            assert client.voice.hangup(ref).status == "success_ok"
            (last,) = stream.rest()
            assert "duration" in last
        ref = client.voice.call("+6511111111", TWO).txn_ref
        with Stream(port, **form, txn_ref=ref) as stream:
            assert stream.part()["call_status_dest1"] == "ongoing"
            assert service.stop() == 0
            assert stream.rest() == []
    logged = service.log.read_text()
    assert "voice/events" in logged
    assert "Traceback" not in logged
    for secret in (service.token, TWO[1:], "6511111111"):
        assert secret not in logged


@pytest.mark.parametrize("failure", [StorageError("the disk is gone"), RuntimeError("a fault")])
def test_whatever_fails_ends_a_stream_as_it_should_and_is_logged(server, monkeypatch, failure):
    """The client is not cut off, and comes back for what is so then."""
    ref = a_call(server)
    with capture_logs() as lines, watch(server, ref) as stream:
        stream.part()

        async def fails(*_):
            raise failure

        monkeypatch.setattr(server.storage, "record", fails)
        server.loop.call_soon_threadsafe(server.desk.watchers.changed, ref)
        assert stream.part() is None
    [told] = [line for line in lines if line["log_level"] == "error"]
    assert told == {
        "event": "an event stream ended early",
        "ref": ref,
        "exc_info": True,
        "log_level": "error",
    }
