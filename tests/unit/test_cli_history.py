"""``hoiio history``: pages, periods, CSV, and the bar that counts."""

import csv
import io
import json
import os
import re
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hoiio import wire
from hoiio.table import COLUMNS
from support.canned import canned_server, with_http
from support.command import PATIENCE, configure, here, hoiio, on_terminal, plain

OK = {"status": "success_ok"}
A, B = "+6511111111", "+6522222222"


def entry(number, **more):
    return {
        "txn_ref": f"AA-C-{number}",
        "date": "2026-11-24 10:00:00",
        "dest1": A,
        "dest2": B,
        "call_status_dest1": "answered",
        "call_status_dest2": "answered",
        "duration": "1",
        "currency": "SGD",
        "rate": "0.0360",
        "debit": "0.0360",
        "tag": "",
    } | more


def pages(total):
    """The pages of a history, newest first."""
    numbers = list(range(total, 0, -1))
    return [
        OK
        | {
            "total_entries_count": str(total),
            "entries_count": str(len(numbers[start : start + 100])),
        }
        | {"entries": [entry(number) for number in numbers[start : start + 100]]}
        for start in range(0, total, 100)
    ]


@pytest.fixture
def server(monkeypatch):
    with canned_server() as canned:
        configure(monkeypatch, canned.url)
        yield canned


def test_a_period_is_sent_in_gmt8(server, capsys):
    """Days count from now, dates are taken as they are."""
    server.answers = pages(1)
    before = datetime.now(UTC).replace(microsecond=0)
    assert here(capsys, "history", "--since", "7d", "--until", "2099-01-01")[2] == 0
    form = server.asked[0].form
    sent = wire.parse_date(form["from"]).replace(tzinfo=wire.GMT8)
    assert before <= sent + timedelta(days=7) <= datetime.now(UTC)
    assert form["to"] == "2099-01-01 00:00:00"


@pytest.mark.parametrize(
    "args",
    [("--all",), ("--since", "1d"), ("--until", "1m"), ("--csv",), ("--output", "calls.csv")],
)
def test_these_walk_through_all_pages(server, capsys, monkeypatch, tmp_path, args):
    """The others show one."""
    monkeypatch.chdir(tmp_path)
    server.answers = pages(250)
    _, err, code = here(capsys, "history", *args)
    assert (err, code) == ("", 0)
    assert [asked.form.get("page") for asked in server.asked] == [None, "2", "3"]


@pytest.mark.parametrize("args", [(), ("--page", "1"), ("--page", "1", "--since", "1d", "--csv")])
def test_one_page_is_one_request(server, capsys, args):
    """Also where there are more."""
    server.answers = pages(250)
    assert here(capsys, "history", *args)[2] == 0
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("args", "total", "said"),
    [
        ((), 2590, "hoiio: 100 of 2,590 calls; --all shows the rest\n"),
        ((), 100, ""),
        (("--page", "1"), 2590, ""),
        (("--all",), 250, ""),
        (("--json",), 2590, ""),
        (("--quiet",), 2590, ""),
    ],
)
def test_a_history_that_is_longer_says_so(server, capsys, args, total, said):
    """To people and programs on stderr; not to who chose a page."""
    server.answers = pages(total)
    _, err, code = here(capsys, "history", *args)
    assert (err, code) == (said, 0)


def test_csv_has_the_columns_of_the_library(server, capsys):
    """Money as the service wrote it; text with commas, quotes and lines comes back whole."""
    tag = 'a,"b"\nc'
    server.answers = [
        OK | {"total_entries_count": "2", "entries": [entry(2, tag=tag), {"txn_ref": "AA-C-1"}]}
    ]
    out, err, code = here(capsys, "history", "--since", "7d", "--csv")
    assert (err, code) == ("", 0)
    head, *rows = csv.reader(io.StringIO(out, newline=""))
    assert tuple(head) == COLUMNS
    first, second = (dict(zip(head, row, strict=True)) for row in rows)
    assert first == {"room": "", "answered_date": ""} | entry(2, tag=tag)
    assert second == dict.fromkeys(COLUMNS, "") | {"txn_ref": "AA-C-1"}


def test_the_csv_of_a_file_is_that_of_standard_output(server, capsys, tmp_path):
    """Byte for byte; what is printed then is how many."""
    server.answers = pages(150)
    printed = hoiio("history", "--csv", url=server.url).stdout
    path = tmp_path / "calls.csv"
    path.write_text("old")
    server.answers = pages(150)
    assert here(capsys, "history", "--output", path) == (f"150 calls in {path}\n", "", 0)
    # Text mode reads the ends of lines as one character.
    assert path.read_text() == printed
    server.answers = pages(1)
    assert here(capsys, "history", "--output", path, "--quiet") == ("", "", 0)
    assert [each.name for each in tmp_path.iterdir()] == ["calls.csv"]


