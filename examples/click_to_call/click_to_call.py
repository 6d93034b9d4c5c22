"""Click to call: rings an agent, then the customer, and keeps what each order's calls cost."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from hoiio import Hoiio, InvalidNotification, Notification

HOOK = "https://click-to-call.example/ended"
bills = Counter[str]()
"""Minutes by order."""
spent: dict[str, Decimal] = {}
"""Money by call, so that a notification that comes twice is counted once."""


def ring(agent: str, customer: str, order: str) -> str:
    """Ring the agent, then the customer; the call's reference, or why there is none."""
    res = Hoiio.voice.call(agent, customer, tag=order, notify_url=HOOK)
    return res.txn_ref or res.status


def app(environ: dict[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
    """The web hook, as WSGI: takes what the service posts when a call has ended."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    try:
        told = Notification.parse(body, environ, os.environ["HOIIO_ACCESS_TOKEN"])
    except InvalidNotification:
        start("403 Forbidden", [])
        return []
    if told.txn_ref not in spent:
        spent[told.txn_ref] = told.debit_decimal or Decimal()
        bills[told.tag or ""] += told.duration or 0
    start("200 OK", [])
    return []
