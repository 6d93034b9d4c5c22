"""``Hoiio``: set up once, used from anywhere."""

import inspect
import os
from unittest import mock

import pytest

from hoiio import Hoiio, InsufficientCredit, NotConfigured
from hoiio.facade import Facade
from hoiio.transport.with_httpx2 import Httpx2Transport
from support.canned import canned_server


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("HOIIO_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def server():
    with canned_server() as canned:
        yield canned


@pytest.fixture
def facade():
    facade = Facade()
    yield facade
    facade.close()


def test_the_guides_first_lines(server, facade):
    """Set up, call, read the reference."""
    server.answers = [{"status": "success_ok", "txn_ref": "AA-C-1"}]
    facade.init("id", "token", base_url=server.url)
    res = facade.voice.call("+6511111111", "+6522222222")
    assert (res.is_success(), res.txn_ref) == (True, "AA-C-1")
    assert server.asked[0].form["app_id"] == "id"


def test_without_init_the_environment_counts(server, facade, monkeypatch):
    """Nothing but Hoiio.account.balance() is written."""
    monkeypatch.setenv("HOIIO_APP_ID", "env-id")
    monkeypatch.setenv("HOIIO_ACCESS_TOKEN", "env-token")
    monkeypatch.setenv("HOIIO_BASE_URL", server.url)
    facade.account.balance()
    assert server.asked[0].form == {"app_id": "env-id", "access_token": "env-token"}


def test_without_either_it_says_what_to_do(facade):
    """Both ways are named, nothing is sent."""
    with pytest.raises(NotConfigured, match=r"Hoiio\.init"):
        facade.account.balance()


def test_an_app_id_alone_takes_no_token_of_another(server, facade, monkeypatch):
    """Neither from the environment nor from init()."""
    monkeypatch.setenv("HOIIO_APP_ID", "env-id")
    monkeypatch.setenv("HOIIO_ACCESS_TOKEN", "env-token")
    facade.init("other", base_url=server.url)
    with pytest.raises(NotConfigured, match="no access_token"):
        facade.account.balance()
    facade.init("id", "token", base_url=server.url)
    with pytest.raises(NotConfigured, match="no access_token"):
        facade.account.balance(app_id="other")
    assert server.asked == []
    facade.account.balance(app_id="id")
    facade.init("env-id", base_url=server.url)
    facade.account.balance(access_token="new")
    assert [asked.form for asked in server.asked] == [
        {"app_id": "id", "access_token": "token"},
        {"app_id": "env-id", "access_token": "new"},
    ]


def test_an_init_that_is_refused_changes_nothing(server, facade):
    """What worked goes on."""
    facade.init("id", "token", base_url=server.url)
    with pytest.raises(NotConfigured, match="base_url"):
        facade.init("id", "token", base_url="foo")
    assert facade.account.balance().is_success()


def test_a_transport_that_is_replaced_is_closed(server, facade):
    """Nobody would use its connections any more; one that stays is left alone."""

    class Closing:
        def __init__(self):
            self.inner, self.closed = Httpx2Transport(), 0
            self.send = self.inner.send

        def close(self):
            self.inner.close()
            self.closed += 1

    first, second = Closing(), Closing()
    for transport, closed in [(first, 0), (first, 0), (None, 0), (second, 1), (None, 1)]:
        facade.init("id", "token", base_url=server.url, transport=transport)
        assert facade.account.balance().is_success()
        assert (first.closed, second.closed) == (closed, 0)
    with pytest.raises(NotConfigured):
        facade.init("id", "token", base_url="foo", transport=first)
    assert second.closed == 0
    facade.init("id", "token", base_url=server.url, transport="httpx2")
    assert second.closed == 1


def test_what_a_program_imports_is_a_facade():
    """One for all its modules."""
    assert isinstance(Hoiio, Facade)


def test_a_call_may_bring_all_credentials_itself(server, facade):
    """Then no init() is needed but for the place."""
    facade.init(base_url=server.url)
    facade.account.info(app_id="id", access_token="token")
    assert server.asked[0].form == {"app_id": "id", "access_token": "token"}


def test_the_prefix_outlives_init(server, facade):
    """It may be set before or after."""
    assert facade.prefix is None
    facade.prefix = "65"
    facade.init("id", "token", base_url=server.url)
    facade.voice.call("11111111", "+6522222222")
    assert facade.prefix == "+65"
    assert server.asked[0].form["dest1"] == "+6511111111"
    with pytest.raises(ValueError, match="country prefix"):
        facade.prefix = "SG"


@pytest.mark.parametrize("name", ["prefx", "raise_errors", "app_id", "__slots__"])
def test_what_is_no_setting_is_refused(facade, name):
    """A slip would else be found out by the bill; the message has all that there are."""
    with pytest.raises(AttributeError, match=f"no setting '{name}': .*prefix") as raised:
        setattr(facade, name, "65")
    assert raised.value.name == name
    assert not hasattr(facade, name)
    for known in inspect.signature(facade.init).parameters:
        assert known in str(raised.value)


def test_a_users_tests_may_put_their_own_in_its_place(facade, monkeypatch):
    """And all is as before then, by pytest's way and by the standard library's."""
    kept = facade.voice.call, facade.init
    with monkeypatch.context() as patch:
        patch.setattr(facade.voice, "call", lambda *_: "fake")
        patch.setattr(facade, "init", lambda: "fake")
        patch.setattr(facade, "prefix", "65")
        assert (facade.voice.call("a", "b"), facade.init(), facade.prefix) == (
            "fake",
            "fake",
            "+65",
        )
    assert (facade.voice.call, facade.init, facade.prefix) == (*kept, None)
    with (
        mock.patch.object(facade.voice, "call", return_value="fake"),
        mock.patch.object(facade, "init", return_value="fake"),
        mock.patch.object(Facade, "account", new_callable=mock.PropertyMock) as account,
    ):
        assert (facade.voice.call("a", "b"), facade.init()) == ("fake", "fake")
        assert facade.account is account.return_value
    assert (facade.voice.call, facade.init) == kept


def test_its_repr_hides_the_token(facade):
    """It may be printed."""
    facade.init("id", "s3cret")
    assert "id" in repr(facade)
    assert "s3cret" not in repr(facade)


def test_for_a_while_everything_comes_from_the_environment(server, facade, monkeypatch):
    """Whatever init() was told, a prefix and the rest kept; then all is as it was."""
    facade.prefix = "65"
    facade.init("id", "token", base_url="http://127.0.0.1:9/", raise_errors=True)
    monkeypatch.setenv("HOIIO_APP_ID", "env-id")
    monkeypatch.setenv("HOIIO_ACCESS_TOKEN", "env-token")
    monkeypatch.setenv("HOIIO_BASE_URL", server.url)
    with facade.from_environment():
        assert facade.prefix == "+65"
        facade.account.balance()
        server.answers = [{"status": "error_insufficient_credit"}]
        with pytest.raises(InsufficientCredit):
            facade.account.balance()
    assert server.asked[0].form == {"app_id": "env-id", "access_token": "env-token"}
    assert "'id'" in repr(facade)
