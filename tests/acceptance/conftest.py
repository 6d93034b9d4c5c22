"""One running service with two real phones, for the tests that only ask of it."""

from datetime import datetime

import pytest

from hoiio import Hoiio
from support.phones import Phone
from support.seed import seed_history
from support.service import Service, admin

DEST1, DEST2 = "+6511111111", "+6522222222"


@pytest.fixture(scope="module")
def phones():
    with Phone(DEST1, "--tone", "500") as one, Phone(DEST2, "--tone", "900") as two:
        yield one, two


@pytest.fixture(scope="module")
def service(tmp_path_factory, phones):
    one, two = phones
    routes = {DEST1: f"sip:{one.address}", DEST2: f"sip:{two.address}"}
    data = tmp_path_factory.mktemp("service") / "data"
    with Service(data, routes=routes).provision().start() as running:
        yield running


@pytest.fixture
def configured(service):
    """``Hoiio`` as the guide uses it, initialised for the running service."""
    Hoiio.init(service.app_id, service.token, base_url=service.base_url)
    yield Hoiio
    Hoiio.prefix = None


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """A service whose application has a past: 234 calls of two minutes at 0.018.

    The records are written through storage with stamps of January 2012, since a test cannot wait
    for two minutes of talking 234 times.
    """
    data = tmp_path_factory.mktemp("past") / "data"
    nowhere = {DEST1: "sip:127.0.0.1:9", DEST2: "sip:127.0.0.1:9"}
    service = Service(data, routes=nowhere).provision()
    admin(data, "account", "create", "fresh", "--credit", "84.70")
    fresh = admin(data, "app", "create", "fresh")
    service.fresh_app_id, service.fresh_token = fresh["app_id"], fresh["access_token"]
    refs = seed_history(
        data, service.app_id, 234, first=datetime(2012, 1, 31, 12, 6, 15), rate=18_000, minutes=2
    )
    with service.start() as running:
        running.refs = refs
        yield running
