"""``hoiio admin tariff`` with starts: told, listed, taken back, and refused in one line."""

import pytest

from support.admin import Admin


@pytest.fixture
def admin(tmp_path):
    admin = Admin(tmp_path)
    admin("account", "create", "acme")
    (tmp_path / "a.csv").write_text("prefix,rate\n65,0.018\n66,0.02\n")
    (tmp_path / "b.csv").write_text("prefix,rate\n65,0.02\n")
    return admin


def test_decks_to_come_are_listed_beside_the_one_in_use(admin):
    """A start is in GMT+8 unless an offset says otherwise."""
    assert "starts" not in admin("tariff", "import", "a.csv")
    told = admin("tariff", "import", "b.csv", "--starts", "2100-01-01 08:00")
    assert told == {
        "rows": 1, "free": 0, "currency": "SGD", "added": 0, "removed": 1, "changed": 1,
        "starts": "2100-01-01 08:00:00",
    }  # fmt: skip
    told = admin("tariff", "import", "a.csv", "--starts", "2099-12-31 23:30:05Z")
    assert told["starts"] == "2100-01-01 07:30:05"
    assert (told["added"], told["removed"], told["changed"]) == (0, 0, 0)
    used, *coming = admin("tariff", "list")["tariffs"]
    assert (used["currency"], used["rows"], used["in_use"]) == ("SGD", 2, True)
    assert coming == [
        {"currency": "SGD", "rows": 2, "starts": "2100-01-01 07:30:05", "in_use": False},
        {"currency": "SGD", "rows": 1, "starts": "2100-01-01 08:00:00", "in_use": False},
    ]
    moment = "2100-01-01 00:00+00:00"
    assert "another deck" in admin.refused("tariff", "import", "a.csv", "--starts", moment)
    assert admin("tariff", "remove", "--starts", moment)["removed"] == "2100-01-01 08:00:00"
    assert len(admin("tariff", "list")["tariffs"]) == 2
    assert "no deck" in admin.refused("tariff", "remove", "--starts", moment)


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ("tomorrow", "--starts must be a moment in GMT+8"),
        ("2100-02-30 08:00", "--starts must be a moment"),
        ("2100-01-01", "--starts must be a moment"),
        ("2100-01-01 08:00+99:00", "--starts must be a moment"),
        ("0001-01-01 00:00+14:00", "--starts must be"),
        ("2012-01-31 12:00", "--starts must be in the future"),
    ],
)
def test_what_is_no_future_moment_is_refused(admin, start, told):
    """Before anything is stored."""
    assert told in admin.refused("tariff", "import", "a.csv", "--starts", start)
    assert told in admin.refused("tariff", "remove", "--starts", start)
    assert admin("tariff", "list") == {"tariffs": []}
