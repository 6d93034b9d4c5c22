"""Both signatures of a notification, as their receivers verify them."""

import base64
import hashlib
import hmac

import pytest

from hoiio.server.notifications.headers import headers
from hoiio.server.storage.protocol import Delivery
from hoiio.wire import webhook_signature

SECRETS = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + base64.b64encode(b"old").decode())
AT = 1_614_265_330_999_999


def delivery(*secrets):
    return Delivery(7, "AA-C-9", "http://x/", b"a=1", "x", 0, 0, "token", secrets)


def test_the_signature_is_standard_webhooks_own():
    """The example of its specification."""
    signed = webhook_signature(
        SECRETS[:1], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_attempt_is_signed_in_both_ways():
    """Seconds of the attempt, the id of the notification, the raw body."""
    told = headers(delivery(SECRETS[0]), AT)
    assert told["X-Hoiio-Signature"] == hmac.new(b"token", b"a=1", hashlib.sha256).hexdigest()
    assert told["webhook-id"] == "msg_7_AA-C-9"
    assert told["webhook-timestamp"] == "1614265330"
    key = base64.b64decode(SECRETS[0].removeprefix("whsec_"))
    digest = hmac.new(key, b"msg_7_AA-C-9.1614265330.a=1", hashlib.sha256).digest()
    assert told["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert headers(delivery(SECRETS[0]), AT + 10**9)["webhook-id"] == told["webhook-id"]


def test_both_secrets_sign_while_one_is_replaced():
    """The new one first, a space between them."""
    both = headers(delivery(*SECRETS), AT)["webhook-signature"].split(" ")
    each = [headers(delivery(secret), AT)["webhook-signature"] for secret in SECRETS]
    assert both == each


def test_an_application_without_a_secret_has_the_originals_signature_only():
    """It has a constant id all the same, to know a repeated one by."""
    told = headers(delivery(), AT)
    assert set(told) == {"Content-Type", "X-Hoiio-Signature", "webhook-id"}


@pytest.mark.parametrize("secret", ["bmV3", "whsec_not base64", "whsec_a", ""])
def test_what_is_no_secret_signs_nothing(secret):
    """It is refused, not used as it is."""
    with pytest.raises(ValueError, match=r"whsec_|base64|padding|Only"):
        webhook_signature([secret], "m", 1, b"")
