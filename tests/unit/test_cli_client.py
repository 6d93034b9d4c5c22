"""The commands that use the API, run as programs against a real HTTP server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hoiio import wire
from hoiio.meanings import meaning
from support.canned import canned_server, with_http
from support.command import configured, environment, hoiio, on_terminal, plain

A, B, C = "+6511111111", "+6522222222", "+6533333333"
ENDED = {
    "status": "success_ok",
    "txn_ref": "AA-C-1",
    "tag": "my-tag",
    "date": "2012-01-31 12:06:15",
    "dest1": A,
    "dest2": B,
    "call_status_dest1": "answered",
    "call_status_dest2": "busy",
    "duration": "2",
    "currency": "SGD",
    "rate": "0.018",
    "debit": "0.036",
}
BALANCE = {"status": "success_ok", "currency": "SGD", "balance": "54.650"}
NOTIFY = ("--notify-url", "http://a.example/")
LIVE = {
    **{key: value for key, value in ENDED.items() if key not in {"duration", "debit"}},
    "call_status_dest1": "answered",
    "call_status_dest2": "ongoing",
}


@pytest.fixture
def server():
    with canned_server() as canned:
        yield canned


@pytest.mark.parametrize(
    ("args", "answer", "path", "params", "printed"),
    [
        (
            tuple(f"call {A} {B} --caller-id private --max-duration 600 --tag t".split()) + NOTIFY,
            {"status": "success_ok", "txn_ref": "AA-C-1"},
            "voice/call",
            {
                "dest1": A,
                "dest2": B,
                "caller_id": "private",
                "max_duration": "600",
                "tag": "t",
                "notify_url": "http://a.example/",
            },
            "AA-C-1\n",
        ),
        (
            ("conference", A, B, C, "--room", "R-1"),
            {"status": "success_ok", "room": "R-1", "txn_refs": "AA-C-1,AA-C-2,AA-C-3"},
            "voice/conference",
            {"dest": f"{A},{B},{C}", "room": "R-1"},
            "room  R-1\nref   AA-C-1\nref   AA-C-2\nref   AA-C-3\n",
        ),
        (
            ("hangup", "AA-C-1"),
            {"status": "success_ok"},
            "voice/hangup",
            {"txn_ref": "AA-C-1"},
            "ended\n",
        ),
        (
            ("status", "AA-C-1"),
            ENDED,
            "voice/query_status",
            {"txn_ref": "AA-C-1"},
            "ref       AA-C-1\n"
            "date      2012-01-31 12:06:15 GMT+8\n"
            f"dest1     {A} answered\n"
            f"dest2     {B} busy\n"
            "duration  2 min\n"
            "rate      0.018 SGD a minute\n"
            "cost      0.036 SGD\n"
            "tag       my-tag\n",
        ),
        (
            ("history", "--page", "2"),
            {"status": "success_ok", "total_entries_count": "101", "entries_count": "1"}
            | {"entries": [{**ENDED, "tag": "a\x1b[2Jb\nc"}]},
            "voice/get_history",
            {"page": "2"},
            "REF\tDATE (GMT+8)\tDEST1\tSTATUS1\tDEST2\tSTATUS2\tMINUTES\tCOST\tTAG\n"
            f"AA-C-1\t2012-01-31 12:06:15\t{A}\tanswered\t{B}\tbusy\t2\t0.036 SGD\ta�[2Jb�c\n",
        ),
        (
            ("rate", A, B),
            {"status": "success_ok", "currency": "SGD", "rate": "0.036", "talktime": "2352"},
            "voice/get_rate",
            {"dest1": A, "dest2": B},
            "rate          0.036 SGD a minute\ncredit lasts  2352 min\n",
        ),
        (
            ("balance",),
            {"status": "success_ok", "currency": "SGD", "balance": "54.650", "points": "50.000"}
            | {"bonus": "4.650"},
            "user/get_balance",
            {},
            "balance  54.650 SGD\npoints   50.000 SGD\nbonus    4.650 SGD\n",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_each_command_asks_and_shows(server, args, answer, path, params, printed):
    """Readable by default; --json prints the answer as it came; nothing on stderr."""
    server.answers = [json.dumps(answer, indent=1).encode()]
    readable = hoiio(*args, url=server.url)
    assert (readable.stdout, readable.stderr, readable.returncode) == (printed, "", 0)
    as_json = hoiio(*args, "--json", url=server.url)
    assert (as_json.stdout, as_json.returncode) == (json.dumps(answer, indent=1) + "\n", 0)
    for asked in server.asked:
        assert asked.path == f"/open/{path}"
        assert asked.form == {"app_id": "id", "access_token": "s3cret", **params}


def test_a_refusal_says_what_it_means(server):
    """Exit code 1; with --json the answer is on stdout all the same."""
    server.answers = [{"status": "error_insufficient_credit"}]
    ran = hoiio("call", A, B, "--json", url=server.url)
    assert ran.returncode == 1
    assert json.loads(ran.stdout) == {"status": "error_insufficient_credit"}
    assert ran.stderr == (
        "hoiio: error_insufficient_credit: "
        "the credit does not pay for the first minute, or a ceiling on "
        "spending is reached; top it up, or ask the operator\n"
    )


def test_a_refusal_nobody_knows_is_named(server):
    """And nothing in it reaches the terminal as a command."""
    server.answers = [{"status": "error_new\x1b[2J"}]
    ran = hoiio("balance", url=server.url)
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", "hoiio: error_new�[2J\n")


def test_every_status_has_a_meaning():
    """Those with a parameter's name in them too."""
    errors = [status for status in wire.Status if status != wire.Status.SUCCESS]
    assert [status for status in errors if not meaning(status)] == []
    assert meaning(wire.param_missing("dest2")) == "dest2 is missing"


