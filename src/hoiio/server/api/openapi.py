"""The OpenAPI 3.1 description of what is served, made from the protocol's own tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from hoiio import wire
from hoiio.server.api.answers import FEATURES
from hoiio.wire import Endpoint

Schema = dict[str, Any]

_E164: Final[Schema] = {"type": "string", "pattern": r"^\+[0-9]{4,15}$", "example": "+6511111111"}
_DATE: Final[Schema] = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$",
    "description": "GMT+8",
    "example": "2012-01-31 12:06:15",
}
_MONEY: Final[Schema] = {
    "type": "string",
    "pattern": r"^-?[0-9]+\.[0-9]{3,6}$",
    "example": "0.036",
}
_WHOLE: Final[Schema] = {"type": "string", "pattern": "^[0-9]+$", "example": "7"}
_TEXT: Final[Schema] = {"type": "string"}
_REF: Final[Schema] = {"type": "string", "example": "AA-C-141147"}
_SUCCESS: Final[Schema] = {"type": "string", "const": wire.Status.SUCCESS}
_ERROR: Final[Schema] = {
    "type": "string",
    "description": "The error's name",
    "pattern": "^error_[a-z0-9_]+$",
}
_CALL_STATUS: Final[Schema] = {
    "type": "string",
    "enum": ["", *wire.CallStatus],
    "description": "ongoing while the call lives",
}


def _said(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


PARAMETERS: Final[Mapping[str, Schema]] = {
    "app_id": _said(_TEXT, "The application's id."),
    "access_token": _said(_TEXT, "The application's access token."),
    "dest1": _said(_E164, "The first number to ring, E.164."),
    "dest2": _said(_E164, "The second number, rung once the first has answered, E.164."),
    "dest": _said(_TEXT, "Up to 8 numbers to ring, E.164, separated by commas."),
    "room": _said(
        {"type": "string", "pattern": f"^{wire.ROOM.pattern}$", "example": "MY-ROOM"},
        "The conference room to join, made when unknown; without it a new one is made.",
    ),
    "action": _said({"type": "string", "enum": [*wire.Action]}, "What is done to the participant."),
    "caller_id": _said(
        _TEXT,
        "What dest2, or every participant, sees: the registered number, one of the account's own, "
        "or private.",
    ),
    "max_duration": _said(_WHOLE, "Seconds after dest2's answer when the call is cut, 1 to 86400."),
    "tag": _said(
        {"type": "string", "maxLength": wire.TAG_MAX}, "Your own text, handed back everywhere."
    ),
    "notify_url": _said(
        {"type": "string", "format": "uri", "maxLength": wire.NOTIFY_URL_MAX},
        "Where to POST one notification when the call, or each participant's, ends.",
    ),
    "txn_ref": _said(_REF, "The transaction, as the call or conference named it."),
    "from": _said(_DATE, "Transactions at or after this date, GMT+8."),
    "to": _said(_DATE, "Transactions before this date, GMT+8."),
    "page": _said(_WHOLE, "Which 100 entries, from 1."),
    "upto": _said(_REF, "Nothing newer than this transaction: keeps pages from shifting."),
}

_TRANSACTION: Final[Mapping[str, Schema]] = {
    "txn_ref": _REF,
    "tag": _TEXT,
    "dest1": {
        "type": "string",
        "pattern": r"^\+[0-9*]+$",
        "description": "With asterisks once the operator has purged it.",
        "example": "+6511111111",
    },
    "dest2": _TEXT,
    "call_status_dest1": _CALL_STATUS,
    "call_status_dest2": _CALL_STATUS,
    "date": _DATE,
    "answered_date": _said(
        _DATE,
        "When the billed talk began, GMT+8: dest2's answer, or the participant's own. Absent until "
        "then, and for ever if nobody talked.",
    ),
    "duration": _said(_WHOLE, "Started minutes; absent while the call lives."),
    "currency": _TEXT,
    "rate": _said(_MONEY, "A minute of both legs."),
    "debit": _said(_MONEY, "What the call cost; absent while it lives."),
    "room": _said(_TEXT, "A conference participant's room."),
}

OPTIONAL: Final = frozenset({"answered_date", "duration", "debit", "room"})
"""Fields of a transaction that are not always there."""


def _object(properties: Mapping[str, Schema]) -> Schema:
    """An object with these, of which a transaction may lack a few, and with any others."""
    lacking = OPTIONAL if "txn_ref" in properties else frozenset[str]()
    required = [name for name in properties if name not in lacking]
    return {"type": "object", "properties": dict(properties), "required": required}


FIELDS: Final[Mapping[Endpoint, Mapping[str, Schema]]] = {
    wire.CALL: {"txn_ref": _REF},
    wire.CONFERENCE: {
        "txn_refs": _said(_TEXT, "One for each participant in the order of dest, comma separated."),
        "room": _TEXT,
    },
    wire.CONFERENCE_CALL: {
        "txn_refs": _said(
            {"type": "array", "items": _REF}, "One for each participant in the order of dest."
        ),
        "room": _TEXT,
    },
    wire.MODERATE: {},
    wire.HANGUP: {},
    wire.QUERY_STATUS: _TRANSACTION,
    wire.EVENTS: _TRANSACTION,
    wire.GET_HISTORY: {
        "total_entries_count": _WHOLE,
        "entries_count": _WHOLE,
        "entries": {
            "type": "array",
            "maxItems": wire.PAGE_SIZE,
            "items": _object(_TRANSACTION),
        },
    },
    wire.GET_RATE: {
        "currency": _TEXT,
        "rate": _MONEY,
        "talktime": _said(_WHOLE, "Minutes that the balance pays for."),
    },
    wire.GET_BALANCE: {"currency": _TEXT, "balance": _MONEY, "points": _MONEY, "bonus": _MONEY},
    wire.GET_INFO: {
        "uid": _TEXT,
        "name": _TEXT,
        "mobile_number": _said(_TEXT, "The registered number; empty when there is none."),
        "caller_ids": {"type": "array", "items": _TEXT},
        "country": _said(_TEXT, "ISO 3166-1 alpha-2."),
        "prefix": _TEXT,
        "currency": _TEXT,
        "time_zone": _TEXT,
        "user_status": {"type": "string", "enum": ["trial", "active"]},
        "sms_rebrand_status": _TEXT,
        "call_rebrand_status": _TEXT,
    },
}

ANSWER_HEADERS: Final[Mapping[str, Schema]] = {
    wire.FEATURES_HEADER: {
        "description": "What this service can do beyond the original, a comma list.",
        "schema": {"type": "string", "const": FEATURES},
    },
    "Retry-After": {
        "description": "Seconds to wait, with error_rate_limit_exceeded only.",
        "schema": {"type": "integer", "minimum": 1},
    },
}

SUMMARIES: Final[Mapping[Endpoint, str]] = {
    wire.CALL: "Ring two phones one after the other and connect them",
    wire.CONFERENCE: "Ring up to eight phones and put them into a room",
    wire.CONFERENCE_CALL: "Ring up to eight phones and put them into a room",
    wire.MODERATE: "Kick, mute or unmute a participant",
    wire.HANGUP: "End a call, or one participant's part in a conference",
    wire.QUERY_STATUS: "How a call is going, or how it went",
    wire.EVENTS: "Watch a call: its status now and at each change until it has ended",
    wire.GET_HISTORY: "The application's transactions, newest first",
    wire.GET_RATE: "What a minute between two numbers costs",
    wire.GET_BALANCE: "What the account can spend",
    wire.GET_INFO: "Who the account is",
}


def document(endpoints: Iterable[Endpoint]) -> bytes:
    """The description of these endpoints as JSON."""
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Hoiio voice API",
                "version": "1.0.0",
                "description": "Every answer is HTTP 200; its status says how it went.",
            },
            "paths": {wire.PATH_PREFIX + each.path: _path(each) for each in endpoints},
        }
    )


def _path(endpoint: Endpoint) -> Schema:
    name = endpoint.path.replace("/", "_")
    common = {
        "summary": SUMMARIES[endpoint],
        "tags": [endpoint.path.partition("/")[0]],
        "responses": _responses(endpoint),
    }
    return {
        "get": {
            **common,
            "operationId": f"get_{name}",
            "parameters": _query(endpoint) + _headers(endpoint),
        },
        "post": {
            **common,
            "operationId": f"post_{name}",
            "parameters": _headers(endpoint),
            "requestBody": _form(endpoint),
        },
    }


def _query(endpoint: Endpoint) -> list[Schema]:
    return [
        {"name": name, "in": "query", "required": required, "schema": PARAMETERS[name]}
        for name, required in _parameters(endpoint)
    ]


def _headers(endpoint: Endpoint) -> list[Schema]:
    if not endpoint.chargeable:
        return []
    schema = {"type": "string", "pattern": f"^{wire.IDEMPOTENCY_KEY.pattern}$"}
    return [
        {
            "name": wire.IDEMPOTENCY_HEADER,
            "in": "header",
            "description": "Your name for this request. The same request under the same name is "
            "answered again for a day at least, and places nothing more.",
            "schema": schema,
        }
    ]


def _form(endpoint: Endpoint) -> Schema:
    parameters = _parameters(endpoint)
    schema = {
        "type": "object",
        "properties": {name: PARAMETERS[name] for name, _ in parameters},
        "required": [name for name, required in parameters if required],
    }
    return {"content": {wire.FORM: {"schema": schema}}}


def _parameters(endpoint: Endpoint) -> list[tuple[str, bool]]:
    required = wire.CREDENTIALS + endpoint.required
    return [(name, name in required) for name in wire.CREDENTIALS + endpoint.params]


def _responses(endpoint: Endpoint) -> Schema:
    if endpoint is wire.EVENTS:
        return {"200": _STREAM, "500": _FAILED}
    success = _object({"status": _SUCCESS, **FIELDS[endpoint]})
    return {
        "200": _response(
            "Carried out, or refused: status tells",
            {"oneOf": [success, _object({"status": _ERROR})]},
        ),
        "500": _FAILED,
    }


def _response(description: str, schema: Schema) -> Schema:
    return {
        "description": description,
        "headers": ANSWER_HEADERS,
        "content": {"application/json": {"schema": schema}},
    }


_FAILED: Final = _response("The service itself failed", _object({"status": _ERROR}))

_STREAM: Final = _response("The events, or a refusal", _object({"status": _ERROR}))
_STREAM["content"]["text/event-stream"] = {
    # As OpenAPI before 3.2 has it: the schema is that of one event.
    "schema": {
        "type": "object",
        "description": "Server-sent events without names, one at once and one at each change. "
        "After the one of the ended call the stream ends. A comment comes at least every 15 "
        "seconds.",
        "properties": {
            "data": {
                "type": "string",
                "description": "What voice/query_status would answer.",
                "contentMediaType": "application/json",
                "contentSchema": _object({"status": _SUCCESS, **_TRANSACTION}),
            }
        },
        "required": ["data"],
    }
}
