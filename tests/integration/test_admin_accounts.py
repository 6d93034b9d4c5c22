"""``hoiio admin account set`` and ``show``, ``hoiio admin number``, as scripts use them."""

from dataclasses import fields

import pytest

from hoiio.server.billing.guards import Overrides
from integration.storage.store import ask, change
from support.admin import Admin, run

ONE, TWO, THREE = "+6511111111", "+6522222222", "+6533333333"


@pytest.fixture
def admin(tmp_path):
    return Admin(tmp_path)


@pytest.fixture(scope="module")
def stocked(tmp_path_factory):
    """One folder for all that must change nothing in it."""
    admin = Admin(tmp_path_factory.mktemp("stocked"))
    admin("account", "create", "ann", "--number", ONE)
    admin("number", "add", "ann", TWO)
    return admin


def test_an_account_is_shown_with_what_it_may_do(admin):
    """As a new one is, and after each change, which is printed as it is shown."""
    admin("account", "create", "ann", "--number", ONE, "--credit", "5")
    shown = admin("account", "show", "ann")
    assert shown == {
        "id": "AA-1",
        "name": "ann",
        "number": ONE,
        "currency": "SGD",
        "balance": "5.000",
        "status": "active",
        "requests_per_minute": 60,
        "calls_per_minute": 60,
        "concurrent_calls": 8,
    }
    for words, changed in (
        (("--trial",), {"status": "trial"}),
        (("--requests-per-minute", "7"), {"requests_per_minute": 7}),
        (("--calls-per-minute", "1000000"), {"calls_per_minute": 1_000_000}),
        (("--concurrent-calls", "1"), {"concurrent_calls": 1}),
        (("--active", "--number", TWO), {"status": "active", "number": TWO}),
    ):
        shown |= changed
        assert admin("account", "set", "AA-1", *words) == shown
        assert admin("account", "show", "ann") == shown


def test_guards_are_set_with_the_rest_and_told(admin):
    """Those that were named, as they hold then; the others stay, and so does the rest."""
    admin("account", "create", "ann")
    was = admin("account", "show", "ann")
    words = ("--countries", "sg,my", "--max-rate", "0.5", "--unknown-regions", "true")
    told = admin("account", "set", "ann", "--concurrent-calls", "3", *words)
    named = {"countries": "SG,MY", "unknown_regions": "true", "max_rate": "0.500"}
    assert told == was | {"concurrent_calls": 3} | named
    told = admin("account", "set", "ann", "--max-rate", "default", "--countries", "none")
    assert told == was | {"concurrent_calls": 3, "countries": "", "max_rate": "2.000"}
    shown = {
        row["guard"]: (row["value"], row["of"]) for row in admin("guards", "show", "ann")["guards"]
    }
    assert shown["unknown_regions"] == ("true", "account")
    assert shown["countries"] == ("", "account")
    assert shown["max_rate"] == ("2.000", "service")


def test_guards_and_limits_change_together_or_not_at_all(admin):
    """One transaction: what the database refuses of the one undoes the other."""
    admin("account", "create", "ann")
    change(
        admin.data,
        """CREATE TRIGGER refuse BEFORE UPDATE OF concurrent_calls ON accounts
        BEGIN SELECT RAISE(ABORT, 'no'); END""",
    )
    words = ("account", "set", "ann", "--concurrent-calls", "3", "--max-rate", "0.5")
    assert run(*words, "--data", str(admin.data), folder=admin.folder).returncode != 0
    assert ask(admin.data, "SELECT concurrent_calls, max_rate FROM accounts") == [(8, None)]


def test_both_commands_take_the_same_guards(admin):
    """Each option of ``guards set`` is one of ``account set``."""
    helps = [
        run(*words, "--help", folder=admin.folder, COLUMNS="300").stdout
        for words in (("guards", "set"), ("account", "set"))
    ]
    for name in (field.name for field in fields(Overrides)):
        assert all(f"--{name.replace('_', '-')} " in text for text in helps)


def test_changes_are_of_one_account(admin):
    admin("account", "create", "ann")
    bob = admin("account", "create", "bob")["id"]
    admin("account", "set", "ann", "--trial", "--calls-per-minute", "1")
    admin("number", "add", "ann", TWO)
    assert admin("account", "show", bob)["status"] == "active"
    assert admin("account", "show", bob)["calls_per_minute"] == 60
    assert admin("number", "list", bob) == {"id": bob, "numbers": []}