@pytest.mark.parametrize("dest", ["dest1", "dest2", "dest"])
def test_an_unsupported_number_may_lack_a_price_or_a_way(dest):
    """The service checks both and answers the same."""
    words = meaning(f"error_{dest}_not_supported")
    assert "no tariff covers it, no route or trunk leads there, or the operator's guards" in words


def test_not_configured_is_wrong_use():
    """The line says how to set it."""
    ran = hoiio("balance")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "HOIIO_APP_ID" in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("call", A), "B"),
        (("call", A, B, C), C),
        (("call", A, B, "--colour", "blue"), "--colour"),
        (("call", A, B, "--max-duration", "long"), "long"),
        (("conference",), "A"),
        (("status",), "REF"),
        (("status", "AA-C-1", "--no-watch"), "--no-watch"),
        (("history", "--page", "two"), "two"),
        (("histroy",), "did you mean 'history'?"),
        (("xyzzy",), "'xyzzy'"),
        (("--colour",), "--colour"),
    ],
)
def test_wrong_use_is_one_line(server, args, says):
    """Exit code 2, and nothing is asked."""
    ran = hoiio(*args, url=server.url)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("hoiio: ")
    assert ran.stderr.count("\n") == 1
    assert says in ran.stderr
    assert server.asked == []


def test_not_reachable_has_its_own_code(server):
    """Nobody there, or nobody who speaks this protocol."""
    server.answers = [with_http(502, b"<html>Bad Gateway</html>")]
    garbage = hoiio("balance", url=server.url)
    assert garbage.returncode == 3
    assert "HTTP 502" in garbage.stderr
    nobody = hoiio("balance", url="http://127.0.0.1:1/open/")
    assert nobody.returncode == 3
    assert nobody.stderr.startswith("hoiio: cannot reach 127.0.0.1:1:")
    assert "s3cret" not in garbage.stderr + nobody.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("call", b"\xff", A),
        ("call", A, B, "--tag", b"\xff"),
        ("status", b"\xff"),
        (b"\xff",),
        ("admin", "app", "create", b"\xff"),
        ("admin", "credit", "add", b"\xff", "1"),
        ("admin", "app", "create", "x", "--app-id", "x", "--access-token", b"s3cret\xff"),
    ],
)
def test_bytes_that_are_no_text_are_wrong_use(server, args):
    """One line that says where, whatever the command; it may be a token and is not shown."""
    ran = hoiio(*args, url=server.url)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert re.fullmatch(r"hoiio: argument \d is not readable as text\n", ran.stderr)
    assert server.asked == []


@pytest.mark.parametrize("name", ["HOIIO_APP_ID", "HOIIO_ACCESS_TOKEN"])
def test_credentials_that_are_no_text_are_not_shown(server, name):
    """They are named only."""
    ran = hoiio("balance", url=server.url, **{name: b"s3cret\xff"})
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "cannot be sent" in ran.stderr
    assert "s3cret" not in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("args", [("balance",), ("balance", "--json"), ("history",)])
