"""``hoiio admin`` as scripts use it: one JSON object, or one line on stderr and exit code 2."""

import asyncio
import re

import pytest

from hoiio.server.storage.data import ServiceLock, open_data, prepare_folder
from integration.storage.store import ask, audit, in_a_shop
from support.admin import Admin, run


@pytest.fixture
def admin(tmp_path):
    return Admin(tmp_path)


@pytest.fixture(scope="module")
def stocked(tmp_path_factory):
    """One folder for all that must change nothing in it."""
    admin = Admin(tmp_path_factory.mktemp("stocked"))
    admin("account", "create", "ann", "--credit", "1")
    return admin


def test_from_nothing_to_a_service_that_can_be_called(admin, tmp_path):
    """Account, application, credit and tariff, before the service ever ran."""
    account = admin("account", "create", "ann", "--number", "+6511111111", "--credit", "84.70")
    assert account == {
        "id": "AA-1",
        "name": "ann",
        "number": "+6511111111",
        "currency": "SGD",
        "balance": "84.700",
    }
    app = admin("app", "create", "ann")
    assert set(app) == {"app_id", "access_token", "signing_secret"}
    assert admin("credit", "add", "AA-1", "0.000001")["balance"] == "84.700001"
    (tmp_path / "rates.csv").write_text("prefix,rate\n65,0.018\n1,0.02\n")
    assert admin("tariff", "import", str(tmp_path / "rates.csv"))["rows"] == 2
    listed = admin("account", "list")["accounts"]
    assert listed == [account | {"balance": "84.700001"}]
    audit(admin.data)


def test_existing_credentials_are_taken_over(admin):
    """The token comes from standard input, so that no process list shows it."""
    admin("account", "create", "ann")
    words = ("app", "create", "ann", "--app-id", "OLD~id", "--access-token", "-")
    made = admin(*words, typed="t~k+n-of-sixteen\n")
    assert (made["app_id"], made["access_token"]) == ("OLD~id", "t~k+n-of-sixteen")
    assert "OLD~id" in admin.refused(*words, typed="another\n")
    no_text = {"typed": "\udcff", "folder": ".", "PYTHONIOENCODING": "utf-8"}
    assert "visible ASCII" in run(*words, "--data", str(admin.data), **no_text).stderr
    for typed in ("", " t", "two words", "\u0661", "x" * 256):
        assert "visible ASCII" in admin.refused(*words, typed=typed)
    assert "go together" in admin.refused("app", "create", "ann", "--app-id", "x")


@pytest.mark.parametrize(
    "words",
    [
        ("account", "create", "ann"),
        ("account", "create", "AA-2"),
        ("account", "create", ""),
        ("account", "create", " bob"),
        ("account", "create", "b" * 101),
        ("account", "create", "two\nlines"),
        ("account", "create", "bob", "--number", "6511111111"),
        ("account", "create", "bob", "--number", "+65 1111 1111"),
        ("account", "create", "bob", "--currency", "dollars"),
        ("account", "create", "bob", "--currency", "sgd"),
        ("account", "create", "bob", "--credit", "-1"),
        ("account", "create", "bob", "--credit", "1e3"),
        ("account", "create", "bob", "--credit", "0.0000001"),
        ("account", "create", "bob", "--credit", "1000000000.01"),
        ("account", "create"),
        ("account", "create", "bob", "--colour", "red"),
        ("app", "create", "nobody"),
        ("app", "create", "ann", "--app-id", "two words", "--access-token", "t"),
        ("credit", "add", "nobody", "5"),
        ("credit", "add", "AA-9", "5"),
        ("credit", "add", "ann", "0"),
        ("credit", "add", "ann", "-5"),
        ("credit", "add", "ann", "five"),
        ("credit", "add", "ann"),
        ("tariff", "import", "absent.csv"),
        ("tariff", "import", "."),
        ("nonsense",),
    ],
)
def test_bad_input_changes_nothing(stocked, words):
    """One line, exit code 2, and the database as it was."""
    before = everything(stocked.data)
    stocked.refused(*words)
    assert everything(stocked.data) == before


def everything(data):
    tables = ("accounts", "applications", "ledger", "tariffs", "decks", "deck_rates")
    return [ask(data, f"SELECT * FROM {table}") for table in tables]


def test_a_bad_tariff_is_refused_where_it_is_bad(admin, tmp_path):
    """The line and the column, and the deck in use stays."""
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("prefix,rate\n65,0.018\n")
    admin("account", "create", "ann")
    admin("tariff", "import", str(good))
    before = everything(admin.data)
    bad.write_text("prefix,rate\n65,0.018\n66,-1\n")
    assert "bad.csv, line 3, column rate: expected" in admin.refused("tariff", "import", str(bad))
    bad.write_bytes(b"prefix,rate\n65,\xff\n")
    assert "UTF-8" in admin.refused("tariff", "import", str(bad))
    assert everything(admin.data) == before


