"""What becomes of an answer where the command's standard streams are closed, full or not UTF-8."""

import csv
import io
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.canned import canned_server
from support.command import PATIENCE, RUN, configured, environment, hoiio

A, B, C = "+6511111111", "+6522222222", "+6533333333"
PLACED = {"status": "success_ok", "txn_ref": "AA-C-7"}
ROOM = {"status": "success_ok", "room": "R-1", "txn_refs": "AA-C-7,AA-C-8"}
ENDED = {"call_status_dest1": "answered", "duration": "1", "debit": "0.1"}
BALANCE = {"status": "success_ok", "currency": "SGD", "balance": "54.650"}
CLOSED = "Bad file descriptor"

full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk at hand")


def history(tag):
    entries = [{"txn_ref": "AA-C-7", "tag": tag}, {"txn_ref": "AA-C-6", "tag": "x"}]
    return {"status": "success_ok", "total_entries_count": "2", "entries": entries}


@pytest.fixture
def server():
    with canned_server() as canned:
        yield canned


def redirected(words, redirection, url, **more):
    """Run by a shell, which alone can close a stream."""
    command = shlex.join([sys.executable, *RUN, *words.split()])
    return subprocess.run(
        ["/bin/sh", "-c", f"{command} {redirection}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env=environment(**configured(url), **more),
    )


@pytest.mark.parametrize("words", ["balance", "history", "balance --json", "history --csv"])
def test_closed_output_is_told(server, words):
    """Nothing is lost without a word."""
    server.answers = [history("x") | BALANCE]
    ran = redirected(words, ">&-", server.url)
    assert (ran.returncode, ran.stderr) == (2, f"hoiio: cannot write: {CLOSED}\n")


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_rows_for_a_closed_stream_do_not_go_to_the_service(server, name):
    """Its number may else be that of the connection."""
    server.answers = [history("x")]
    redirection = {"stdout": ">&-", "stderr": "2>&-"}[name]
    ran = redirected(f"history --output /dev/{name}", redirection, server.url)
    told = f"hoiio: cannot write /dev/stdout: {CLOSED}\n" if name == "stdout" else ""
    assert (ran.returncode, ran.stdout, ran.stderr) == (0 if not told else 2, "", told)
    assert len(server.asked) == 1


def test_a_command_that_prints_nothing_needs_no_output(server):
    ran = redirected("hangup AA-C-7 -q", ">&-", server.url)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_closed_input_holds_no_token(server, tmp_path):
    profiles = str(tmp_path / "profiles.toml")
    ran = redirected("profile set x --app-id a", "<&-", server.url, HOIIO_PROFILES=profiles)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("hoiio: no access token came: ")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("words", ["", "--csv", "--json --all", "-q"])
def test_with_closed_errors_the_answer_is_whole(server, words):
    server.answers = [history("x")]
    ran = redirected(f"history {words}", "2>&-", server.url)
    assert ran.returncode == 0
    assert "AA-C-7" in ran.stdout
    assert "AA-C-6" in ran.stdout


def test_an_error_never_stands_where_a_reference_would(server):
    """A script would take it for one."""
    server.answers = [{"status": "error_insufficient_credit"}]
    ran = redirected(f"call {A} {B}", "2>&-", server.url)
    assert (ran.returncode, ran.stdout) == (1, "")


def test_what_nobody_is_told_needs_no_encoding(server):
    """A line with a letter that the locale has not, for errors that are closed."""
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = redirected(f"conference {A} {A}", "2>&-", server.url, **plain)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "A B…: " in redirected(f"conference {A} {A}", "", server.url).stderr


# --- a call that is placed, and cannot be told ---------------------------------------------------


@pytest.mark.parametrize(
    ("words", "answer", "refs"),
    [
        (f"call {A} {B}", PLACED, "AA-C-7"),
        (f"call {A} {B} -q", PLACED, "AA-C-7"),
        (f"call {A} {B} --json", PLACED, "AA-C-7"),
        (f"call {A} {B} --wait ended", PLACED, "AA-C-7"),
        (f"call {A} {B} --wait ended --json", PLACED, "AA-C-7"),
        (f"conference {A} {B} {C}", ROOM, "AA-C-7, AA-C-8"),
        (f"conference {A} {B} {C} -q", ROOM, "AA-C-7, AA-C-8"),
        (f"conference {A} {B} {C} --json", ROOM, "AA-C-7, AA-C-8"),
    ],
)
@pytest.mark.parametrize(
    ("redirection", "why"),
    [
        (">&-", CLOSED),
        pytest.param(">/dev/full", "No space left on device", marks=full_disk),
    ],
)
def test_a_reference_that_cannot_be_written_is_told(server, words, answer, refs, redirection, why):
    """On stderr, with a code of its own: who takes it for a failure would dial again."""
    server.answers = [answer]
    ran = redirected(words, redirection, server.url)
    assert (ran.returncode, ran.stdout) == (4, "")
    assert ran.stderr == f"hoiio: cannot write: {why}; the call is placed all the same: {refs}\n"
    assert len(server.asked) == 1


def test_a_disk_that_is_full_while_a_call_is_waited_for_is_no_wrong_use(server, tmp_path):
    """The call is placed by then, though the reference has been written."""
    path = tmp_path / "out.txt"
    path.write_text(" " * 500)
    server.answers = [PLACED, PLACED | ENDED | {"tag": "x" * 2_000}]
    # A shell's limit of one block is 512 bytes: the reference fits, the status does not.
    command = shlex.join([sys.executable, *RUN, "call", A, B, "--wait", "ended"])
    ran = subprocess.run(
        ["/bin/sh", "-c", f"ulimit -f 1; {command} >> {shlex.quote(str(path))}"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=PATIENCE,
        env=environment(**configured(server.url)),
    )
    assert ran.returncode == 4
    told = "hoiio: cannot write: File too large; the call is placed all the same: AA-C-7\n"
    assert ran.stderr == told
    assert path.read_text().split()[0] == "AA-C-7"


@full_disk
@pytest.mark.parametrize("words", [f"call {A} {B} --json", "status AA-C-7", "hangup AA-C-7"])
def test_what_placed_nothing_is_output_that_cannot_be_written(server, words):
    refusal = {"status": "error_insufficient_credit"}
    server.answers = [refusal if words.startswith("call") else PLACED]
    ran = redirected(words, ">/dev/full", server.url)
    told = "hoiio: cannot write: No space left on device\n"
    assert (ran.returncode, ran.stderr) == (2, told)


# --- what an encoding cannot say -----------------------------------------------------------------

TAG = "日本 😀"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize(
    "words",
    ["history", "history --csv", "status AA-C-7", "status AA-C-7 --watch", "wait AA-C-7"],
)
def test_what_the_encoding_has_not_is_escaped(server, encoding, words):
    server.answers = [json.dumps(history(TAG) | PLACED | ENDED | {"tag": TAG}).encode()]
    ran = hoiio(*words.split(), url=server.url, PYTHONIOENCODING=encoding)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert r"\u65e5\u672c \ud83d\ude00" in ran.stdout


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize(
    "words", [f"call {A} {B}", "history", "history --all", "status AA-C-7", "wait AA-C-7"]
)
def test_json_stays_json_in_any_encoding(server, encoding, words):
    """Also where the answer has the letters themselves."""
    answer = history(TAG) | PLACED | ENDED | {"tag": TAG}
    server.answers = [json.dumps(answer, ensure_ascii=False).encode()]
    ran = hoiio(*words.split(), "--json", url=server.url, PYTHONIOENCODING=encoding)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout.splitlines()[0])["tag"] == TAG


@pytest.mark.parametrize("how", ["--csv", "--output"])
def test_half_a_character_is_escaped(server, tmp_path, how):
    """JSON can say it, no encoding can."""
    server.answers = [history("caf\ud83d")]
    path = tmp_path / "calls.csv"
    ran = hoiio("history", how, *([str(path)] if how == "--output" else []), url=server.url)
    assert (ran.returncode, ran.stderr) == (0, "")
    text = path.read_text() if how == "--output" else ran.stdout
    assert [row["tag"] for row in csv.DictReader(io.StringIO(text))] == [r"caf\ud83d", "x"]
