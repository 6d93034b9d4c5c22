"""What is posted beside a notification's body: who sent it, signed in both ways (api rule 23)."""

from __future__ import annotations

from hoiio.server.storage.protocol import Delivery
from hoiio.wire import (
    FORM,
    MICROS,
    SIGNATURE_HEADER,
    WEBHOOK_ID_HEADER,
    WEBHOOK_SIGNATURE_HEADER,
    WEBHOOK_TIMESTAMP_HEADER,
    signature,
    webhook_signature,
)


def headers(delivery: Delivery, at: int) -> dict[str, str]:
    """The headers of an attempt made at ``at`` (Unix microseconds).

    An application without a signing secret has the original's signature only.
    """
    told = {
        "Content-Type": FORM,
        SIGNATURE_HEADER: signature(delivery.access_token, delivery.body),
        WEBHOOK_ID_HEADER: message_id(delivery.id, delivery.ref),
    }
    if delivery.signing_secrets:
        seconds = at // MICROS
        told[WEBHOOK_TIMESTAMP_HEADER] = str(seconds)
        told[WEBHOOK_SIGNATURE_HEADER] = webhook_signature(
            delivery.signing_secrets, told[WEBHOOK_ID_HEADER], seconds, delivery.body
        )
    return told


def message_id(key: int, ref: str) -> str:
    """What all attempts of one notification have in common, and no other notification has."""
    return f"msg_{key}_{ref}"