@contextmanager
def read_by(*command, out):
    """The end of what reads a pipe is waited for, unless something failed before."""
    with subprocess.Popen(command, stdout=out) as reader:
        try:
            yield
            assert reader.wait(PATIENCE) == 0
        finally:
            reader.kill()


def test_a_pipe_gets_the_rows_and_nothing_else(server, tmp_path):
    """A named one, that of a shell's >(…), or standard output, where no word is added."""
    server.answers = pages(150)
    printed = hoiio("history", "--csv", url=server.url).stdout
    server.answers = pages(150)
    ran = hoiio("history", "--output", "/dev/stdout", url=server.url)
    assert (ran.stdout, ran.stderr, ran.returncode) == (printed, "", 0)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    copy = tmp_path / "copy.csv"
    server.answers = pages(150)
    with copy.open("wb") as file, read_by("cat", pipe, out=file):
        ran = hoiio("history", "--output", str(pipe), url=server.url)
        assert (ran.stdout, ran.stderr, ran.returncode) == ("", "", 0)
    assert copy.read_text() == printed
    assert pipe.is_fifo()


def test_a_pipe_that_nobody_reads_any_more_is_one_line(server, tmp_path):
    """No shell tells how the reader ended, as it does of --csv and head."""
    server.answers = pages(2_000)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with read_by("head", "-c1", pipe, out=subprocess.DEVNULL):
        ran = hoiio("history", "--output", str(pipe), url=server.url)
        told = f"hoiio: cannot write {pipe}: Broken pipe\n"
        assert (ran.stdout, ran.stderr, ran.returncode) == ("", told, 2)


@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_that_nobody_reads_is_no_failure(server, place):
    """By whichever of its names: the shell tells how the reader ended, as with --csv."""
    server.answers = pages(1)
    theirs, ours = os.pipe()
    os.close(theirs)
    ran = hoiio("history", "--output", place, url=server.url, out=ours)
    os.close(ours)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("number", range(3, 9))
def test_a_number_that_nobody_opened_is_refused(server, number):
    """Among them is that of the connection to the service."""
    server.answers = pages(1)
    ran = hoiio("history", "--output", f"/dev/fd/{number}", url=server.url)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"hoiio: cannot write /dev/fd/{number}: ")
    assert ran.stderr.count("\n") == 1


def test_no_bar_is_drawn_between_rows_on_a_terminal(server):
    """They are the only thing on it."""
    server.answers = pages(150)
    with on_terminal("history", "--output", "/dev/stdout", url=server.url) as terminal:
        assert terminal.read_all() == 0
    assert "\x1b" not in terminal.got
    assert terminal.got.count("\n") == 151


def test_a_file_is_whole_or_not_there(server, capsys, tmp_path):
    """A page that is refused leaves what was there before."""
    path = tmp_path / "calls.csv"
    path.write_text("old")
    server.answers = [pages(250)[0], {"status": "error_from_invalid"}]
    out, err, code = here(capsys, "history", "--output", path)
    assert (out, code) == ("", 1)
    assert err.startswith("hoiio: error_from_invalid: ")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["calls.csv"]


def test_a_file_that_cannot_be_written_is_one_line(server, capsys, tmp_path):
    """Exit code 2."""
    server.answers = pages(1)
    for path in (tmp_path / "no" / "calls.csv", Path("/proc/calls.csv"), tmp_path / ("x" * 300)):
        out, err, code = here(capsys, "history", "--output", path)
        assert (out, code, err.count("\n")) == ("", 2, 1)
        assert err.startswith(f"hoiio: cannot write {path}: ")


def test_json_of_many_pages_is_an_entry_a_line(server, capsys):
    """Of one page it is the answer as it came."""
    server.answers = pages(150)
    out, err, code = here(capsys, "history", "--all", "--json")
    assert (err, code) == ("", 0)
    assert [json.loads(line)["txn_ref"] for line in out.splitlines()] == [
        f"AA-C-{number}" for number in range(150, 0, -1)
    ]
    server.answers = pages(150)
    assert json.loads(here(capsys, "history", "--json")[0]) == pages(150)[0]


@pytest.mark.parametrize("args", [("--json",), ("--json", "--all"), ("--csv",), ("--quiet",), ()])
def test_a_refused_history_prints_no_entry(server, capsys, args):
    """With --json the refusal is on stdout too."""
    server.answers = [{"status": "error_from_invalid"}]
    out, err, code = here(capsys, "history", *args)
    assert code == 1
    assert err.startswith("hoiio: error_from_invalid: ")
    assert out == ('{"status": "error_from_invalid"}\n' if "--json" in args else "")


