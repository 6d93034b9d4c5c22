"""Click to call: rings an agent, then the customer, and keeps what each order's calls cost."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from hoiio import Hoiio

HOOK = "https://click-to-call.example/ended"
bills = Counter[str]()
"""Minutes by order."""
spent: dict[str, Decimal] = {}
"""Money by call, so that a notification that comes twice is counted once."""


def ring(agent: str, customer: str, order: str) -> str:
    """Ring the agent, then the customer; the call's reference, or why there is none."""
    res = Hoiio.voice.call(agent, customer, tag=order, notify_url=HOOK)
    return res.txn_ref if res.is_success() else res.status


def app(environ: dict[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
    """The web hook, as WSGI: takes what the service posts when a call has ended."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    token = os.environ["HOIIO_ACCESS_TOKEN"].encode()
    ours = hmac.new(token, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(ours, environ.get("HTTP_X_HOIIO_SIGNATURE", "")):
        start("403 Forbidden", [])
        return []
    told = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    if told["txn_ref"] not in spent:
        spent[told["txn_ref"]] = Decimal(told["debit"])
        bills[told["tag"]] += int(told["duration"])
    start("200 OK", [])
    return []
