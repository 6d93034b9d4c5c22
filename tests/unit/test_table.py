"""A CSV of calls, for programs that read it back and for spreadsheets that people open it with."""

import csv
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hoiio import Client, table
from hoiio.table import COLUMNS, Table
from support.canned import canned_server
from support.own import own

ONE, TWO = "+6511111111", "+6522222222"


def history(*entries):
    return {
        "status": "success_ok",
        "total_entries_count": str(len(entries)),
        "entries_count": str(len(entries)),
        "entries": [{"txn_ref": "AA-C-1", "dest1": ONE, "dest2": TWO} | entry for entry in entries],
    }


@pytest.fixture
def server():
    with canned_server() as canned:
        yield canned


@pytest.fixture
def client(server):
    with Client("id", "s3cret", base_url=server.url) as client:
        yield client


def written(client, path):
    client.voice.history().to_csv(path)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("first", [*"=+-@\t\r\n", *"＝＋－＠"])
def test_a_tag_is_no_formula(server, client, tmp_path, first):
    """https://owasp.org/www-community/attacks/CSV_Injection."""
    server.answers = [history({"tag": f"{first}cmd|' /C calc'!A0"})]
    [row] = written(client, tmp_path / "calls.csv")
    assert row["tag"] == f"'{first}cmd|' /C calc'!A0"


@pytest.mark.parametrize("tag", ["order-7", "'quoted'", "1+1", " =1", ""])
def test_any_other_tag_stays_as_it_is(server, client, tmp_path, tag):
    server.answers = [history({"tag": tag})]
    [row] = written(client, tmp_path / "calls.csv")
    assert row["tag"] == tag


def test_half_a_character_is_escaped(server, client, tmp_path):
    """JSON can say it, no encoding can."""
    server.answers = [history({"tag": "caf\ud83d"})]
    [row] = written(client, tmp_path / "calls.csv")
    assert row["tag"] == r"caf\ud83d"


def test_what_the_service_wrote_stays_as_it_is(server, client, tmp_path):
    """Numbers with their plus, and amounts below nothing."""
    entry = {"txn_ref": "AA-C-9", "dest1": ONE, "dest2": TWO, "room": "-A1", "debit": "-0.036"}
    server.answers = [history(entry)]
    [row] = written(client, tmp_path / "calls.csv")
    assert row == dict.fromkeys(COLUMNS, "") | entry


def test_what_it_says_is_on_the_disk_before_it_has_its_name(server, client, tmp_path, monkeypatch):
    """Else there might be an empty file of that name after a power failure."""
    done = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor):
        done.append(("on the disk", os.fstat(descriptor).st_size))
        fsync(descriptor)

    def renamed(part, path):
        done.append(("renamed", part.stat().st_size))
        return replace(part, path)

    own(monkeypatch, table, "os", fsync=synced)
    monkeypatch.setattr(Path, "replace", renamed)
    server.answers = [history({})]
    path = tmp_path / "calls.csv"
    client.voice.history().to_csv(path)
    assert done == [("on the disk", path.stat().st_size), ("renamed", path.stat().st_size)]


@pytest.mark.parametrize(
    ("name", "kind"), [("no/calls.csv", FileNotFoundError), ("folder", IsADirectoryError)]
)
def test_a_failure_names_the_file_that_was_asked_for(server, client, tmp_path, name, kind):
    """Not the one beside it that it was to be made of."""
    (tmp_path / "folder").mkdir()
    path = tmp_path / name
    server.answers = [history({})]
    with pytest.raises(kind) as failed:
        client.voice.history().to_csv(path)
    assert (failed.value.filename, failed.value.filename2) == (str(path), None)
    assert ".part" not in str(failed.value)
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_told_of_the_file_that_was_asked_for(server, client, tmp_path, monkeypatch):
    opened = os.open

    def full(path, flags, *more, **named):
        if str(path).endswith(".part"):
            return opened("/dev/full", os.O_WRONLY)
        return opened(path, flags, *more, **named)

    own(monkeypatch, table, "os", open=full)
    server.answers = [history(*[{}] * 100), history(*[{}] * 100)]
    with pytest.raises(OSError, match=r"No space left on device: '.*/calls\.csv'"):
        client.voice.history().to_csv(tmp_path / "calls.csv")


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_a_name_as_long_as_one_can_be_is_taken(server, client, tmp_path, letter):
    """The other file has a shorter one."""
    longest = os.pathconf(tmp_path, "PC_NAME_MAX") // len(letter.encode())
    server.answers = [history({})]
    assert len(written(client, tmp_path / (letter * longest))) == 1
    with pytest.raises(OSError, match="File name too long"):
        client.voice.history().to_csv(tmp_path / (letter * (longest + 1)))
    assert [each.name for each in tmp_path.iterdir()] == [letter * longest]


