"""``hoiio admin guards``: what an account has of its own, and that a slip changes nothing."""

import pytest

from support.admin import Admin


@pytest.fixture
def admin(tmp_path):
    admin = Admin(tmp_path)
    admin("account", "create", "acme")
    return admin


def guards(shown):
    return {row["guard"]: (row["value"], row["of"]) for row in shown["guards"]}


def test_a_fresh_account_has_the_services_guards(admin):
    """As configured, every one of them on."""
    shown = admin("guards", "show", "acme")
    assert guards(shown) == {
        "refuse_prefixes": ("", "service"),
        "allow_prefixes": ("", "service"),
        "countries": ("", "service"),
        "unknown_regions": ("false", "service"),
        "max_rate": ("2.000", "service"),
        "spend_per_hour": ("50.000", "service"),
        "spend_per_day": ("200.000", "service"),
        "unconnected_seconds_per_hour": ("3600", "service"),
        "unconnected_cost_per_hour": ("10.000", "service"),
    }
    assert (shown["spent_this_hour"], shown["unconnected_seconds"]) == ("0.000", "0")
    (admin.data / "hoiio.toml").write_text('[guards]\ncountries = ["SG"]\nmax_rate = 0.5\n')
    changed = guards(admin("guards", "show", "acme"))
    assert (changed["countries"], changed["max_rate"]) == (("SG", "service"), ("0.500", "service"))


def test_guards_of_its_own_one_by_one_and_back(admin):
    """What is not named stays; ``none`` is an empty list of its own."""
    admin("guards", "set", "AA-1", "--countries", "sg, MY", "--spend-per-day", "12.5")
    admin("guards", "set", "acme", "--refuse-prefixes", "+6599,6588", "--unknown-regions", "true")
    shown = guards(admin("guards", "set", "acme", "--countries", "none"))
    assert shown["countries"] == ("", "account")
    assert shown["spend_per_day"] == ("12.500", "account")
    assert shown["refuse_prefixes"] == ("6599,6588", "account")
    assert shown["unknown_regions"] == ("true", "account")
    back = guards(admin("guards", "set", "acme", "--spend-per-day", "default"))
    assert back["spend_per_day"] == ("200.000", "service")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "nothing to set"),
        (("--allow-prefixes", "19x"), "--allow-prefixes must be a list of prefixes"),
        (("--countries", "Singapore"), "--countries must be a list of two-letter country codes"),
        (("--countries", "SG,ZZ"), "two-letter country codes"),
        (("--countries", "uk"), "no country has the code UK"),
        (("--unknown-regions", "maybe"), "--unknown-regions must be true or false"),
        (("--max-rate", "-1"), "max-rate"),
        (("--spend-per-hour", "0.0000001"), "--spend-per-hour must be an amount"),
        (("--unconnected-seconds-per-hour", "2.5"), "must be a whole number from 0"),
    ],
)
def test_a_slip_is_told_and_changes_nothing(admin, words, told):
    before = admin("guards", "show", "acme")
    assert told in admin.refused("guards", "set", "acme", *words)
    assert admin("guards", "show", "acme") == before


def test_an_unknown_account_is_refused(admin):
    assert "no account 'nobody'" in admin.refused("guards", "show", "nobody")
