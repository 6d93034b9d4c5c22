"""Following a call: in place on a terminal, else a block or a line for each change."""

import json
import os
import re

import pytest

from hoiio import watching
from support.canned import canned_server, with_http
from support.command import configure, here, hoiio, on_terminal, plain

A, B = "+6511111111", "+6522222222"
OK = {"status": "success_ok"}
RINGING = OK | {
    "txn_ref": "AA-C-1",
    "date": "2026-11-24 10:00:00",
    "dest1": A,
    "dest2": B,
    "call_status_dest1": "ongoing",
    "call_status_dest2": "ongoing",
    "tag": "t\x1b[2J",
}
UP = RINGING | {"answered_date": "2026-11-24 10:00:07"}
ENDED = UP | {
    "call_status_dest1": "answered",
    "call_status_dest2": "answered",
    "duration": "1",
    "currency": "SGD",
    "debit": "0.036",
}
MISSED = RINGING | {"call_status_dest1": "busy", "call_status_dest2": "unanswered"}


def has_stream(answer):
    """A status from a service that has an event stream."""
    return with_http(200, json.dumps(answer).encode(), Hoiio_Features="events")


def events(*answers):
    body = "".join(f"data: {json.dumps(answer)}\n\n" for answer in answers)
    return with_http(200, body.encode(), Content_Type="text/event-stream")


def stalling(released, *answers):
    """A stream that goes on after these."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        for each in answers:
            handler.wfile.write(f"data: {json.dumps(each)}\n\n".encode())
        handler.wfile.flush()
        released.wait()
        handler.close_connection = True

    return answer


@pytest.fixture
def server(monkeypatch):
    with canned_server() as canned:
        configure(monkeypatch, canned.url)
        yield canned


def test_each_change_is_a_block_for_a_program(server, capsys):
    """Once, by the service's stream."""
    server.answers = [has_stream(RINGING), events(RINGING, UP, ENDED)]
    out, err, code = here(capsys, "status", "AA-C-1", "--watch")
    assert (err, code) == ("", 0)
    assert out.count("ref ") == 3
    assert out.endswith("duration  1 min\ncost      0.036 SGD\ntag       t�[2J\n")
    assert [asked.path for asked in server.asked] == [
        "/open/voice/query_status",
        "/open/voice/events",
    ]


def test_a_service_without_a_stream_is_asked_again(server, capsys, monkeypatch):
    """What does not change is not shown again."""
    monkeypatch.setattr(watching, "POLL", 0.001)
    server.answers = [RINGING, RINGING, ENDED]
    out, _, code = here(capsys, "status", "AA-C-1", "--watch")
    assert (code, out.count("ref "), len(server.asked)) == (0, 2, 3)


def test_json_is_one_line_for_each_change(server, capsys):
    """However the service wrote it."""
    server.answers = [
        with_http(200, json.dumps(RINGING, indent=1).encode(), Hoiio_Features="events"),
        events(UP, ENDED),
    ]
    out, err, code = here(capsys, "status", "AA-C-1", "--watch", "--json")
    assert (err, code) == ("", 0)
    assert [json.loads(line) for line in out.splitlines()] == [RINGING, UP, ENDED]


def test_quiet_waits_and_says_how_it_ended(server, capsys):
    """One word."""
    server.answers = [has_stream(RINGING), events(MISSED)]
    assert here(capsys, "status", "AA-C-1", "--watch", "--quiet") == ("busy\n", "", 0)


def test_a_refusal_ends_it(server, capsys):
    """Exit code 1."""
    server.answers = [{"status": "error_invalid_txn_ref"}]
    out, err, code = here(capsys, "status", "AA-C-1", "--watch")
    assert (out, code) == ("", 1)
    assert err.startswith("hoiio: error_invalid_txn_ref: ")


def test_giving_up_shows_what_is_known(server, capsys):
    """And says on stderr that it goes on."""
    server.answers = [RINGING]
    out, err, code = here(capsys, "status", "AA-C-1", "--watch", "--give-up-after", "0.01")
    assert (out.count("ref "), code) == (1, 1)
    assert err == "hoiio: AA-C-1 is still up; the time to wait is over\n"


# --- call --wait --------------------------------------------------------------------------------

CALLED = OK | {"txn_ref": "AA-C-1"}


def test_a_call_can_be_waited_for(server, capsys):
    """The reference is the first line, whatever comes after."""
    server.answers = [has_stream(CALLED), has_stream(RINGING), events(UP, ENDED)]
    out, err, code = here(capsys, "call", A, B, "--wait", "ended")
    assert (err, code) == ("", 0)
    assert out.startswith("AA-C-1\nref ")
    assert out.count("ref ") == 3


