"""What every command that uses the API takes, and says when something is wrong."""

import json
import shlex
import threading

import pytest

from hoiio.cli.calls import Action
from hoiio.cli.words import in_words
from hoiio.errors import InvalidArgument, TimedOut
from hoiio.parameters import number
from support.canned import canned_server, with_http
from support.command import PATIENCE, configure, here, on_terminal

A, B = "+6511111111", "+6522222222"
OK = {"status": "success_ok"}
ENDED = OK | {
    "txn_ref": "AA-C-1",
    "dest1": A,
    "dest2": B,
    "call_status_dest1": "answered",
    "call_status_dest2": "busy",
}
TALKED = ENDED | {"call_status_dest2": "answered"}
LIVE = ENDED | {"call_status_dest2": "ongoing"}
INFO = OK | {
    "uid": "AA-1",
    "name": "acme",
    "mobile_number": A,
    "caller_ids": f"{A},private",
    "country": "SG",
    "prefix": "+65",
    "currency": "SGD",
    "user_status": "trial",
}


@pytest.fixture
def server(monkeypatch):
    with canned_server() as canned:
        configure(monkeypatch, canned.url)
        yield canned


def test_info_is_shown_line_by_line(server, capsys):
    """What the service does not tell is left out."""
    server.answers = [INFO]
    assert here(capsys, "info") == (
        "name        acme\n"
        "number      +6511111111\n"
        "caller IDs  +6511111111, private\n"
        "country     SG\n"
        "prefix      +65\n"
        "currency    SGD\n"
        "status      trial\n"
        "uid         AA-1\n",
        "",
        0,
    )


@pytest.mark.parametrize(
    ("args", "answer", "printed"),
    [
        (("call", A, B), OK | {"txn_ref": "AA-C-1"}, "AA-C-1\n"),
        (
            ("conference", A, B),
            OK | {"room": "R1", "txn_refs": "AA-C-1,AA-C-2"},
            "AA-C-1\nAA-C-2\n",
        ),
        (("moderate", "AA-C-1", "mute"), OK, ""),
        (("hangup", "AA-C-1"), OK, ""),
        (("status", "AA-C-1"), ENDED, "busy\n"),
        (("status", "AA-C-1"), TALKED, "answered\n"),
        (("status", "AA-C-1"), LIVE, "ongoing\n"),
        (("wait", "AA-C-1"), TALKED, "answered\n"),
        (
            ("history",),
            OK | {"entries": [ENDED, ENDED | {"txn_ref": "AA-C-0"}]},
            "AA-C-1\nAA-C-0\n",
        ),
        (("rate", A, B), OK | {"rate": "0.0360", "currency": "SGD"}, "0.0360\n"),
        (("balance",), OK | {"balance": "54.650"}, "54.650\n"),
        (("info",), INFO, f"{A}\nprivate\n"),
    ],
)
def test_quiet_prints_only_what_a_script_needs(server, capsys, args, answer, printed):
    """A refusal is on stderr all the same."""
    server.answers = [answer]
    assert here(capsys, *args, "--quiet") == (printed, "", 0)
    assert here(capsys, *args, "-q") == (printed, "", 0)
    server.answers = [{"status": "error_invalid_txn_ref"}]
    out, err, code = here(capsys, *args, "--quiet")
    assert (out, code) == ("", 1)
    assert err.startswith("hoiio: error_invalid_txn_ref: ")


@pytest.mark.parametrize(
    ("action", "done"), [("mute", "muted"), ("unmute", "unmuted"), ("kick", "kicked")]
)
def test_each_action_of_a_moderator(server, capsys, action, done):
    """The library knows the same three."""
    assert action in Action.__args__
    assert here(capsys, "moderate", "AA-C-1", action) == (f"{done}\n", "", 0)
    assert server.asked[0].path == "/open/conference/moderate"
    assert server.asked[0].form["action"] == action


@pytest.mark.parametrize("action", ["mute", "unmute", "kick"])
def test_who_is_in_no_conference_is_told_so(server, capsys, action):
    """A call-back has a reference too, so it would not do to say that there is no such call."""
    server.answers = [{"status": "error_invalid_txn_ref"}]
    assert here(capsys, "moderate", "AA-C-1", action) == (
        "",
        "hoiio: error_invalid_txn_ref: AA-C-1 is no participant of a conference, or is so no more; "
        "hoiio status tells what it is\n",
        1,
    )


def test_a_call_may_leave_its_first_phone_to_the_account(server, capsys):
    """By a word."""
    assert here(capsys, "call", "me", B)[2] == 0
    assert "dest1" not in server.asked[0].form