def test_an_import_tells_what_it_changed(admin, tmp_path):
    """Prefixes that are new, gone, or of another price in any part of it."""
    admin("account", "create", "ann")

    def imported(*lines):
        (tmp_path / "rates.csv").write_text(
            "\n".join(["prefix,rate,initial,increment,fee", *lines])
        )
        told = admin("tariff", "import", "rates.csv")
        return tuple(told[name] for name in ("rows", "added", "removed", "changed"))

    assert imported("65,1,,,", "1,1,,,", "44,1,,,") == (3, 3, 0, 0)
    assert imported("65,1,60,60,0", "1,1,,,", "44,1,,,") == (3, 0, 0, 0)
    assert imported("65,2,,,", "1,1,,,", "86,1,,,", "87,1,,,") == (4, 2, 1, 1)
    assert imported("65,2,30,,", "1,1,,6,", "86,1,,,0.1", "87,1,,,") == (4, 0, 0, 3)


def test_an_import_tells_what_is_free(admin, tmp_path):
    """A decimal comma is refused where it makes a column too many; a rate of 0 is told."""
    admin("account", "create", "ann")
    (tmp_path / "rates.csv").write_text("prefix,rate,fee\n65,0,0\n66,0,0.1\n67,0.1,0\n")
    assert admin("tariff", "import", "rates.csv")["free"] == 1
    (tmp_path / "rates.csv").write_text("prefix,rate\n65,0,018\n")
    told = "line 2: expected 2 columns, found 3; a decimal point is a dot"
    assert told in admin.refused("tariff", "import", "rates.csv")


def test_the_folder_may_be_named_by_a_configuration_file(tmp_path):
    """Or by nothing: then it is ./hoiio-data."""
    (tmp_path / "h.toml").write_text(f"data = {str(tmp_path / 'there')!r}\n")
    done = run("account", "create", "ann", "--config", "h.toml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "hoiio.db").exists()
    assert run("account", "create", "ann", "--data", "", folder=tmp_path).returncode == 0
    assert (tmp_path / "hoiio-data" / "hoiio.db").exists()
    assert run("account", "list", "--config", "absent.toml", folder=tmp_path).returncode == 2


def test_a_setting_that_only_serving_needs_is_not_checked(tmp_path):
    """The trunk's password may be exported for the service where the file is not named."""
    password = {"HOIIO_SERVER_SIP_TRUNK_PASSWORD": "x", "HOIIO_SERVER_CALLS_DEST1_SEES": "trunk"}
    done = run("account", "create", "ann", folder=tmp_path, **password)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path):
    """Not a stack trace."""
    (tmp_path / "file").write_text("")
    done = run("account", "list", "--data", str(tmp_path / "file"), folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"hoiio: [^\n]*is not a folder\n", done.stderr)


def test_a_currency_has_a_tariff_of_its_own(admin, tmp_path):
    """Accounts too; what is no currency is refused before anything is read."""
    (tmp_path / "rates.csv").write_text("prefix,rate\n65,0.018\n")
    words = ("tariff", "import", "rates.csv", "--currency")
    assert admin("account", "create", "ann", "--currency", "USD")["currency"] == "USD"
    assert admin(*words, "USD")["currency"] == "USD"
    assert ask(admin.data, "SELECT currency FROM tariffs") == [("USD",)]
    assert "three capital letters" in admin.refused(*words, "usd")


@pytest.mark.parametrize(
    "words",
    [
        ("account", "list"),
        ("app", "create", "ann"),
        ("credit", "add", "ann", "5"),
        ("tariff", "import", "rates.csv"),
    ],
)
def test_a_mistyped_folder_is_not_made(admin, words):
    """Neither a folder nor a database in another one; who makes them is told."""
    (admin.folder / "rates.csv").write_text("prefix,rate\n65,0.018\n")
    told = "hoiio admin account create or hoiio serve makes one"
    assert admin.refused(*words) == f"hoiio: no data folder {admin.data}; {told}\n"
    assert not admin.data.exists()
    admin.data.mkdir()
    refused = admin.refused(*words)
    assert refused == f"hoiio: no database in the data folder {admin.data}; {told}\n"
    assert list(admin.data.iterdir()) == []


def test_a_table_for_people(admin):
    """Every value in it whole, brackets in names untouched; also when there is nothing."""
    data = str(admin.data)
    asyncio.run(open_data(admin.data).close())
    assert "balance" in run("account", "list", "--pretty", "--data", data, folder=".").stdout
    admin("account", "create", "[red]安[/red]", "--credit", "5", "--number", "+6511111111")
    admin("account", "create", "n" * 100)
    shown = run("account", "list", "--pretty", "--data", data, folder=".").stdout
    head, _, first, second = shown.splitlines()
    assert head.split() == ["id", "name", "number", "currency", "balance"]
    assert first.split() == ["AA-1", "[red]安[/red]", "+6511111111", "SGD", "5.000"]
    assert second.split() == ["AA-2", "n" * 100, "SGD", "0.000"]
    assert head.index("currency") == second.index("SGD") == first.index("SGD") + 1
    words = ("app", "create", "AA-1", "--app-id", "x", "--access-token", "t" * 255, "--pretty")
    assert "t" * 255 in run(*words, "--data", data, folder=".").stdout


def test_commands_work_while_the_service_runs(admin):
    """What they write the running service reads at once."""
    prepare_folder(admin.data)

    async def test(shop):
        added = await asyncio.to_thread(admin, "credit", "add", "ann", "1.5")
        assert added["balance"] == "2.500"
        assert (await shop.account()).balance == 2_500_000
        made = await asyncio.to_thread(admin, "app", "create", "ann")
        found = await shop.storage.application(made["app_id"])
        assert found.access_token == made["access_token"]

    with ServiceLock(admin.data):
        in_a_shop(test, admin.data)
