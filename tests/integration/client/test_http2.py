"""HTTP/2, which is agreed upon with TLS, on every transport of the package."""

import logging
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.http2 import http2_server
from support.tls import Authority

A, B = "+6511111111", "+6522222222"


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("tls"))
    context, _ = authority.server("localhost")
    with http2_server(context) as server:
        server.url = f"https://localhost:{server.port}/open"
        server.ca_file = str(authority.file)
        yield server


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_http2_is_spoken_where_it_is_asked_for(library, secure, method):
    """By several requests at once, too, where the library can do that."""
    at_once = 1 if (library.library, library.loop) == ("httpx2", None) else 4
    secure.asked.clear()
    transport = library.transport(http2=True, ca_file=secure.ca_file)
    with library.client(base_url=secure.url, transport=transport, method=method) as client:
        assert client.voice.call(A, B).txn_ref == "AA-C-1"
        with ThreadPoolExecutor(at_once) as pool:
            told = pool.map(lambda _: client.account.balance().is_success(), range(8))
            assert all(told)
    assert len(secure.asked) == 9
    assert {agreed for agreed, _ in secure.asked} == {"h2"}
    assert secure.asked[0][1].partition("?")[0] == "/open/voice/call"


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_no_secret_is_logged_with_http2(library, secure, method, caplog):
    """Its headers have a library of their own, which logs each of them."""
    for name in ("httpcore2.http2", "hpack.hpack", "hpack.table"):
        caplog.set_level(logging.DEBUG, logger=name)
    caplog.set_level(logging.DEBUG)
    place = secure.url.replace("https://", "https://me:passw0rd@")
    transport = library.transport(http2=True, ca_file=secure.ca_file)
    with library.client(base_url=place, transport=transport, method=method) as client:
        assert client.voice.call(A, B).is_success()
    said = [record.getMessage() for record in caplog.records]
    secrets = ["s3cret", "passw0rd", b64encode(b"me:passw0rd").decode()]
    assert not [each for each in said if any(secret in each for secret in secrets)]
    if library.library == "httpx2":
        assert any("/open/voice/call" in each for each in said)
