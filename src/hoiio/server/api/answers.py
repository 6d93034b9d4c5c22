"""What an answer says: one flat JSON object of strings with ``status`` (api rule 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from starlette.responses import Response

from hoiio import wire
from hoiio.server.calls import transaction
from hoiio.server.storage.protocol import Account, HistoryPage

Value = str | Sequence[str] | Sequence[Mapping[str, str]]
Answer = Mapping[str, Value]

NOTHING: Final[Answer] = {}
"""The fields of an answer that is nothing but its status."""

FEATURES: Final = ", ".join((wire.IDEMPOTENCY, wire.EVENT_STREAM, wire.UPTO))
"""What this service can do beyond the original."""

HEADERS: Final = {"Cache-Control": "no-store", wire.FEATURES_HEADER: FEATURES}
"""On every answer, errors included (api rules 2 and 22)."""

_ENCODER: Final = msgspec.json.Encoder()


def respond(
    status: str,
    fields: Answer = NOTHING,
    *,
    http: int = 200,
    retry_after: int | None = None,
) -> Response:
    """The HTTP answer: 200 whatever ``status`` says, because clients of the time insist."""
    headers = HEADERS if retry_after is None else HEADERS | {"Retry-After": str(retry_after)}
    return Response(body(status, fields), http, headers, media_type="application/json")


def body(status: str, fields: Answer = NOTHING) -> bytes:
    """The object that an answer is, as JSON on one line."""
    return _ENCODER.encode({"status": status, **fields})


def history(page: HistoryPage) -> Answer:
    """A page of transactions, newest first, and how many there are in all."""
    return {
        "total_entries_count": str(page.total),
        "entries_count": str(len(page.records)),
        "entries": [transaction.fields(record) for record in page.records],
    }


def balance(account: Account) -> Answer:
    """What can be spent, and what it is made of."""
    return {
        "currency": account.currency,
        "balance": wire.format_money(account.balance),
        "points": wire.format_money(account.points),
        "bonus": wire.format_money(account.bonus),
    }