@pytest.mark.parametrize("old", ["old", None])
def test_a_link_stays_one(server, client, tmp_path, old):
    """What it leads to is written, there already or not."""
    folder = tmp_path / "folder"
    folder.mkdir()
    target, link = folder / "target.csv", tmp_path / "calls.csv"
    if old:
        target.write_text(old)
    link.symlink_to(target)
    server.answers = [history({})]
    assert len(written(client, link)) == 1
    assert link.readlink() == target
    assert target.read_text().startswith("txn_ref,")
    assert [each.name for each in folder.iterdir()] == ["target.csv"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_who_could_read_the_old_one_can_read_the_new_one(server, client, tmp_path, mode):
    """And nobody else, whatever the process gives a new file."""
    path = tmp_path / "calls.csv"
    path.touch()
    path.chmod(mode)
    server.answers = [history({})]
    assert len(written(client, path)) == 1
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_where_no_group_or_mode_can_be_given_the_owner_alone_may_read(
    server, client, tmp_path, monkeypatch
):
    """As on a file system without them, or for the group of somebody else."""

    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "calls.csv"
    path.touch()
    path.chmod(0o664)
    own(monkeypatch, table, "os", chown=refused)
    server.answers = [history({})]
    assert len(written(client, path)) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["calls.csv"]


def test_a_new_one_is_as_the_process_makes_its_files(server, client, tmp_path):
    (tmp_path / "made").touch()
    path = tmp_path / "calls.csv"
    server.answers = [history({})]
    assert len(written(client, path)) == 1
    assert path.stat().st_mode == (tmp_path / "made").stat().st_mode


def test_a_link_to_itself_is_an_error(server, client, tmp_path):
    """It is named, and stays."""
    link = tmp_path / "calls.csv"
    link.symlink_to(link)
    server.answers = [history({})]
    with pytest.raises(OSError, match=r"symbolic links: '.*/calls\.csv'"):
        client.voice.history().to_csv(link)
    assert link.is_symlink()


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_stays_one(server, client, tmp_path, linked):
    """Who reads it gets the rows."""
    pipe = path = tmp_path / "pipe"
    os.mkfifo(pipe)
    if linked:
        path = tmp_path / "calls.csv"
        path.symlink_to(pipe)
    server.answers = [history({"tag": "order-7"})]
    # To have both ends open lets neither side wait for the other.
    with os.fdopen(os.open(pipe, os.O_RDWR | os.O_NONBLOCK), "rb") as reader:
        assert client.voice.history().to_csv(path) == 1
        assert pipe.is_fifo()
        rows = reader.read1().decode().splitlines()
    assert [row.rpartition(",")[2] for row in rows] == ["tag", "order-7"]
    assert not list(tmp_path.glob(".*"))


def test_a_device_stays_one(server, client, tmp_path):
    """Reached by a link of our own: whoever runs this as root keeps a ``/dev/null``."""
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    server.answers = [history({})]
    assert client.voice.history().to_csv(link) == 1
    assert link.is_symlink()
    assert link.is_char_device()


def test_what_a_pipe_has_not_taken_is_told_of_it(tmp_path):
    """As its reader went away."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(BrokenPipeError, match=r"Broken pipe: '.*/pipe'"), Table(pipe):
        os.close(reader)
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


_TO_STDOUT = """
from hoiio.table import Table
with Table("/dev/stdout"):
    pass
print("after")
"""


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_standard_output_is_written_where_it_is(tmp_path, kind):
    """A file that it goes to keeps what it had, and gets what is printed next."""
    command = (sys.executable, "-c", _TO_STDOUT)
    if kind == "pipe":
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        assert out.splitlines() == [",".join(COLUMNS), "after"]
        return
    path = tmp_path / "all.txt"
    path.write_text("before\n")
    with path.open("a") as file:
        subprocess.run(command, check=True, stdout=file)
    assert path.read_text().splitlines() == ["before", ",".join(COLUMNS), "after"]


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_what_is_open_already_is_written_where_it_is(tmp_path, folder):
    """As a shell's ``9>>all.txt``: its file stays in its place, and is written on after."""
    path = tmp_path / "all.txt"
    path.write_text("before\n")
    with path.open("a") as file:
        place = f"{folder}/{file.fileno()}"
        with Table(place) as rows:
            assert not rows.is_file
        file.write("after\n")
    assert path.read_text().splitlines() == ["before", ",".join(COLUMNS), "after"]
    with pytest.raises(OSError, match=f"Bad file descriptor: '{place}'"), Table(place):
        pass


def test_a_pipe_that_is_open_already_gets_the_rows():
    """As a shell's ``>(…)``; whoever else holds it may write on."""
    ours, theirs = os.pipe()
    with os.fdopen(ours) as reader:
        with Table(f"/dev/fd/{theirs}"):
            pass
        os.write(theirs, b"after\n")
        os.close(theirs)
        assert reader.read().splitlines() == [",".join(COLUMNS), "after"]


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_a_connection_is_never_written_into(folder):
    """It may be the client's own to the service, under a number that nobody opened."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        place = f"{folder}/{ours.fileno()}"
        with pytest.raises(OSError, match=f"No such device or address: '{place}'"), Table(place):
            pass
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
