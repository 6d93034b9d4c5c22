"""A CSV of calls, for programs that read it back and for spreadsheets that people open it with."""

import csv
import os
from pathlib import Path

import pytest

from hoiio import Client
from hoiio.table import COLUMNS
from support.canned import canned_server

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

    monkeypatch.setattr(os, "fsync", synced)
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
    monkeypatch.setattr(
        "hoiio.table.tempfile.mkstemp",
        lambda **_: (os.open("/dev/full", os.O_WRONLY), str(tmp_path / "a.part")),
    )
    server.answers = [history(*[{}] * 100), history(*[{}] * 100)]
    with pytest.raises(OSError, match=r"No space left on device: '.*/calls\.csv'"):
        client.voice.history().to_csv(tmp_path / "calls.csv")