def test_waiting_for_the_answer_ends_with_it(server, capsys):
    """With --quiet there is only the reference."""
    server.answers = [has_stream(CALLED), has_stream(RINGING), stalling(server.released, UP)]
    args = ("call", A, B, "--wait", "answered")
    assert here(capsys, *args, "--quiet") == ("AA-C-1\n", "", 0)
    server.answers = [has_stream(CALLED), has_stream(RINGING), events(UP)]
    out, _, _ = here(capsys, *args, "--json")
    assert [json.loads(line) for line in out.splitlines()] == [CALLED, RINGING, UP]


def test_a_call_that_nobody_answered_was_not_what_was_waited_for(server, capsys):
    """Exit code 1 and why; unless its end was."""
    server.answers = [has_stream(CALLED), has_stream(RINGING), events(MISSED)]
    out, err, code = here(capsys, "call", A, B, "--wait", "answered", "--quiet")
    assert (out, err, code) == ("AA-C-1\n", "hoiio: AA-C-1 has ended: busy\n", 1)
    server.answers = [has_stream(CALLED), has_stream(RINGING), events(MISSED)]
    assert here(capsys, "call", A, B, "--wait", "ended", "--quiet") == ("AA-C-1\n", "", 0)


def test_a_call_that_is_refused_is_not_waited_for(server, capsys):
    """Nothing is asked after it."""
    server.answers = [{"status": "error_insufficient_credit"}]
    out, _, code = here(capsys, "call", A, B, "--wait", "ended")
    assert (out, code, len(server.asked)) == ("", 1, 1)


# --- on a terminal ------------------------------------------------------------------------------


def test_on_a_terminal_it_is_redrawn_in_place(server):
    """Each frame takes the place of the one before; the last stays, and the cursor is back."""
    server.answers = [has_stream(RINGING), events(UP, ENDED)]
    with on_terminal("status", "AA-C-1", "--watch", url=server.url) as terminal:
        assert terminal.read_all() == 0
    first, *later = re.split(r"\r\x1b\[2K(?:\x1b\[1A\x1b\[2K)+", terminal.got)
    assert plain(first).splitlines()[0] == "ref    AA-C-1"
    assert plain(later[-1]).splitlines() == [
        "ref       AA-C-1",
        "date      2026-11-24 10:00:00 GMT+8",
        "dest1     +6511111111 answered",
        "dest2     +6522222222 answered",
        "answered  2026-11-24 10:00:07 GMT+8",
        "duration  1 min",
        "cost      0.036 SGD",
        "tag       t�[2J",
    ]
    assert terminal.got.rindex("\x1b[?25h") > terminal.got.rindex("\x1b[?25l")
    assert "\x1b[1m" in terminal.got


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours_it_is_not_bold(server, more):
    """A terminal that can do nothing gets nothing that it does not know."""
    server.answers = [has_stream(RINGING), events(ENDED)]
    with on_terminal("status", "AA-C-1", "--watch", url=server.url, **more) as terminal:
        assert terminal.read_all() == 0
    assert not re.search(r"\x1b\[[0-9;]*m", terminal.got)
    assert "answered  2026" in plain(terminal.got)
    if "TERM" in more:
        assert "\x1b" not in terminal.got


@pytest.mark.parametrize("args", [(), ("--json",), ("--quiet",)])
def test_an_interrupt_leaves_a_clean_terminal(server, args):
    """Exit code 130, the cursor back, no word about it; the call goes on."""
    server.answers = [has_stream(RINGING), stalling(server.released, UP)]
    with on_terminal("status", "AA-C-1", "--watch", *args, url=server.url) as terminal:
        if args == ("--quiet",):
            while len(server.asked) < 2:
                os.sched_yield()
        else:
            terminal.read_until("10:00:07")
        terminal.interrupt()
        assert terminal.read_all() == 130
    assert "Traceback" not in terminal.got
    assert terminal.got.count("\x1b[?25h") == terminal.got.count("\x1b[?25l")
    assert [asked.path for asked in server.asked if "hangup" in asked.path] == []


def test_a_refusal_in_the_middle_is_on_stderr(server):
    """Not drawn over."""
    server.answers = [RINGING, {"status": "error_invalid_access_token"}]
    streams = ("stdout",)
    with on_terminal("status", "AA-C-1", "--watch", streams=streams, url=server.url) as terminal:
        assert terminal.read_all() == 1
        assert terminal.program.stderr.read().startswith(b"hoiio: error_invalid_access_token: ")


def test_it_ends_when_nobody_reads_it_any_more(server):
    """As with head -1."""
    theirs, ours = os.pipe()

    def answer(handler):
        os.close(theirs)
        events(UP, ENDED)(handler)

    server.answers = [has_stream(RINGING), answer]
    ran = hoiio("status", "AA-C-1", "--watch", "--json", url=server.url, out=ours)
    os.close(ours)
    assert (ran.returncode, ran.stderr, len(server.asked)) == (0, "", 2)
