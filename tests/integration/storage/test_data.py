"""The data folder: made closed to others, and refused in words where it cannot be used."""

import asyncio
import stat

import pytest

from hoiio.server.storage.data import DATABASE, SECRET, open_data
from hoiio.server.storage.errors import StorageError


def open_and_close(data, **options):
    asyncio.run(open_data(data, **options).close())


def test_a_new_folder_is_closed_to_others(tmp_path):
    """So are the database and the secret in it."""
    data = tmp_path / "some" / "where"
    open_and_close(data)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (data, data / DATABASE, data / SECRET)]
    assert modes == [0o700, 0o600, 0o600]


def test_nothing_is_made_unless_asked(tmp_path):
    """Neither a folder nor a database in it."""
    for data in (tmp_path / "none", tmp_path):
        with pytest.raises(StorageError, match=r"^no "):
            open_data(data, create=False)
    assert list(tmp_path.iterdir()) == []


def break_folder(data):
    data.write_text("a file")


def break_database(data):
    open_and_close(data)
    (data / DATABASE).write_bytes(b"no database" * 1000)


def lose_secret(data):
    open_and_close(data)
    (data / SECRET).unlink()


def share_secret(data):
    open_and_close(data)
    (data / SECRET).chmod(0o640)


def break_secret(data):
    open_and_close(data)
    (data / SECRET).write_text("c2hvcnQ=")


@pytest.mark.parametrize(
    ("breakage", "message"),
    [
        (break_folder, "is not a folder"),
        (break_database, "cannot use the database .* file is not a database"),
        (lose_secret, "secret .* is missing"),
        (share_secret, "open to others: chmod 600"),
        (break_secret, "malformed: expected 32 bytes"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused(tmp_path, breakage, message):
    """In one line that says why."""
    breakage(tmp_path / "data")
    with pytest.raises(StorageError, match=message) as refused:
        open_data(tmp_path / "data")
    assert "\n" not in str(refused.value)


def test_a_folder_below_a_file_is_refused(tmp_path):
    """The system's own reason is told."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"Not a directory|not a folder"):
        open_data(tmp_path / "file" / "data")
