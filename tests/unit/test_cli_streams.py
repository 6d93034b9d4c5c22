"""What becomes of an answer where the command's standard streams are closed, full or not UTF-8."""

import shlex
import subprocess
import sys

import pytest

from support.canned import canned_server
from support.command import PATIENCE, RUN, configured, environment

A, B = "+6511111111", "+6522222222"
BALANCE = {"status": "success_ok", "currency": "SGD", "balance": "54.650"}
CLOSED = "Bad file descriptor"


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
