"""Calls by way of a SIP trunk. These settings are the embedded engine's own."""

import hashlib
import re
import time

import pytest

from hoiio.server.engines.embedded.config import EmbeddedConfig, Trunk
from hoiio.server.engines.embedded.engine import EmbeddedEngine
from hoiio.server.engines.protocol import Answered, Cause, Dial
from support.sip_peer import SipPeer
from support.switch import Switch

ALICE, BOB = "+6511111111", "+6522222222"
OWN = "+6561234567"
SDP_OK = ((0, "180 Ringing", False), (0, "200 OK", True))


@pytest.fixture
def by_trunk(world):
    """``by_trunk(peer, **settings)``: an engine whose trunk is this peer."""

    def start(peer, routes=(), **settings):
        trunk = Trunk("127.0.0.1", peer.port, **settings)
        config = EmbeddedConfig(sip_port=0, trunk=trunk, routes=dict(routes))
        return world.enter_context(Switch(EmbeddedEngine(config)))

    return start


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def expected_response(header, user, password, method):
    """What RFC 7616 wants for this Authorization header."""
    field = dict(re.findall(r'(\w+)="?([^",]+)"?', header))
    secret = md5(f"{user}:trunk:{password}")
    asked = md5(f"{method}:{field['uri']}")
    return field["response"], md5(
        f"{secret}:{field['nonce']}:{field['nc']}:{field['cnonce']}:{field['qop']}:{asked}"
    )


def test_a_trunk_that_asks_for_credentials_gets_them(world, by_trunk):
    """Digest with the auth user; From carries the caller ID at the from-domain."""
    peer = world.enter_context(SipPeer(*SDP_OK, challenge=True))
    s = by_trunk(
        peer, user="acc", auth_user="auth.acc", password="pa ss;w", from_domain="sip.example.com"
    )
    assert s.engine.reaches(ALICE)
    s.dial("a", ALICE, BOB)
    s.wait(Answered, "a")
    invite = peer.heard("INVITE")[-1]
    found, wanted = expected_response(
        invite.get("Proxy-Authorization"), "auth.acc", "pa ss;w", "INVITE"
    )
    assert found == wanted
    assert f"<sip:{BOB}@sip.example.com>" in invite.get("From")
    assert invite.start.startswith(f"INVITE sip:{ALICE}@127.0.0.1:{peer.port}")
    assert "PCMU/8000" in invite.body
    assert "PCMA/8000" in invite.body
    assert "telephone-event/8000" in invite.body
    assert "pa ss;w" not in "".join(request.text for request in peer.requests)
    s.hang_up("a")
    peer.wait_for("BYE")


def test_a_route_comes_before_the_trunk(world, by_trunk):
    """The trunk sees only numbers that no route covers."""
    trunk = world.enter_context(SipPeer((0, "486 Busy Here", False)))
    near = world.enter_context(SipPeer((0, "404 Not Found", False)))
    s = by_trunk(trunk, routes={ALICE: near.uri})
    s.dial("a", ALICE)
    s.dial("b", BOB)
    assert s.wait_ended("a").code == 404
    assert s.wait_ended("b").code == 486
    assert (len(near.heard("INVITE")), len(trunk.heard("INVITE"))) == (1, 1)


def test_a_trunk_without_plus(world, by_trunk):
    """Both numbers lose theirs."""
    peer = world.enter_context(SipPeer((0, "486 Busy Here", False)))
    s = by_trunk(peer, plus=False, codecs=("pcma",))
    s.dial("a", ALICE, BOB)
    s.wait_ended("a")
    invite = peer.heard("INVITE")[0]
    assert invite.start.startswith("INVITE sip:6511111111@")
    assert "<sip:6522222222@" in invite.get("From")
    assert "PCMU" not in invite.body
    assert "PCMA/8000" in invite.body


@pytest.mark.parametrize("insists", [False, True])
def test_a_private_call_by_trunk(world, by_trunk, insists):
    """Anonymous; the trunk's own number is asserted only where the operator says so."""
    peer = world.enter_context(SipPeer((0, "486 Busy Here", False), challenge=True))
    s = by_trunk(peer, user="acc", password="x", number=OWN, pai_on_private=insists)
    s.dial("a", ALICE, None)
    s.wait_ended("a")
    for invite in peer.heard("INVITE"):
        asserted = invite.all("P-Asserted-Identity")
        assert asserted == ([f"<sip:{OWN}@127.0.0.1>"] if insists else [])
        assert invite.all("Privacy") == ["id"]
        assert "anonymous@anonymous.invalid" in invite.get("From")
        assert BOB[1:] not in invite.text


def test_a_trunk_that_wants_a_registration(world, by_trunk):
    """REGISTER goes out at the start, for the account's user."""
    peer = world.enter_context(SipPeer())
    by_trunk(peer, user="acc", password="x", register=True, from_domain="sip.example.com")
    register = peer.wait_for("REGISTER")
    assert "<sip:acc@sip.example.com>" in register.get("To")


def test_an_unreachable_trunk_disturbs_nothing(world, by_trunk):
    """The engine starts without it and says of each call that nothing answered."""
    peer = SipPeer()
    peer.sock.close()
    peer.rtp.close()
    s = by_trunk(peer, user="acc", password="x", register=True)
    s.dial("a", ALICE, ring=1.0)
    assert s.wait_ended("a").cause is Cause.NO_RESPONSE


def test_calls_that_begin_together_share_one_identity(world):
    """Identities can never be freed, so eight calls with one caller ID must cost one."""
    peer = world.enter_context(SipPeer((0, "404 Not Found", False)))
    s = world.enter_context(
        Switch(EmbeddedEngine(EmbeddedConfig(sip_port=0, routes={ALICE: peer.uri})))
    )
    s.send(*(Dial(f"a{index}", ALICE, BOB, 5, 5) for index in range(8)))
    for index in range(8):
        s.wait_ended(f"a{index}")
    while not (stats := s.engine.stats()) or stats.callers == 0:
        time.sleep(0.05)
    assert stats.callers == 1
