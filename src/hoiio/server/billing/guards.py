"""Guards against toll fraud: which numbers an account may call, and how much it may spend on it.

Pure: values in, a verdict out. Prefixes come first, since a numbering plan knows neither region nor
type of a number that is possible but not assigned; regions and types come second.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from hoiio.server.billing.charge import Price, first_hold
from hoiio.server.billing.risky_prefixes import BUILT_IN, Kind

NO_COUNTRY: Final = "001"
"""What the numbering plan calls the region of codes that no country has."""

_LONGEST: Final = 15
_TOLD_DIGITS: Final = 6


class Guard(StrEnum):
    """Which guard refused a request; told in the log, never to the caller."""

    PREFIX = "refused_prefix"
    NUMBER_TYPE = "number_type"
    UNKNOWN_REGION = "unknown_region"
    COUNTRY = "country"
    RATE = "max_rate"
    SPEND_PER_HOUR = "spend_per_hour"
    SPEND_PER_DAY = "spend_per_day"
    UNCONNECTED_SECONDS = "unconnected_seconds_per_hour"
    UNCONNECTED_COST = "unconnected_cost_per_hour"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A guard that refuses, and its reason in words for the log."""

    guard: Guard
    reason: str


@dataclass(frozen=True, slots=True)
class Rules:
    """Which numbers may be called. Prefixes are digits without a plus, countries ISO 3166 codes.

    ``refuse_prefixes`` add to the built-in ones. Of all prefixes that a number starts with the
    longest decides, and an allowed one where two are as long; a number that it allows is asked
    nothing further but its rate. Empty ``countries`` are all of them. ``max_rate`` is in
    micro-units a leg, 0 for no ceiling: neither a minute's rate may be above it, nor what the first
    minute costs with its fee and increments.
    """

    refuse_prefixes: Collection[str] = ()
    allow_prefixes: Collection[str] = ()
    countries: Collection[str] = ()
    unknown_regions: bool = False
    max_rate: int = 0


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What an account may spend: micro-units, and seconds where it says so; 0 is no ceiling.

    An hour is one of the clock, a day one of GMT+8. ``unconnected_*`` count call-backs whose dest1
    answered and whose dest2 never did: their seconds, and what dest1's leg would have cost.
    """

    spend_per_hour: int = 0
    spend_per_day: int = 0
    unconnected_seconds_per_hour: int = 0
    unconnected_cost_per_hour: int = 0


@dataclass(frozen=True, slots=True)
class Overrides:
    """What an account has of its own in place of the service's guards; None is the service's."""

    refuse_prefixes: tuple[str, ...] | None = None
    allow_prefixes: tuple[str, ...] | None = None
    countries: tuple[str, ...] | None = None
    unknown_regions: bool | None = None
    max_rate: int | None = None
    spend_per_hour: int | None = None
    spend_per_day: int | None = None
    unconnected_seconds_per_hour: int | None = None
    unconnected_cost_per_hour: int | None = None

    def rules(self, service: Rules) -> Rules:
        """The account's rules: its own where it has some, the service's elsewhere."""
        own = {field.name: getattr(self, field.name) for field in fields(Rules)}
        return replace(service, **{name: value for name, value in own.items() if value is not None})


NO_RULES: Final = Rules()
"""The built-in prefixes, and no more than a known country."""

NO_OVERRIDES: Final = Overrides()


def number_verdict(rules: Rules, number: str) -> Verdict | None:
    """Why an E.164 number may not be called; None when it may."""
    digits = number.removeprefix("+")
    allowed = _longest(rules.allow_prefixes, digits)
    own = _longest(rules.refuse_prefixes, digits)
    built_in = _longest(BUILT_IN, digits)
    refused = max(own, built_in, key=len)
    if allowed and len(allowed) >= len(refused):
        return None
    if refused:
        kind = BUILT_IN[refused] if refused == built_in else Kind.CONFIGURED
        return Verdict(Guard.PREFIX, f"{_told(refused)}: {kind}")
    return _plan_verdict(rules, number)


def rate_verdict(rules: Rules, price: Price) -> Verdict | None:
    """Why a leg of this price is too dear; None when it is not.

    Its first minute counts whole: a fee, or a long first increment, can be the dear part.
    """
    if not rules.max_rate:
        return None
    if price.rate > rules.max_rate:
        return Verdict(Guard.RATE, "the rate is above max_rate")
    if first_hold((price,)) > rules.max_rate:
        return Verdict(Guard.RATE, "the first minute costs more than max_rate")
    return None


def _longest(prefixes: Collection[str], digits: str) -> str:
    """The longest of the prefixes that the digits start with; empty when none is."""
    if isinstance(prefixes, Mapping | frozenset | set):
        lengths = range(min(_LONGEST, len(digits)), 0, -1)
        return next((digits[:size] for size in lengths if digits[:size] in prefixes), "")
    return max((prefix for prefix in prefixes if digits.startswith(prefix)), key=len, default="")


def _told(prefix: str) -> str:
    """A prefix for the log, where no whole number may stand."""
    return prefix if len(prefix) <= _TOLD_DIGITS else f"{prefix[:_TOLD_DIGITS]}…"


@dataclass(frozen=True, slots=True)
class _Planned:
    """What the numbering plan knows: the region, or None and those that share the code."""

    region: str | None
    sharing: frozenset[str]
    premium: str | None


_UNPLANNED: Final = _Planned(None, frozenset(), None)
_DEAR: Final = {
    PhoneNumberType.PREMIUM_RATE: "premium rate",
    PhoneNumberType.SHARED_COST: "shared cost",
}


@lru_cache(maxsize=4096)
def _planned(number: str) -> _Planned:
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        return _UNPLANNED
    sharing = frozenset(phonenumbers.region_codes_for_country_code(parsed.country_code or 0))
    region = phonenumbers.region_code_for_number(parsed)
    if region == NO_COUNTRY:
        return _UNPLANNED
    return _Planned(region, sharing, _DEAR.get(phonenumbers.number_type(parsed)))


def _plan_verdict(rules: Rules, number: str) -> Verdict | None:
    found = _planned(number)
    if found.premium is not None:
        return Verdict(Guard.NUMBER_TYPE, found.premium)
    if found.region is None and not rules.unknown_regions:
        return Verdict(Guard.UNKNOWN_REGION, "no country of its code has such numbers")
    regions = found.sharing if found.region is None else {found.region}
    if rules.countries and not regions & frozenset(rules.countries):
        return Verdict(Guard.COUNTRY, found.region or "no country")
    return None
