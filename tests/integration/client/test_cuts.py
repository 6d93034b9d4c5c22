"""Connections that break at every byte: no call is placed twice, and each error is truthful."""

import pytest

from hoiio import ConnectionFailed, InvalidResponse, exchange
from support.bench import Cut, bench
from support.tls import Authority

A, B = "+6511111111", "+6522222222"


@pytest.fixture(scope="module")
def service():
    with bench() as service:
        yield service


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(exchange, "BACKOFF", 0.0001)


def call(client):
    """The answer and the typed error, of which there is one; nothing else may come."""
    try:
        return client.voice.call(A, B, idempotency_key="order-7"), None
    except (ConnectionFailed, InvalidResponse) as error:
        return None, error


def check(service, answer, error):
    """What holds however a call went."""
    assert service.calls <= 1
    if error is None:
        assert (service.calls, answer.txn_ref) == (1, "AA-C-1")
        return
    assert error.idempotency_key == "order-7"
    assert ("may have been placed" in str(error)) is error.maybe_sent
    if service.calls:
        assert error.maybe_sent is True
    if not error.maybe_sent:
        assert service.requests == 0


def measured(client, service, features=""):
    """How many bytes one call is, and its answer."""
    service.reset(features=features)
    client.voice.call(A, B, idempotency_key="order-7")
    return service.sent, service.got


def test_a_request_cut_at_every_byte_is_sent_once(library, service):
    """With nothing known of the service: one attempt, and an error that says maybe."""
    service.reset()
    with library.client(base_url=service.url) as client:
        size, _ = measured(client, service)
        for at in range(size + 1):
            service.reset(Cut(request=at, reset=at % 2 == 0))
            answer, error = call(client)
            check(service, answer, error)
            if at == 0 and service.connections > 1:
                continue  # Reset before a byte was written, it may be known that none was.
            assert error.maybe_sent is True
            assert service.connections == 1
            assert service.requests == service.calls == (at == size)


def test_an_answer_cut_at_every_byte_places_one_call(library, service):
    """With nothing known of the service: the error says maybe, and it is right."""
    with library.client(base_url=service.url) as client:
        _, size = measured(client, service)
        for at in range(size):
            service.reset(Cut(answer=at, reset=at % 2 == 0))
            answer, error = call(client)
            check(service, answer, error)
            assert error.maybe_sent is True
            assert (service.connections, service.calls) == (1, 1)


def test_where_keys_are_honoured_a_cut_request_is_sent_again(library, service):
    """At every byte: one call, and its answer."""
    with library.client(base_url=service.url) as client:
        size, _ = measured(client, service, "idempotency")
        for at in range(size + 1):
            service.reset(Cut(request=at, reset=at % 2 == 1), features="idempotency")
            answer, error = call(client)
            check(service, answer, error)
            assert error is None
            assert service.connections == 2


def test_where_keys_are_honoured_a_cut_answer_is_asked_for_again(library, service):
    """At every byte: the service hears of the call twice, and places it once."""
    with library.client(base_url=service.url) as client:
        _, size = measured(client, service, "idempotency")
        for at in range(size):
            service.reset(Cut(answer=at, reset=at % 2 == 1), features="idempotency")
            answer, error = call(client)
            check(service, answer, error)
            assert error is None
            assert (service.requests, service.calls) == (2, 1)


def test_a_kept_connection_that_breaks_in_its_second_request(library, service):
    """The first request proves the connection; the second is sent once all the same."""
    with library.client(base_url=service.url) as client:
        service.reset(keep=True)
        assert call(client)[0] is not None
        size, answered = service.sent, service.got
        client.close()
        ends = [Cut(request=size + at, reset=at % 2 == 0) for at in range(1, size + 1, 4)]
        ends += [Cut(answer=answered + at, reset=at % 2 == 0) for at in range(1, answered, 4)]
        for end in ends:
            service.reset(end, keep=True)
            assert call(client)[0] is not None
            _answer, error = call(client)
            assert (service.connections, service.calls) == (1, 1)
            assert error.maybe_sent is True


def test_a_connection_that_the_service_closed_while_it_was_idle(library, service):
    """It is not used: where nothing was kept nothing can be lost, and one call is placed."""
    with library.client(base_url=service.url) as client:
        for _ in range(20):
            service.reset()
            answer, error = call(client)
            check(service, answer, error)
            assert error is None
            assert (service.connections, service.calls) == (1, 1)


def test_every_attempt_is_cut(library, service):
    """What an attempt before may have done counts for the last error, too."""
    with library.client(base_url=service.url) as client:
        _, size = measured(client, service, "idempotency")
        for at in range(0, size, 7):
            cuts = [Cut(answer=at), Cut(request=0), Cut(request=50, reset=True)]
            service.reset(*cuts, features="idempotency")
            answer, error = call(client)
            check(service, answer, error)
            assert error.maybe_sent is True
            assert (service.connections, service.calls) == (3, 1)


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("tls"))
    context, _ = authority.server("localhost")
    with bench(context) as service:
        service.authority = authority
        yield service


def place(service):
    return service.url.replace("http://127.0.0.1", "https://localhost")


def test_a_handshake_cut_at_any_byte_tells_the_truth(library, secure):
    """Before, in and after it, either way: False only when the service has seen no request."""
    transport = library.transport(ca_file=str(secure.authority.file))
    with library.client(base_url=place(secure), transport=transport) as client:
        measured(client, secure)
        # Once a session is known its handshake is shorter.
        sent, got = measured(client, secure)
        said = set()
        ends = [Cut(request=at, reset=at % 2 == 0) for at in range(0, sent, 41)]
        ends += [Cut(answer=at, reset=at % 2 == 0) for at in range(0, got, 41)]
        ends += [Cut(request=sent), Cut(answer=got - 1)]
        for end in ends:
            # What never left is sent again, and cut again.
            secure.reset(end, end, end)
            answer, error = call(client)
            check(secure, answer, error)
            if error is not None:
                said.add(error.maybe_sent)
                assert error.maybe_sent or secure.connections == 3
        assert said == {True, False}


def test_a_certificate_nobody_trusts(library, secure):
    """Nothing is sent to a stranger, so nothing was placed."""
    secure.reset()
    with library.client(base_url=place(secure)) as client:
        answer, error = call(client)
    check(secure, answer, error)
    assert error.maybe_sent is False
