"""The sync and the async client are one: same names, parameters, defaults, docstrings."""

import inspect

import pytest

from hoiio import AsyncClient, AsyncResponse, Client, Response
from hoiio.account import Account
from hoiio.response import AsyncHistory
from hoiio.transport import (
    AsyncHttpStream,
    AsyncStreaming,
    AsyncTransport,
    HttpStream,
    Streaming,
    Transport,
)
from hoiio.transport.with_httpx2 import AsyncHttpx2Transport, Httpx2Transport
from hoiio.transport.with_pyreqwest import AsyncPyreqwestTransport, PyreqwestTransport
from hoiio.voice import Voice

PAIRS = [
    (Client, AsyncClient),
    (Response, AsyncResponse),
    (Transport, AsyncTransport),
    (Streaming, AsyncStreaming),
    (HttpStream, AsyncHttpStream),
    (Httpx2Transport, AsyncHttpx2Transport),
    (PyreqwestTransport, AsyncPyreqwestTransport),
]
RENAMED = {"__enter__": "__aenter__", "__exit__": "__aexit__"}
ONE_ONLY = {
    "take_over": "the facade's, which is sync",
    "from_environment": "the same",
    "make_way_for": "the same",
    "page": "what awaiting an AsyncHistory does; Client.history does it at once",
}
WORDS = {
    "Safe to share between threads and, with httpx2, across a fork.": "",
    "Safe to share between tasks of one event loop, asyncio's or trio's.": "",
    "AsyncClient": "Client",
    "AsyncResponse": "Response",
    "AsyncTransport": "Transport",
    "AsyncStreaming": "Streaming",
}
"""Differences that are meant; a class's own words may tell its style."""
OWN_WORDS = {
    AsyncHttpx2Transport,
    AsyncPyreqwestTransport,
    AsyncStreaming,
    AsyncTransport,
}


def public(kind):
    """What a user may name, by the sync name."""
    back = {value: key for key, value in RENAMED.items()}
    found = {}
    for name in dir(kind):
        value = inspect.getattr_static(kind, name)
        if (not name.startswith("_") or name in RENAMED or name in back) and name not in ONE_ONLY:
            found[back.get(name, name)] = value
    return found


def words(value):
    text = inspect.getdoc(value) or ""
    for theirs, ours in WORDS.items():
        text = text.replace(theirs, ours)
    return text


def parameters(value):
    """Names, kinds and defaults; annotations differ where one is awaited."""
    signature = inspect.signature(value)
    return [(p.name, p.kind, p.default) for p in signature.parameters.values()]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].__name__)
def test_both_have_the_same_names_parameters_defaults_and_docstrings(pair):
    """But for what is listed above."""
    sync, asynchronous = (public(kind) for kind in pair)
    assert sync.keys() == asynchronous.keys()
    if pair[1] not in OWN_WORDS:
        assert words(pair[0]) == words(pair[1])
    assert parameters(pair[0].__init__) == parameters(pair[1].__init__)
    for name, value in sync.items():
        other = asynchronous[name]
        if callable(value):
            assert parameters(value) == parameters(other), name
            if pair[1] not in OWN_WORDS:
                assert words(value) == words(other), name
        else:
            assert type(value) is type(other), name


def test_a_page_that_is_awaited_walks_like_one_that_is_there():
    """``history().all()`` and ``history().to_csv()`` need no await before the dot."""
    assert public(AsyncHistory).keys() == {"all", "to_csv"}
    for name in ("all", "to_csv"):
        ours, theirs = getattr(AsyncHistory, name), getattr(Response, name)
        assert parameters(ours) == parameters(theirs)
        assert (inspect.getdoc(ours) or "").endswith(f"see :meth:`AsyncResponse.{name}`.")


def test_the_methods_of_the_api_are_written_once():
    """So both clients have the very same."""
    clients = Client("id", "t"), AsyncClient("id", "t")
    assert all(type(client.voice) is Voice for client in clients)
    assert all(type(client.account) is Account for client in clients)


@pytest.mark.parametrize("kind", [Client, AsyncClient, Voice, Account, Response, AsyncResponse])
def test_every_public_name_has_a_docstring(kind):
    """Nothing is left to guess."""
    for name, value in public(kind).items():
        if callable(value) and not name.startswith("__"):
            assert inspect.getdoc(value), name
