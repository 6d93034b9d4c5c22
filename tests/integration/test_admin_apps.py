"""``hoiio admin app``: credentials that are shown once, changed, taken away, and never listed."""

import pytest

from integration.storage.store import ask
from support.admin import Admin, run

COLUMNS = [
    "app_id",
    "account",
    "name",
    "revoked",
    "signing_secret",
    "old_token_until",
    "old_secret_until",
    "created_at",
]


@pytest.fixture
def admin(tmp_path):
    admin = Admin(tmp_path)
    admin("account", "create", "ann")
    return admin


def test_new_credentials_are_shown_once(admin):
    """Token and signing secret; lists never show either."""
    made = admin("app", "create", "ann")
    assert list(made) == ["app_id", "access_token", "signing_secret"]
    assert made["signing_secret"].startswith("whsec_")
    admin("account", "create", "bob")
    other = admin("app", "create", "bob", "--app-id", "old", "--access-token", "t~k-of-sixteen-ch")
    assert other["signing_secret"] not in ("", made["signing_secret"])
    told = admin("app", "list")["applications"]
    assert [list(each) for each in told] == [COLUMNS] * 2
    assert [(each["app_id"], each["name"]) for each in told] == [
        (made["app_id"], "ann"),
        ("old", "bob"),
    ]
    assert [each["signing_secret"] for each in told] == [True, True]
    assert admin("app", "list", "bob")["applications"] == told[1:]
    table = run("app", "list", "--pretty", "--data", str(admin.data), folder=".").stdout
    assert table.split()[: len(COLUMNS)] == COLUMNS


def test_a_rotation_shows_the_new_one_and_says_how_long_the_old_one_counts(admin):
    """A token's none at all, a signing secret's a day, unless it is said otherwise."""
    app = admin("app", "create", "ann")
    first = admin("app", "rotate", app["app_id"])
    assert list(first) == ["app_id", "access_token", "old_token_until"]
    assert first["access_token"] not in ("", app["access_token"])
    assert first["old_token_until"] is None
    assert admin("app", "rotate", app["app_id"], "--keep-old", "0.5")["old_token_until"]
    secret = admin("app", "rotate", app["app_id"], "--signing-secret")
    assert list(secret) == ["app_id", "signing_secret", "old_secret_until"]
    assert secret["old_secret_until"]
    [(left,)] = ask(
        admin.data,
        "SELECT (former_secret_until / 1000000 - strftime('%s')) / 60 FROM applications",
    )
    assert left in (1439, 1440)
    gone = admin("app", "rotate", app["app_id"], "--signing-secret", "--overlap", "0")
    assert gone["old_secret_until"] is None


def test_what_is_no_longer_good_is_not_kept(admin):
    """An old token that is invalid at once leaves no column that holds it."""
    app = admin("app", "create", "ann")["app_id"]
    admin("app", "rotate", app, "--keep-old", "1")
    admin("app", "rotate", app)
    assert ask(admin.data, "SELECT former_token FROM applications") == [(None,)]
    admin("app", "rotate", app, "--keep-old", "1")
    assert ask(admin.data, "SELECT former_token IS NULL FROM applications") == [(0,)]
    admin("app", "revoke", app)
    assert ask(admin.data, "SELECT former_token FROM applications") == [(None,)]


def test_revoked_is_for_good(admin):
    """Once or twice makes no difference; nothing new is given to it."""
    app = admin("app", "create", "ann")["app_id"]
    told = admin("app", "revoke", app)
    assert told["revoked"] is True
    assert admin("app", "revoke", app) == told
    assert "is revoked" in admin.refused("app", "rotate", app)
    assert "is revoked" in admin.refused("app", "rotate", app, "--signing-secret")
    assert admin("app", "list")["applications"] == [told]


def test_wrong_use_is_one_line_and_changes_nothing(admin):
    """Unknown applications, options that do not go together, hours that are none."""
    app = admin("app", "create", "ann")["app_id"]
    before = ask(admin.data, "SELECT * FROM applications")
    assert "no application 'nope'" in admin.refused("app", "rotate", "nope")
    assert "no application 'nope'" in admin.refused("app", "revoke", "nope")
    assert "no account 'nope'" in admin.refused("app", "list", "nope")
    assert "--overlap" in admin.refused("app", "rotate", app, "--overlap", "1")
    both = ("--signing-secret", "--keep-old", "1")
    assert "--keep-old" in admin.refused("app", "rotate", app, *both)
    for hours in ("-1", "721", "x", "nan"):
        admin.refused("app", "rotate", app, f"--keep-old={hours}")
    assert ask(admin.data, "SELECT * FROM applications") == before


def test_a_mistyped_token_of_ours_is_told_from_another_services(admin):
    """By its checksum, when it is taken over; it is not repeated."""
    token = admin("app", "create", "ann")["access_token"]
    wrong = token[:-1] + ("a" if token[-1] != "a" else "b")
    words = ("app", "create", "ann", "--app-id", "x", "--access-token", "-")
    told = admin.refused(*words, typed=wrong)
    assert "checksum is wrong" in told
    assert wrong not in told
    assert admin(*words, typed=token)["access_token"] == token


def test_a_token_short_enough_to_be_guessed_is_taken_over_with_a_warning(admin):
    """On standard error, in one line that does not repeat it; a longer one needs none."""
    words = ("app", "create", "ann", "--data", str(admin.data), "--access-token", "-", "--app-id")
    done = run(*words, "short", typed="7345" * 3 + "123", folder=".")
    assert done.returncode == 0
    assert "shorter than 16 characters" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "7345" not in done.stderr
    assert done.stdout.count("7345") == 3
    done = run(*words, "long", typed="7345" * 4, folder=".")
    assert (done.returncode, done.stderr) == (0, "")
