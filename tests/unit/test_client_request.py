"""What is sent: credentials, base URLs, numbers with a prefix, dates, forms. No I/O."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hoiio import NotConfigured, wire
from hoiio.request import (
    Credentials,
    base_url,
    country_prefix,
    credentials,
    date,
    form,
    number,
)

ENVIRONMENT = {"HOIIO_APP_ID": "env-id", "HOIIO_ACCESS_TOKEN": "env-token"}


def test_credentials_given_go_before_the_environment():
    """Each of the two on its own."""
    assert credentials("id", "token", ENVIRONMENT) == Credentials("id", "token")
    assert credentials("id", None, ENVIRONMENT) == Credentials("id", "env-token")
    assert credentials(None, None, ENVIRONMENT) == Credentials("env-id", "env-token")


@pytest.mark.parametrize(
    ("app_id", "missing"), [("id", "no access_token"), (None, "no app_id"), ("", "no app_id")]
)
def test_no_credentials_says_how_to_set_them(app_id, missing):
    """Both ways are named."""
    with pytest.raises(NotConfigured, match=missing) as raised:
        credentials(app_id, None, {})
    for way in ("Hoiio.init(", "HOIIO_APP_ID", "HOIIO_ACCESS_TOKEN"):
        assert way in str(raised.value)


@pytest.mark.parametrize(("app_id", "token"), [("id", "s3cret\udcff"), ("s3cret\ud800", "token")])
def test_credentials_that_cannot_be_sent_are_not_shown(app_id, token):
    """Not by the exception, nor by another one that led to it and holds the text."""
    with pytest.raises(NotConfigured, match="cannot be sent") as raised:
        credentials(app_id, token, {})
    assert "s3cret" not in repr(raised.value)
    assert raised.value.__context__ is None


def test_the_token_is_in_no_repr():
    """Credentials are shown without it."""
    assert "secret" not in repr(Credentials("id", "secret"))


def test_a_base_url_is_given_or_in_the_environment_or_the_originals():
    """In this order."""
    environment = {"HOIIO_BASE_URL": "http://env.example/open/"}
    assert base_url("http://a.example/open/", environment) == "http://a.example/open/"
    assert base_url(None, environment) == "http://env.example/open/"
    assert base_url(None, {}) == wire.BASE_URL


def test_a_base_url_needs_no_final_slash():
    """Both forms are the same place."""
    assert base_url("http://[::1]:8080/open", {}) == "http://[::1]:8080/open/"


@pytest.mark.parametrize(
    "url",
    [
        "example.com/open/",
        "ftp://example.com/",
        "http://",
        "http://a.example/?x=1",
        "http://a.example/#x",
        "http://a.example:port/",
        "http://a.example:0/",
        "http://[::1/",
        "http://a example/",
        "http://a.example/\x00",
    ],
)
def test_what_is_no_base_url_is_refused(url):
    """Before anything is sent."""
    with pytest.raises(NotConfigured, match="HOIIO_BASE_URL"):
        base_url(url, {})


def test_a_prefix_goes_before_numbers_without_a_plus():
    """Never before a full number or a word like 'private'."""
    assert country_prefix("65") == country_prefix("+65") == "+65"
    assert number("91234567", "+65") == "+6591234567"
    assert number("+6591234567", "+65") == "+6591234567"
    assert number("private", "+65") == "private"
    assert number("91234567", None) == "91234567"
    assert number(None, "+65") is None
    assert number("", "+65") == ""


def test_a_number_may_be_an_int():
    """Its digits are meant, with a prefix and without."""
    assert number(91234567, "+65") == "+6591234567"
    assert number(91234567, None) == "91234567"


@pytest.mark.parametrize("prefix", ["", "+", "++65", "6 5", "SG", "٦٥", 65, b"65"])
def test_what_is_no_prefix_is_refused(prefix):
    """At once, not with the next call."""
    with pytest.raises(ValueError, match="country prefix"):
        country_prefix(prefix)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (None, None),
        ("2012-01-31 12:06:15", "2012-01-31 12:06:15"),
        (datetime(2012, 1, 31, 12, 6, 15, 999), "2012-01-31 12:06:15"),
        (datetime(2012, 1, 31, 20, 0, tzinfo=UTC), "2012-02-01 04:00:00"),
        (datetime(2012, 1, 1, tzinfo=timezone(timedelta(hours=9))), "2011-12-31 23:00:00"),
    ],
)
def test_dates_are_sent_in_gmt8(value, sent):
    """Naive ones are there already, aware ones are converted."""
    assert date(value) == sent


def test_a_form_leaves_out_what_is_absent():
    """And writes everything else as text; an empty value is sent, as it was given."""
    sent = form(Credentials("id", "token"), {"page": 2, "to": None, "tag": ""})
    assert sent == {"app_id": "id", "access_token": "token", "page": "2", "tag": ""}


def test_what_is_no_text_is_named():
    """One exception, from this package, instead of the encoder's."""
    with pytest.raises(ValueError, match=r"tag cannot be sent.*'\\udcff'") as raised:
        form(Credentials("id", "token"), {"txn_ref": "AA-C-1", "tag": "\udcff"})
    assert not isinstance(raised.value, UnicodeError)
