"""Requests made up from the OpenAPI document, right ones and wrong ones, by schemathesis.

None is a failure of the service; every answer is what the document says, JSON, and of strings.
Each operation is asked with an application's credentials, so that the requests get past the door,
and with made-up ones; with references and rooms that are there, and with made-up ones.
"""

import json
import logging
import random

import httpx2
import pytest
import requests
import schemathesis
import structlog
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hoiio.server.api import openapi
from hoiio.server.api.application import HANDLERS
from support.api import OWN, TWO, Server
from support.fuzz import cases
from support.limits import lift_limits

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EACH = 65
"""Cases of each operation, of each mode, in ``make test``: 2,600 in all."""

SCHEMA = schemathesis.openapi.from_dict(json.loads(openapi.document(tuple(HANDLERS))))
OPERATIONS = [each.ok() for each in SCHEMA.get_all_operations()]
MODES = list(GenerationMode)
ALL = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("cases") / "data")
    lift_limits(server.data)
    server.run(server.storage.add_credit(server.app.account.id, 10**14))
    # As while a service stops: a stream is its first event and no more.
    server.loop.call_soon_threadsafe(server.desk.watchers.close)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield server
    structlog.reset_defaults()
    server.stop()


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(scope="module")
def known(server):
    """What a request may name: an ended call, a live one, participants, their room."""
    refs = [server.ask("voice/call", dest2=TWO)["txn_ref"]]
    server.settle()
    refs.append(server.ask("voice/call", dest2=TWO)["txn_ref"])
    made = server.ask("voice/conference", dest=f"{TWO},{OWN}", room="ROOM")
    return {
        "app_id": [server.app.app_id],
        "access_token": [server.app.access_token],
        "txn_ref": [*refs, *made["txn_refs"].split(",")],
        "upto": refs,
        "room": ["ROOM"],
        "caller_id": ["private", "+6511111111"],
        "dest1": [OWN],
        "dest2": [TWO],
        "dest": [TWO, f"{TWO},{OWN}"],
    }


def ask(server, session, case):
    """Send a case, check the answer; returns its status."""
    answer = case.call(base_url=f"http://127.0.0.1:{server.port}", session=session, timeout=20)
    case.validate_response(answer, checks=CHECKS)
    body = said(answer.content)
    check_strings(body)
    return body["status"]


def said(content):
    """The object that an answer is, or that a stream's only event carries."""
    if content.startswith(b"data: "):
        [event] = content.removesuffix(b"\n\n").split(b"\n\n")
        content = event.removeprefix(b"data: ")
    return json.loads(content)


def check_strings(value):
    """Every scalar is a string (api rule 2)."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            check_strings(each)
    else:
        assert isinstance(value, str)


def put(case, known, names):
    """Set these parameters to known values, where the request carries parameters at all."""
    source = case.body if case.method == "POST" else case.query
    if isinstance(source, dict):
        picks = random.Random(repr(sorted(source)))
        source |= {name: picks.choice(known[name]) for name in names}


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@ALL
def test_made_up_requests_are_answered_as_documented(server, session, known, operation, mode):
    takes = [name for name in parameters(operation) if name in known]
    seen = set()

    @cases(EACH)
    @given(
        case=operation.as_strategy(mode),
        credentials=st.integers(0, 9).map(bool),
        named=st.sets(st.sampled_from(takes)) if takes else st.just(set()),
    )
    def check(case, credentials, named):
        put(case, known, [*named, *(["app_id", "access_token"] if credentials else [])])
        seen.add(ask(server, session, case))

    check()
    assert "error_app_id_param_missing" in seen or len(seen) > 1


def parameters(operation):
    """The names that an operation takes, however it takes them."""
    [endpoint] = [each for each in HANDLERS if operation.path.endswith(each.path)]
    return endpoint.params


@ALL
def test_every_edge_of_every_parameter_is_answered_as_documented(server, session, known, operation):
    """The shortest, the longest, one past them, absent, doubled, of another type: all there are."""
    edges = SCHEMA.iter_coverage_cases(
        operation,
        generation_modes=MODES,
        generation_config=SCHEMA.config.generation_for(operation=operation, phase="coverage"),
    )
    count = 0
    for case in edges:
        if case.method in {"GET", "POST"}:
            put(case, known, ["app_id", "access_token"])
            ask(server, session, case)
            count += 1
    assert count > 0


def test_the_document_served_is_the_one_these_cases_come_from(server):
    served = httpx2.get(f"http://127.0.0.1:{server.port}/openapi.json")
    assert served.content == openapi.document(tuple(HANDLERS))


def test_right_requests_succeed(server, known):
    """So that the cases above were not all stopped at the door."""
    joined = server.ask("voice/conference", dest=TWO)
    known = known | {"txn_ref": [joined["txn_refs"]]}
    for endpoint in HANDLERS:
        given_here = {name: known[name][-1] for name in endpoint.params if name in known}
        if endpoint.path == "conference/moderate":
            given_here["action"] = "mute"
        answer = server.answer(endpoint.path, **given_here)
        body = said(answer.content)
        assert body["status"] == "success_ok", endpoint.path
