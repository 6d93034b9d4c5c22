"""The data folder: made closed to others, and refused in words where it cannot be used."""

import asyncio
import base64
import stat

import pytest

from hoiio.server.storage.data import DATABASE, SECRET, open_data
from hoiio.server.storage.errors import StorageError
from integration.storage.store import ask, change, in_a_shop


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


def share_database(mode, name=DATABASE):
    def breakage(data):
        open_and_close(data)
        (data / name).touch()
        (data / name).chmod(mode)

    return breakage


def share_folder(mode):
    def breakage(data):
        open_and_close(data)
        data.chmod(mode)

    return breakage


def break_secret(data):
    open_and_close(data)
    (data / SECRET).write_text("c2hvcnQ=")


def swap_secret(data):
    open_and_close(data)
    _write_another(data)


def _write_another(data):
    """A valid secret, of another database."""
    (data / SECRET).write_bytes(base64.b64encode(bytes(32)) + b"\n")


def soil_secret(data):
    open_and_close(data)
    (data / SECRET).write_text(f"!{(data / SECRET).read_text()}")


@pytest.mark.parametrize(
    ("breakage", "message"),
    [
        (break_folder, "is not a folder"),
        (break_database, "cannot use the database .* file is not a database"),
        (lose_secret, "secret .* is missing"),
        (share_secret, "open to others: chmod 600"),
        (share_database(0o640), "hoiio.db is open to others: chmod 600"),
        (share_database(0o604), "hoiio.db is open to others: chmod 600"),
        (share_database(0o620), "hoiio.db is open to others: chmod 600"),
        (share_database(0o644, f"{DATABASE}-wal"), "hoiio.db-wal is open to others: chmod 600"),
        (share_folder(0o770), "others may write to the data folder .*: chmod go-w"),
        (share_folder(0o757), "others may write to the data folder .*: chmod go-w"),
        (soil_secret, "malformed: expected 32 bytes"),
        (break_secret, "malformed: expected 32 bytes"),
        (swap_secret, "this secret did not seal this database; put back the one"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused(tmp_path, breakage, message):
    """In one line that says why."""
    breakage(tmp_path / "data")
    with pytest.raises(StorageError, match=message) as refused:
        open_data(tmp_path / "data")
    assert "\n" not in str(refused.value)


def test_others_may_look_into_the_folder(tmp_path):
    """As they may into a volume's: what lies in it is closed to them."""
    tmp_path.chmod(0o755)
    for _ in range(2):
        open_and_close(tmp_path)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_a_folder_below_a_file_is_refused(tmp_path):
    """The system's own reason is told."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"Not a directory|not a folder"):
        open_data(tmp_path / "file" / "data")


# --- a database from before there were seals ------------------------------------------------------


def unseal(data):
    """As a database of an earlier version is once it is migrated."""
    change(data, "DELETE FROM seals")


async def some_applications(shop):
    """A token that this secret opens, among others that it does not."""
    change(shop.data, "UPDATE applications SET sealed_token = x'00'")
    await shop.storage.create_app(shop.app.account.id)


def test_an_old_database_is_sealed_by_the_secret_that_opens_a_token(tmp_path):
    """At its first opening; from then on another secret is refused."""
    in_a_shop(some_applications, tmp_path)
    unseal(tmp_path)
    open_and_close(tmp_path)
    assert ask(tmp_path, "SELECT count(*) FROM seals") == [(1,)]
    _write_another(tmp_path)
    with pytest.raises(StorageError, match="did not seal"):
        open_data(tmp_path)


def test_an_old_database_is_not_sealed_by_a_secret_that_opens_nothing(tmp_path):
    """It stays as it is, for the right one."""
    in_a_shop(some_applications, tmp_path)
    unseal(tmp_path)
    right = (tmp_path / SECRET).read_bytes()
    _write_another(tmp_path)
    with pytest.raises(StorageError, match="did not seal"):
        open_data(tmp_path)
    assert ask(tmp_path, "SELECT * FROM seals") == []
    (tmp_path / SECRET).write_bytes(right)
    open_and_close(tmp_path)


def test_an_old_database_without_tokens_takes_any_secret(tmp_path):
    """There is nothing that it would not open."""
    open_and_close(tmp_path)
    unseal(tmp_path)
    _write_another(tmp_path)
    for _ in range(2):
        open_and_close(tmp_path)


@pytest.mark.parametrize("create", [True, False])
def test_a_wrong_secret_changes_nothing(tmp_path, create):
    """Neither for the service nor for a command."""
    open_and_close(tmp_path)
    _write_another(tmp_path)
    before = ask(tmp_path, "SELECT * FROM seals")
    with pytest.raises(StorageError, match="did not seal"):
        open_data(tmp_path, create=create)
    assert ask(tmp_path, "SELECT * FROM seals") == before
