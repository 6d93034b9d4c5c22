"""The client over real HTTP: each test runs on every transport, sync and async."""

import os

import pytest

from support import styles
from support.canned import canned_server

LIBRARIES = styles.SYNC + styles.ASYNC


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("HOIIO_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module", params=LIBRARIES + styles.OWN, ids=styles.name)
def every(request):
    """Every transport, one of the user's own too."""
    with styles.style(request.param) as style:
        yield style


@pytest.fixture(scope="module", params=LIBRARIES, ids=styles.name)
def library(request):
    """Every transport that comes with the package."""
    with styles.style(request.param) as style:
        yield style


@pytest.fixture
def server():
    with canned_server() as canned:
        yield canned
