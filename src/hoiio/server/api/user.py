"""The ``user/`` endpoints: what the account has, and who it is."""

from __future__ import annotations

import phonenumbers

from hoiio.server.api import answers
from hoiio.server.api.answers import Answer
from hoiio.server.api.desk import Desk
from hoiio.server.api.params import Params
from hoiio.server.storage.protocol import Application


async def get_balance(_desk: Desk, application: Application, _given: Params) -> Answer:
    """What the account can spend, after holds."""
    return answers.balance(application.account)


async def get_info(_desk: Desk, application: Application, _given: Params) -> Answer:
    """Who the account is and which caller IDs it may show."""
    account = application.account
    prefix, country = _home(account.number)
    return {
        "uid": f"AA-{account.id}",
        "name": account.name,
        "mobile_number": account.number or "",
        "caller_ids": [*account.own, "private"],
        "country": country,
        "prefix": prefix,
        "currency": account.currency,
        "time_zone": "GMT+0800SG",
        "user_status": "trial" if account.trial else "active",
        "sms_rebrand_status": "disabled",
        "call_rebrand_status": "disabled",
    }


def _home(number: str | None) -> tuple[str, str]:
    """Calling prefix and ISO 3166-1 alpha-2 country of a number; empty where there is none."""
    if number is None:
        return "", ""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "", ""
    region = phonenumbers.region_code_for_number(parsed)
    if region is None:  # a possible but unassigned number, in a code that countries share
        region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return f"+{parsed.country_code}", region if region.isalpha() else ""