def test_a_conference_takes_all_that_the_library_does(server, capsys):
    """Its key goes into a header."""
    typed = (
        f"conference {A} {B} --room R --caller-id p --tag t --notify-url http://a.example/ "
        "--idempotency-key k-1"
    )
    assert here(capsys, *typed.split())[2] == 0
    (asked,) = server.asked
    assert asked.headers["Idempotency-Key"] == "k-1"
    assert asked.form == {
        "app_id": "id",
        "access_token": "s3cret",
        "dest": f"{A},{B}",
        "room": "R",
        "caller_id": "p",
        "tag": "t",
        "notify_url": "http://a.example/",
    }


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("call", A, B, "--max-duration", "0"), "--max-duration: not seconds, from 1"),
        (("call", A, B, "--tag", "t" * 257), "--tag: at most 256 characters, not 257"),
        (("call", A, B, "--notify-url", "x"), "--notify-url: not "),
        (("call", A, B, "--caller-id", "x"), "--caller-id: 'x' is no phone number"),
        (("call", A, B, "--idempotency-key", "ä"), "--idempotency-key: 1 to 255 visible"),
        (("call", "x", B), "A: 'x' is no phone number"),
        (("call", A, "91234567"), "B: '91234567' has no country code"),
        (("call", A, B, "--give-up-after", "3"), "--give-up-after goes with --wait"),
        (("call", A, B, "--wait", "for-ever"), "--wait"),
        (("conference", "x"), "A B…: 'x' is no phone number"),
        (("conference", A, "--room", "a b"), "--room: at most 32 letters"),
        (("moderate", "AA-C-1", "ban"), "ban"),
        (("status", ""), "REF: a reference like"),
        (("status", "AA-C-1", "--give-up-after", "3"), "--give-up-after goes with --watch"),
        (("status", "AA-C-1", "--watch", "--give-up-after", "-3"), "--give-up-after: seconds"),
        (("wait", "AA-C-1", "--give-up-after", "0"), "--give-up-after: seconds, more than 0"),
        (("wait", "AA-C-1", "--until", "rung"), "--until"),
        (("balance", "--timeout", "0"), "--timeout: seconds, more than 0"),
        (("balance", "--connect-timeout", "nan"), "--connect-timeout: seconds, more than 0"),
        (("balance", "--json", "--quiet"), "--json and --quiet exclude each other"),
        (("history", "--page", "0"), "--page: not a page, from 1, like 2: 0"),
        (("history", "--page", "1", "--all"), "--page and --all exclude each other"),
        (("history", "--csv", "--json"), "exclude each other"),
        (("history", "--csv", "--quiet"), "exclude each other"),
        (("history", "--json", "--output", "x.csv"), "exclude each other"),
        (("history", "--output", "/dev"), "--output: /dev is a folder; name a file in it"),
        (
            ("history", "--since", "yesterday"),
            "--since: 30m, 24h, 7d or 2w ago, or a date in GMT+8",
        ),
        (("history", "--until", "7 d"), "--until: 30m, 24h, 7d"),
        (("history", "--since", "1d", "--until", "2d"), "--until 2d is before --since 1d"),
        (("history", "--upto", "\t"), "--upto: "),
        (("completion", "ksh"), "ksh"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_option(server, capsys, args, says):
    """Exit code 2, before anything is sent."""
    out, err, code = here(capsys, *args)
    assert (out, code, server.asked) == ("", 2, [])
    assert err.startswith("hoiio: ")
    assert says in err
    assert err.count("\n") == 1


def test_what_the_library_tells_programmers_is_told_in_options():
    """Not a word of a class that is not there to be typed."""
    with pytest.raises(InvalidArgument) as refused:
        number("dest1", "91234567", None)
    assert "Hoiio." in str(refused.value)
    assert "Hoiio." not in in_words(refused.value, "mine")
    assert "hoiio profile set mine --prefix 65" in in_words(refused.value, "mine")
    # The environment's credentials have no prefix; a profile's would not be looked at.
    assert in_words(refused.value) == (
        "A: '91234567' has no country code: write it like '+6511111111'"
    )


def test_a_call_that_may_have_been_placed_says_how_to_ask_again(server, capsys):
    """With the key that it went out with."""

    def hang_up(handler):
        handler.close_connection = True

    server.answers = [hang_up]
    out, err, code = here(capsys, "call", A, B, "--idempotency-key", "order-7")
    assert (out, code) == ("", 3)
    assert "the call may have been placed: look at hoiio history before calling again" in err
    assert "--idempotency-key order-7 where" in err
    assert err.count("\n") == 1
    err = here(capsys, "call", A, B, "--idempotency-key", "a'b$(x)")[1]
    assert """--idempotency-key 'a'"'"'b$(x)' where""" in err
    error = TimedOut("late", maybe_sent=True)
    assert in_words(error) == "late"


@pytest.mark.parametrize("words", [f"call {A} {B}", f"conference {A} {B}"])
@pytest.mark.parametrize("key", [None, "a'b"])
def test_who_interrupts_a_call_is_told_how_to_ask_again(server, words, key):
    """It may be at the service by then; with the same key it is placed once."""
    arrived = threading.Event()

    def stall(handler):
        arrived.set()
        server.released.wait()
        handler.close_connection = True

    server.answers = [stall]
    args = words.split() + ([] if key is None else ["--idempotency-key", key])
    with on_terminal(*args, streams=("stderr",), url=server.url) as terminal:
        assert arrived.wait(PATIENCE)
        terminal.interrupt()
        assert terminal.read_all() == 130
        assert terminal.program.stdout.read() == b""
    [asked] = server.asked
    sent = {name.lower(): value for name, value in asked.headers.items()}["idempotency-key"]
    assert key in {None, sent}
    assert terminal.got == (
        "hoiio: interrupted; the call may have been placed: look at hoiio history before calling "
        f"again, or call again with --idempotency-key {shlex.quote(sent)} where the service "
        "honours it\r\n"
    )


def test_who_interrupts_a_wait_has_the_reference_already(server):
    """That the call is placed was told; nothing has to be asked again."""
    server.answers = [LIVE]
    words = ("call", A, B, "--wait", "ended")
    with on_terminal(*words, streams=("stdout",), url=server.url) as terminal:
        terminal.read_until("ongoing")
        terminal.interrupt()
        assert terminal.read_all() == 130
        assert terminal.program.stderr.read() == b""
    assert terminal.got.startswith("AA-C-1")


def test_a_service_that_does_not_answer_in_time_is_not_reachable(server, capsys):
    """By the time that --timeout gives it."""

    def stall(handler):
        server.released.wait()
        handler.close_connection = True

    server.answers = [stall]
    _, err, code = here(capsys, "balance", "--timeout", "0.2")
    assert code == 3
    assert "s3cret" not in err


def test_waiting_until_answered_fails_for_a_call_that_never_was(server, capsys):
    """Exit code 1, what became of it on stderr; having waited for its end is no failure."""
    server.answers = [ENDED]
    out, err, code = here(capsys, "wait", "AA-C-1", "--until", "answered")
    assert "busy" in out
    assert (err, code) == ("hoiio: AA-C-1 has ended: busy\n", 1)
    assert here(capsys, "wait", "AA-C-1")[1:] == ("", 0)
    server.answers = [TALKED]
    assert here(capsys, "wait", "AA-C-1", "--until", "answered", "--quiet") == ("answered\n", "", 0)


def test_giving_up_is_one_line_and_code_1(server, capsys):
    """The call goes on."""
    server.answers = [LIVE]
    out, err, code = here(capsys, "wait", "AA-C-1", "--give-up-after", "0.01")
    assert (out, code) == ("", 1)
    assert err == "hoiio: AA-C-1 is still up; the time to wait is over\n"


def test_json_is_the_answer_as_it_came_and_can_be_parsed(server, capsys):
    """Fields that nobody knows yet too, whatever the command."""
    server.answers = [
        OK | {"new": ["x"], "txn_ref": "AA-C-1", "entries": [], "call_status_dest1": "busy"}
    ]
    for args in (
        ("call", A, B),
        ("conference", A),
        ("moderate", "AA-C-1", "kick"),
        ("hangup", "AA-C-1"),
        ("status", "AA-C-1"),
        ("wait", "AA-C-1"),
        ("history",),
        ("rate", A, B),
        ("balance",),
        ("info",),
    ):
        out, err, code = here(capsys, *args, "--json")
        assert (json.loads(out), err, code) == (server.answers[0], "", 0)


def test_a_server_that_is_unwell_is_not_reachable(server, capsys):
    """Code 3, also while a call is followed."""
    server.answers = [with_http(404, b"<html>not here</html>")]
    for args in (("history", "--all"), ("status", "AA-C-1", "--watch"), ("wait", "AA-C-1")):
        out, err, code = here(capsys, *args)
        assert (out, code) == ("", 3)
        assert "HTTP 404" in err
