"""The application's own tests: no phone rings, no minute passes, nothing leaves the machine."""

from dataclasses import replace
from decimal import Decimal
from io import BytesIO

import click_to_call
import pytest
from click_to_call import bills, ring, spent

from hoiio import Hoiio
from hoiio.testing import ANSWERS, BUSY, NO_CREDIT, RINGS, Captured, drops_after

AGENT = ANSWERS


def post(told: Captured) -> int:
    """Hand a notification to the web hook as a web server would; its HTTP status."""
    given = {f"HTTP_{name.upper().replace('-', '_')}": told.headers[name] for name in told.headers}
    given |= {"CONTENT_LENGTH": str(len(told.body)), "wsgi.input": BytesIO(told.body)}
    answers = []
    list(click_to_call.app(given, lambda status, headers: answers.append(status)))
    return int(answers[0].split()[0])


@pytest.fixture
def phones(hoiio_sandbox):
    bills.clear()
    spent.clear()
    hoiio_sandbox.deliver_to = post
    return hoiio_sandbox


def test_a_talk_is_billed_by_started_minutes(phones):
    ref = ring(AGENT, drops_after(90), "order-7")
    phones.advance(90)
    assert bills["order-7"] == 2
    assert spent[ref] == Decimal("0.072")


@pytest.mark.parametrize("customer", [BUSY, RINGS])
def test_a_customer_who_is_not_reached_costs_nothing(phones, customer):
    ref = ring(AGENT, customer, "order-8")
    phones.advance(60)
    assert (bills["order-8"], spent[ref]) == (0, 0)


def test_nobody_is_rung_without_credit(phones):
    assert ring(AGENT, NO_CREDIT, "order-9") == "error_insufficient_credit"


def test_a_notification_that_comes_twice_counts_once(phones):
    ring(AGENT, drops_after(30), "order-7")
    phones.advance(30)
    [told] = phones.notifications
    assert post(told) == 200
    assert bills["order-7"] == 1


def test_a_forged_notification_is_refused(phones):
    ref = ring(AGENT, "+6598765432", "order-7")
    Hoiio.voice.hangup(ref)
    [told] = phones.notifications
    forged = replace(told, body=told.body + b"&debit=0")
    assert post(forged) == 403
