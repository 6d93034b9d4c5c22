"""Tokens at rest: sealed each time anew, bound to their application, tamper-proof."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.storage.errors import StorageError
from hoiio.server.storage.sealing import Purpose, Sealer

SEALER = Sealer(bytes(range(32)))


@given(token=st.text(max_size=300), app_id=st.text(max_size=50))
def test_what_is_sealed_is_opened_again(token, app_id):
    """For any token, and never twice the same bytes."""
    sealed = SEALER.seal(token, app_id)
    assert SEALER.open(sealed, app_id) == token
    assert SEALER.seal(token, app_id) != sealed


@given(place=st.integers(0, 12 + 5 + 16 - 1), flip=st.integers(1, 255))
def test_any_changed_byte_is_noticed(place, flip):
    """Nonce, text or tag."""
    sealed = bytearray(SEALER.seal("token", "app"))
    sealed[place] ^= flip
    with pytest.raises(StorageError, match="application app was not sealed"):
        SEALER.open(bytes(sealed), "app")


def test_a_token_moved_to_another_application_is_noticed():
    """Also one sealed with another key."""
    sealed = SEALER.seal("token", "app")
    with pytest.raises(StorageError):
        SEALER.open(sealed, "other")
    with pytest.raises(StorageError):
        Sealer(bytes(32)).open(sealed, "app")


def test_a_signing_secret_cannot_pose_as_a_token_nor_the_other_way_round():
    """Swapped columns open nothing, whatever applications are called."""
    secret = SEALER.seal("whsec_x", "app", Purpose.SIGNING)
    assert SEALER.open(secret, "app", Purpose.SIGNING) == "whsec_x"
    for sealed, purpose in ((secret, Purpose.TOKEN), (SEALER.seal("t", "app"), Purpose.SIGNING)):
        with pytest.raises(StorageError, match=f"the {purpose} of application app"):
            SEALER.open(sealed, "app", purpose)


def test_a_key_knows_its_own_mark_and_no_other():
    """Nor does anything else that it sealed pass for one."""
    assert SEALER.made(SEALER.mark())
    assert not SEALER.made(Sealer(bytes(32)).mark())
    for other in (SEALER.seal("hoiio", "app"), SEALER.seal("hoiio", "", Purpose.SIGNING), b""):
        assert not SEALER.made(other)