def test_nobody_reading_is_no_failure(server, args):
    """It leaves without a word."""
    server.answers = [BALANCE]
    theirs, ours = os.pipe()
    os.close(theirs)
    ran = hoiio(*args, url=server.url, out=ours)
    os.close(ours)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk at hand")
@pytest.mark.parametrize("args", [("balance",), ("history",), ("--help",), ("--version",)])
def test_a_full_disk_is_one_line(server, args):
    """Exit code 2."""
    server.answers = [BALANCE]
    with Path("/dev/full").open("w") as full:
        ran = hoiio(*args, url=server.url, out=full)
    assert (ran.returncode, ran.stderr) == (2, "hoiio: cannot write: No space left on device\n")


def without(module, *args):
    """Run the command where a package is not installed."""
    hide = (
        "import sys, importlib.abc\n"
        "class Hide(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}: raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
        f"from hoiio.cli import main; main({list(args)!r})"
    )
    return subprocess.run(
        [sys.executable, "-c", hide], capture_output=True, text=True, check=False, timeout=60
    )


def test_without_the_extra_it_says_what_to_install():
    """One line for the command line's own library, one for the service's."""
    cli = without("cyclopts", "balance")
    assert (cli.returncode, cli.stdout) == (2, "")
    assert cli.stderr.count("\n") == 1
    assert "pip install 'hoiio[cli]'" in cli.stderr
    service = without("cryptography", "admin", "account", "list", "--data", "/nonexistent")
    assert (service.returncode, service.stdout) == (2, "")
    assert service.stderr.count("\n") == 1
    assert "pip install 'hoiio[server]'" in service.stderr


def test_a_client_command_loads_nothing_of_the_service(server):
    """It starts as quickly as the client does."""
    program = (
        "import sys\nfrom hoiio.cli import main\n"
        "try: main(['balance'])\n"
        "finally: print([m for m in sys.modules if m.startswith(('hoiio.server', 'baresip'))])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment(**configured(server.url)),
    )
    assert ran.stdout.splitlines()[-1] == "[]"


def on_a_terminal(*args, url, columns=80):
    """What a command shows on a terminal, by lines, without colours."""
    with on_terminal(*args, url=url, columns=columns) as terminal:
        assert terminal.read_all() == 0
    return plain(terminal.got).splitlines()


LONGEST = ENDED | {
    "dest1": "+651234567890123",
    "dest2": "+659876543210987",
    "call_status_dest1": "unanswered",
    "call_status_dest2": "unanswered",
    "txn_ref": "AA-C-12345678901234",
    "duration": "1440",
    "debit": "144.000",
    "tag": "0123456789abcdef 0123456789abcdef",
}


def test_on_a_terminal_history_is_a_table(server):
    """Aligned under a rule, two lines a call; square brackets in a tag are just that."""
    entries = [{**ENDED, "tag": "[red]\nx\x1b[2J"}, LIVE]
    server.answers = [{"status": "success_ok", "entries": entries}]
    assert on_a_terminal("history", url=server.url) == [
        "REF                  DEST1 STATUS1         COST       TAG",
        "DATE (GMT+8)         DEST2 STATUS2         MINUTES",
        "-------------------  --------------------  ---------  -----------",
        "AA-C-1               +6511111111 answered  0.036 SGD  [red] x�[2J",
        "2012-01-31 12:06:15  +6522222222 busy      2",
        "AA-C-1               +6511111111 answered             my-tag",
        "2012-01-31 12:06:15  +6522222222 ongoing",
    ]


def test_on_a_terminal_history_fits_into_80_columns(server):
    """With everything as long as it gets; and nothing is cut where even that does not fit."""
    server.answers = [{"status": "success_ok", "entries": [LONGEST]}]
    for columns in (80, 40):
        shown = on_a_terminal("history", url=server.url, columns=columns)
        assert max(map(len, shown)) <= 80
        assert "AA-C-12345678901234  +651234567890123 unanswered  144.000 SGD" in shown[3]
        assert "2012-01-31 12:06:15  +659876543210987 unanswered  1440" in shown[4]
