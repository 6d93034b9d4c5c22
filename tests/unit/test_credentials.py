"""Tokens and secrets that scanners find, and slips of the finger that are told from wrong ones."""

import re

from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.storage.credentials import (
    mistyped,
    new_access_token,
    new_app_id,
    new_signing_secret,
)

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def test_what_is_made_has_the_form_that_is_documented():
    """The patterns of docs/operate.md, for secret scanners."""
    for _ in range(100):
        assert re.fullmatch(r"hoiio_[A-Za-z0-9]{38}", new_access_token())
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", new_signing_secret())
        assert not mistyped(new_access_token())
    assert len({new_signing_secret() for _ in range(100)}) == 100


@given(st.integers(6, 43), st.sampled_from(LETTERS))
def test_any_one_wrong_letter_is_noticed(place, letter):
    """In the random part or in the checksum."""
    token = new_access_token()
    wrong = token[:place] + letter + token[place + 1 :]
    assert mistyped(wrong) is (wrong != token)


def test_a_token_from_elsewhere_is_never_called_mistyped():
    """It has no checksum to be wrong."""
    for token in ("AAA1bbb2", "hoiio_short", new_access_token() + "x", new_app_id(), "x" * 44):
        assert not mistyped(token)