def test_numbers_are_listed_with_the_registered_one_first(admin):
    """Adding one again changes nothing, so that a script may be run twice."""
    admin("account", "create", "ann", "--number", TWO)
    listed = {
        "id": "AA-1",
        "numbers": [
            {"number": TWO, "registered": True},
            {"number": ONE, "registered": False},
        ],
    }
    for number in (ONE, ONE, TWO):
        assert admin("number", "add", "ann", number) == listed
    assert admin("number", "list", "AA-1") == listed
    del listed["numbers"][1]
    assert admin("number", "remove", "ann", ONE) == listed


def test_the_registered_number_is_removed_by_registering_another(admin):
    """As the refusal says; then it is the account's no more."""
    admin("account", "create", "ann", "--number", ONE)
    told = admin.refused("number", "remove", "ann", ONE)
    assert "hoiio admin account set ACCOUNT --number NUMBER" in told
    admin("account", "set", "ann", "--number", TWO)
    assert [each["number"] for each in admin("number", "list", "ann")["numbers"]] == [TWO]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("account", "set", "ann"), "nothing to change"),
        (("account", "set", "--trial"), "ACCOUNT"),
        (("account", "set", "nobody", "--trial"), "no account 'nobody'"),
        (("account", "set", "ann", "--trial", "--active"), "exclude each other"),
        (("account", "set", "ann", "--no-trial"), "--no-trial"),
        *(
            (("account", "set", "ann", name, value), "must be a whole number from 1 to 1000000")
            for name in ("--requests-per-minute", "--calls-per-minute", "--concurrent-calls")
            for value in ("0", "1000001", "1.5", "1e3", "many", "")
        ),
        (("account", "set", "ann", "--calls-per-minute", "-1"), "-1"),
        (("account", "set", "ann", "--calls-per-minute", "5", "--number", "65"), "such as +65"),
        (("account", "set", "ann", "--trial", "--countries", "ZZ"), "no country has the code ZZ"),
        (("account", "set", "ann", "--trial", "--max-rate", "x"), "--max-rate must be an amount"),
        (("account", "set", "ann", "--no-unknown-regions"), "--no-unknown-regions"),
        (("account", "show", "AA-9"), "no account 'AA-9'"),
        (("account", "show"), "ACCOUNT"),
        (("number", "add", "ann", "6511111111"), "such as +65"),
        (("number", "add", "ann", "+65 1111 1111"), "such as +65"),
        (("number", "add", "nobody", THREE), "no account 'nobody'"),
        (("number", "add", "ann"), "NUMBER"),
        (("number", "remove", "ann", THREE), "none of the numbers of 'ann'"),
        (("number", "remove", "ann", ONE), "is the registered number"),
        (("number", "remove", "ann", "x"), "such as +65"),
        (("number", "list", "nobody"), "no account 'nobody'"),
    ],
)
def test_bad_input_changes_nothing(stocked, words, says):
    """One line that says what to do, exit code 2, and the database as it was."""

    def everything():
        return [ask(stocked.data, f"SELECT * FROM {table}") for table in ("accounts", "numbers")]

    before = everything()
    assert says in stocked.refused(*words)
    assert everything() == before


@pytest.mark.parametrize(
    "words",
    [
        ("account", "set", "ann", "--trial"),
        ("account", "show", "ann"),
        ("number", "add", "ann", ONE),
        ("number", "remove", "ann", ONE),
        ("number", "list", "ann"),
    ],
)
def test_a_mistyped_folder_is_not_made(admin, words):
    assert "no data folder" in admin.refused(*words)
    assert not admin.data.exists()


def test_tables_for_people(stocked):
    """One row for an account, one a number."""
    data = str(stocked.data)
    shown = run("account", "show", "ann", "--pretty", "--data", data, folder=".").stdout
    head, _, row = shown.splitlines()
    assert head.split()[-4:] == [
        "status", "requests_per_minute", "calls_per_minute", "concurrent_calls",
    ]  # fmt: skip
    assert row.split()[-4:] == ["active", "60", "60", "8"]
    shown = run("number", "list", "ann", "--pretty", "--data", data, folder=".").stdout
    assert [line.split()[0] for line in shown.splitlines()[2:]] == [ONE, TWO]
