"""Which numbers a service calls before anybody configured anything, and how that is changed."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from hoiio.server.billing.charge import Price
from hoiio.server.billing.guards import (
    Guard,
    Overrides,
    Rules,
    number_verdict,
    rate_verdict,
)
from hoiio.server.billing.risky_prefixes import BUILT_IN, Kind

GUIDE = ("+6511111111", "+6522222222", "+6533333333", "+13035551111", "+19725552222")
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def example(region, kind):
    number = phonenumbers.example_number_for_type(region, kind)
    return number and phonenumbers.format_number(number, PhoneNumberFormat.E164)


def spoken(number, **rules):
    verdict = number_verdict(Rules(**rules), number)
    return verdict and verdict.guard


@pytest.mark.parametrize("number", GUIDE)
def test_the_guides_numbers_are_called(number):
    """Also those that nobody was ever given: their code belongs to one country."""
    assert spoken(number) is None


@pytest.mark.parametrize("region", REGIONS)
def test_no_countrys_ordinary_numbers_are_taken_for_dear_ones(region):
    """Fixed and mobile numbers everywhere, but for places that are refused as a whole."""
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
        number = example(region, kind)
        verdict = number and number_verdict(Rules(), number)
        assert verdict is None or verdict.reason.endswith(Kind.REMOTE)


@pytest.mark.parametrize("region", REGIONS)
def test_every_countrys_premium_and_shared_cost_numbers_are_refused(region):
    """As the numbering plan knows them, whether or not a prefix names them."""
    for kind in (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST):
        number = example(region, kind)
        assert number is None or spoken(number) in (Guard.PREFIX, Guard.NUMBER_TYPE)


@pytest.mark.parametrize(
    "number",
    ["+19001111111", "+19761234567", "+881612345678", "+882161234567", "+883510012345",
     "+870773123456", "+80012345678", "+80812345678", "+979123456789", "+6519001111111",
     "+449011111111", "+448711111111", "+447011111111", "+4990012345678", "+24612345"],
)  # fmt: skip
def test_well_known_ranges_are_refused_assigned_or_not(number):
    """A number that no plan knows is dialled and charged all the same."""
    assert spoken(number) is Guard.PREFIX


@pytest.mark.parametrize("number", ["+441481123456", "+76001234567", "+10001234567"])
def test_a_number_that_fits_no_country_of_a_shared_code_is_unknown(number):
    """Refused, until regions that are unknown are let through or a prefix is."""
    assert spoken(number) is Guard.UNKNOWN_REGION
    assert spoken(number, unknown_regions=True) is None
    assert spoken(number, allow_prefixes=[number[1:5]]) is None


def test_a_code_of_no_country_is_unknown_and_in_no_country():
    """Even where unknown regions are let through, a list of countries has no place for it."""
    assert spoken("+21012345678") is Guard.UNKNOWN_REGION
    assert spoken("+21012345678", unknown_regions=True) is None
    assert spoken("+21012345678", unknown_regions=True, countries=["SG"]) is Guard.COUNTRY


def test_only_listed_countries_are_called():
    """By the number's own country; one that is not assigned by any that shares its code."""
    assert spoken("+6511111111", countries=["SG"]) is None
    assert spoken("+6511111111", countries=["MY", "US"]) is Guard.COUNTRY
    assert spoken("+12125551234", countries=["CA"]) is Guard.COUNTRY
    assert spoken("+12125551234", countries=["CA"], allow_prefixes=["1212"]) is None
    assert spoken("+10001234567", countries=["US"], unknown_regions=True) is None


digits = st.text("0123456789", min_size=1, max_size=4)
numbers = st.text("0123456789", min_size=5, max_size=15)


@given(number=numbers, refused=st.sets(digits, max_size=8), allowed=st.sets(digits, max_size=8))
def test_the_longest_prefix_wins_and_an_allowed_one_where_they_are_as_long(
    number, refused, allowed
):
    """Against the plainest possible search, built-in prefixes included."""

    def longest(prefixes):
        return max((len(prefix) for prefix in prefixes if number.startswith(prefix)), default=0)

    against, for_it = longest(refused | BUILT_IN.keys()), longest(allowed)
    found = spoken(f"+{number}", refuse_prefixes=tuple(refused), allow_prefixes=tuple(allowed))
    assert (found is Guard.PREFIX) == (against > for_it)
    if for_it and for_it >= against:
        assert found is None


def test_no_reason_tells_a_whole_number():
    """A number can be refused by all of its digits, and the reason goes to the log."""
    verdict = number_verdict(Rules(refuse_prefixes=["6512345678"]), "+6512345678")
    assert "12345678" not in verdict.reason


@given(rate=st.integers(0, 10**9), most=st.integers(0, 10**9))
def test_a_rate_above_the_ceiling_is_refused(rate, most):
    """At the ceiling it is not; 0 is no ceiling."""
    assert (rate_verdict(Rules(max_rate=most), Price(rate)) is not None) == (0 < most < rate)


@pytest.mark.parametrize(
    ("price", "first_minute"),
    [
        (Price(100, fee=50), 150),
        (Price(100, initial=300), 500),
        (Price(100, initial=1, increment=1), 100),
        (Price(100, initial=45, increment=45), 150),
        (Price(0, fee=200), 200),
    ],
)
def test_a_first_minute_above_the_ceiling_is_refused(price, first_minute):
    """With its fee, and whatever its first increments charge: a low rate hides neither."""
    assert rate_verdict(Rules(max_rate=first_minute), price) is None
    verdict = rate_verdict(Rules(max_rate=first_minute - 1), price)
    assert verdict is not None
    assert verdict.guard is Guard.RATE
    assert rate_verdict(Rules(max_rate=0), price) is None


values = st.fixed_dictionaries(
    {},
    optional={
        "refuse_prefixes": st.just(("65",)),
        "allow_prefixes": st.just(("1900",)),
        "countries": st.just(()),
        "unknown_regions": st.booleans(),
        "max_rate": st.integers(0, 9),
    },
)


@given(own=values, service=values)
def test_an_accounts_own_rules_stand_in_place_of_the_services(own, service):
    """Each for itself, and what is none or nothing counts as its own."""
    found = Overrides(**own).rules(Rules(**service))
    assert found == Rules(**(service | own))


@pytest.mark.parametrize("prefix", sorted(BUILT_IN))
def test_the_built_in_prefixes_are_digits(prefix):
    """One to seven of them."""
    assert prefix.isascii()
    assert prefix.isdigit()
    assert len(prefix) <= 7
