"""What is sent: credentials, base URLs, forms. No I/O."""

from enum import Enum

import pytest

from hoiio import InvalidArgument, NotConfigured, wire
from hoiio.request import Credentials, Site, base_url, credentials

ENVIRONMENT = {"HOIIO_APP_ID": "env-id", "HOIIO_ACCESS_TOKEN": "env-token"}


NEITHER = (None, None)


@pytest.mark.parametrize(
    ("asked", "own", "environment", "who"),
    [
        # One place has both.
        (("id", "token"), ("own", "own-token"), ENVIRONMENT, ("id", "token")),
        (NEITHER, ("own", "own-token"), ENVIRONMENT, ("own", "own-token")),
        (NEITHER, NEITHER, ENVIRONMENT, ("env-id", "env-token")),
        # The next place has the token of the same application, or of none that it names.
        (("own", None), ("own", "own-token"), {}, ("own", "own-token")),
        (NEITHER, ("env-id", None), ENVIRONMENT, ("env-id", "env-token")),
        (("env-id", None), NEITHER, ENVIRONMENT, ("env-id", "env-token")),
        (("env-id", None), ("env-id", None), ENVIRONMENT, ("env-id", "env-token")),
        (NEITHER, ("id", None), {"HOIIO_ACCESS_TOKEN": "token"}, ("id", "token")),
        (NEITHER, ("id", None), {"HOIIO_APP_ID": "", "HOIIO_ACCESS_TOKEN": "t"}, ("id", "t")),
        # A new token for the application of the next place.
        ((None, "new"), ("own", "own-token"), ENVIRONMENT, ("own", "new")),
        (NEITHER, (None, "new"), ENVIRONMENT, ("env-id", "new")),
        (("env-id", None), (None, "new"), ENVIRONMENT, ("env-id", "new")),
    ],
)
def test_the_two_credentials_are_of_one_application(asked, own, environment, who):
    """Those of the request go before the client's own, and these before the environment's."""
    assert credentials(asked, own, environment) == Credentials(*who)


@pytest.mark.parametrize(
    ("asked", "own"),
    [
        (NEITHER, ("other", None)),
        (("other", None), NEITHER),
        (("other", None), ("own", "own-token")),
        (("other", None), ("own", None)),
        (("other", None), (None, "new")),
        (("env-id", None), ("other", "other-token")),
    ],
)
def test_no_token_goes_out_with_another_application(asked, own):
    """The exception says which of the two is missing, and shows neither."""
    with pytest.raises(NotConfigured, match="no access_token") as raised:
        credentials(asked, own, ENVIRONMENT)
    for secret in ("env-token", "own-token", "new"):
        assert secret not in str(raised.value)


@pytest.mark.parametrize(
    ("own", "missing"),
    [(("id", None), "no access_token"), (NEITHER, "no app_id"), ((None, "token"), "no app_id")],
)
def test_no_credentials_says_how_to_set_them(own, missing):
    """Both ways are named."""
    with pytest.raises(NotConfigured, match=missing) as raised:
        credentials(NEITHER, own, {})
    for way in ("Hoiio.init(", "HOIIO_APP_ID", "HOIIO_ACCESS_TOKEN"):
        assert way in str(raised.value)


@pytest.mark.parametrize(("app_id", "token"), [("id", "s3cret\udcff"), ("s3cret\ud800", "token")])
def test_credentials_that_cannot_be_sent_are_not_shown(app_id, token):
    """Not by the exception, nor by another one that led to it and holds the text."""
    environment = {"HOIIO_APP_ID": app_id, "HOIIO_ACCESS_TOKEN": token}
    for asked, found in (((app_id, token), {}), (NEITHER, environment)):
        with pytest.raises(NotConfigured, match="cannot be sent") as raised:
            credentials(asked, NEITHER, found)
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


def test_a_base_url_that_is_refused_shows_no_password():
    """It may be one but for a detail."""
    with pytest.raises(NotConfigured) as raised:
        base_url("https://me:passw0rd@a.example/?x=1", {})
    assert "passw0rd" not in str(raised.value)
    assert "a.example" in str(raised.value)


def asked(params, key=None, *, who=("id", "token"), method="POST", **times):
    times = {"connect": 5.0, "total": 30.0, **times}
    return Site(Credentials(*who), "http://a/", method).request("b", params, key, **times)


def test_a_form_leaves_out_what_is_absent():
    """And writes everything else as text; an empty value is sent, as it was given."""
    sent = asked({"page": 2, "to": None, "tag": "", "a": "+1 é&="}, who=("id", "to ken"))
    assert sent.body == b"app_id=id&access_token=to+ken&page=2&tag=&a=%2B1+%C3%A9%26%3D"


def test_what_is_no_text_is_named():
    """One exception, from this package, instead of the encoder's."""
    with pytest.raises(InvalidArgument, match=r"tag: '\\udcff' cannot be sent") as raised:
        asked({"txn_ref": "AA-C-1", "tag": "\udcff"})
    assert not isinstance(raised.value, UnicodeError)


def test_a_request_says_the_same_by_either_method():
    """With GET everything is in the URL; a key is a header in both."""
    form = "app_id=id&access_token=token&x=1"
    posted = asked({"x": 1}, "key-1")
    assert posted == (
        "POST",
        "http://a/b",
        {
            "Content-Type": "application/x-www-form-urlencoded",
            "Idempotency-Key": "key-1",
        },
        form.encode(),
        5.0,
        30.0,
    )
    got = asked({"x": 1}, method="GET")
    assert got == ("GET", f"http://a/b?{form}", {}, b"", 5.0, 30.0)


def test_connecting_takes_no_longer_than_everything():
    """Whatever was set."""
    assert asked({}, connect=5.0, total=1.0)[-2:] == (1.0, 1.0)


class Place(str, Enum):  # noqa: UP042 - as programs for Python 3.10 have it
    SLASH = "http://a.example/open/"
    NONE = "http://a.example/open"


@pytest.mark.parametrize("place", Place)
def test_a_base_url_of_an_enum_is_its_text(place):
    """As a member, with or without its final slash, is written into a URL by its name."""
    found = base_url(place, {})
    assert (f"{found}voice/call", type(found)) == ("http://a.example/open/voice/call", str)
