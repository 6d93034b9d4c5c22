"""The engines that the conformance suite runs on, and the phones they call."""

from contextlib import ExitStack

import pytest

from hoiio.server.engines.embedded.config import EmbeddedConfig
from hoiio.server.engines.embedded.engine import EmbeddedEngine
from support.phones import Phone
from support.switch import Switch

ALICE, BOB, CAROL = "+6511111111", "+6522222222", "+6533333333"


def embedded(routes, **options):
    return EmbeddedEngine(
        EmbeddedConfig(sip_port=0, routes=routes, rtp_ports=(30_000, 39_998), **options)
    )


@pytest.fixture(params=[embedded], ids=["embedded"])
def make_engine(request):
    """Builds an engine from routes (number to SIP URI) and ``media_timeout``, ``max_legs``."""
    return request.param


@pytest.fixture
def world():
    """Everything opened here is closed at the end, last first."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def phone(world):
    """``phone(number, *options)`` starts a softphone."""
    return lambda number, *options: world.enter_context(Phone(number, *map(str, options)))


@pytest.fixture
def switch(world, make_engine):
    """``switch(routes, **settings)`` starts an engine; routes lead numbers to phones or URIs."""

    def start(routes, **settings):
        uris = {number: getattr(end, "uri", end) for number, end in routes.items()}
        return world.enter_context(Switch(make_engine(uris, **settings)))

    return start
