"""One server for the tests of a module, with nothing ordered yet."""

import pytest

from support.api import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("api") / "data")
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def fresh(server):
    server.calls.orders.clear()
    server.calls.hung_up.clear()
    server.calls.muted.clear()
    server.calls.refuses, server.calls.settles, server.calls.crashes = None, True, False
    server.settle()