def test_a_terminal_obeys_nothing_of_a_csv(server):
    """A tag is whatever a caller wrote."""
    server.answers = [OK | {"total_entries_count": "1", "entries": [entry(1, tag="a\x1b[2Jb")]}]
    with on_terminal("history", "--csv", url=server.url) as terminal:
        assert terminal.read_all() == 0
    assert "\x1b" not in terminal.got
    server.answers = [b'{"status": "success_ok", "entries": [], "tag": "\xc2\x9b2J"}']
    with on_terminal("history", "--json", url=server.url) as terminal:
        assert terminal.read_all() == 0
    assert "\x9b" not in terminal.got


# --- the bar ------------------------------------------------------------------------------------


def test_a_bar_counts_to_the_total_on_the_terminal_beside_a_file(server):
    """And is gone at the end, the cursor back."""
    server.answers = pages(250)
    with on_terminal("history", "--csv", streams=("stderr",), url=server.url) as terminal:
        out = terminal.program.stdout.read().decode()
        assert terminal.read_all() == 0
    assert out.count("\r\n") == 251
    assert "\x1b" not in out
    assert "0/250" in terminal.got
    assert "250/250" in terminal.got
    assert terminal.got.rindex("\x1b[?25h") > terminal.got.rindex("\x1b[?25l")
    assert terminal.got.endswith("\x1b[2K")


def test_a_table_for_people_comes_after_its_bar(server):
    """On one terminal they would else be in each other's way."""
    server.answers = pages(101)
    with on_terminal("history", "--all", url=server.url) as terminal:
        assert terminal.read_all() == 0
    assert terminal.got.rindex("101/101") < terminal.got.index("AA-C-101")
    assert terminal.got.count("DEST1 STATUS1") == 1
    assert len(re.findall(r"AA-C-\d+", plain(terminal.got))) == 101


@pytest.mark.parametrize("args", [("--csv",), ("--json", "--all"), ("--quiet", "--all")])
def test_no_bar_where_lines_are_printed_on_the_same_terminal(server, args):
    """They are progress enough."""
    server.answers = pages(101)
    with on_terminal("history", *args, url=server.url) as terminal:
        assert terminal.read_all() == 0
    assert "101/101" not in terminal.got
    assert "\x1b" not in terminal.got


def test_no_bar_for_a_single_page_or_without_a_terminal(server):
    """Nothing on stderr."""
    server.answers = pages(100)
    with on_terminal("history", "--csv", streams=("stderr",), url=server.url) as terminal:
        terminal.program.stdout.read()
        assert terminal.read_all() == 0
    assert terminal.got == ""
    server.answers = pages(101)
    assert hoiio("history", "--csv", url=server.url).stderr == ""


def test_no_color_leaves_the_bar_its_place_and_takes_its_colours(server):
    """Not even bold; see https://no-color.org."""
    for more, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        server.answers = pages(101)
        with on_terminal("history", "--all", url=server.url, **more) as terminal:
            assert terminal.read_all() == 0
        assert "101/101" in plain(terminal.got)
        assert bool(re.search(r"\x1b\[[0-9;]*m", terminal.got)) is coloured


@pytest.mark.parametrize("args", [("balance",), ("--help",), ("call", "--help"), ("history",)])
def test_no_color_holds_for_every_command(server, args):
    """On a terminal there is bold without it."""
    server.answers = [OK | {"balance": "1", "entries": [entry(1)]}]
    for more, styled in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        with on_terminal(*args, url=server.url, **more) as terminal:
            assert terminal.read_all() == 0
        assert ("\x1b[" in terminal.got) is styled


def test_an_interrupted_walk_leaves_at_once(server):
    """Exit code 130, the cursor back, though a page is still awaited; no file is left behind."""

    def stall(handler):
        server.released.wait()
        handler.close_connection = True

    server.answers = [pages(250)[0], stall]
    with on_terminal("history", "--all", "--timeout", "600", url=server.url) as terminal:
        terminal.read_until("100/250")
        terminal.interrupt()
        assert terminal.read_all() == 130
    assert terminal.got.rindex("\x1b[?25h") > terminal.got.rindex("\x1b[?25l")
    assert "Traceback" not in terminal.got


def test_a_refusal_while_walking_is_waited_out_or_told(server, capsys):
    """A limit is waited for as long as the service says."""
    limited = with_http(200, b'{"status": "error_rate_limit_exceeded"}', Retry_After="0")
    first, second = pages(150)
    server.answers = [first, limited, second]
    out, err, code = here(capsys, "history", "--all", "--quiet")
    assert (out.count("\n"), err, code) == (150, "", 0)
