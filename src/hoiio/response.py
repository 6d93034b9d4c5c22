"""An answer of the API, its fields typed.

Pure: text goes in, a ``Response`` or ``InvalidResponse`` comes out. It takes what any server of the
protocol has been seen to send: numbers as strings or bare, lists or comma strings, absent fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeGuard, cast
from urllib.parse import quote

from hoiio import wire
from hoiio.errors import InvalidResponse, RequestRefused

if TYPE_CHECKING:
    import httpx2


class Response:
    """One answer, or one entry of a history page.

    Every field of the answer is an attribute. Those declared here have the type shown and are None
    when the answer lacks them, as ``duration`` and ``debit`` are while a call is up; any other
    field keeps the type it came with, and a field that the answer lacks is an ``AttributeError``.
    A money field has its exact value beside it: ``rate_decimal`` for ``rate``.
    """

    status: str
    """``success_ok`` or the error; a history entry repeats its page's."""
    text: str
    """The body as it came; of an entry, its own JSON."""
    json: dict[str, Any]
    """The body parsed, nothing converted."""
    response: httpx2.Response | None
    """The HTTP response."""

    txn_ref: str | None
    txn_refs: list[str] | None
    room: str | None
    tag: str | None
    dest1: str | None
    dest2: str | None
    number: str | None
    call_status_dest1: str | None
    call_status_dest2: str | None
    date: datetime | None
    """When the transaction was admitted: naive, in GMT+8."""
    date_utc: datetime | None
    """The same instant, aware, in UTC."""
    duration: int | None
    """Started minutes."""
    currency: str | None
    rate: float | None
    """Currency units a minute."""
    rate_decimal: Decimal | None
    debit: float | None
    debit_decimal: Decimal | None
    talktime: int | None
    """Minutes that the credit lasts at this rate."""
    entries: list[Response] | None
    entries_count: int | None
    total_entries_count: int | None
    balance: float | None
    balance_decimal: Decimal | None
    points: float | None
    points_decimal: Decimal | None
    bonus: float | None
    bonus_decimal: Decimal | None
    uid: str | None
    name: str | None
    mobile_number: str | None
    caller_ids: list[str] | None
    email: str | None
    country: str | None
    prefix: str | None
    time_zone: str | None
    user_status: str | None

    def __init__(
        self, fields: Mapping[str, Any], text: str, response: httpx2.Response | None = None
    ) -> None:
        self.__dict__.update(_ABSENT)
        self.__dict__.update(fields)
        self.text = text
        self.response = response

    def is_success(self) -> bool:
        """Whether the API did as asked; if not, ``status`` holds the error."""
        return self.status == wire.Status.SUCCESS

    def raise_for_status(self) -> Response:
        """Return this answer if it is a success; raise :class:`hoiio.RequestRefused` if not."""
        if not self.is_success():
            raise RequestRefused(self)
        return self

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is not there; its type lets a checker accept a server's own fields.
        raise AttributeError(f"the answer has no field {name!r}")

    def __repr__(self) -> str:
        shown = ((name, self.__dict__[name]) for name in self.json if not _is_kept_out(name))
        return f"Response({', '.join(f'{name}={_show(name, value)}' for name, value in shown)})"


_RESERVED: Final = frozenset(dir(Response)) | {"text", "json", "response"}
_BESIDE: Final = frozenset(
    name for name in Response.__annotations__ if name.endswith(("_decimal", "_utc"))
)
_ABSENT: Final = dict.fromkeys(Response.__annotations__.keys() - _RESERVED - {"status"})
_TEXT: Final = _ABSENT.keys() - wire.FIELDS.keys() - _BESIDE


def parse(text: str, http: httpx2.Response | None = None, *, secret: str = "") -> Response:
    """Read an answer.

    ``secret`` is kept out of the exception's excerpt. Raises ``InvalidResponse`` for anything that
    is not one JSON object with a ``status`` and fields of the known shapes.
    """
    try:
        body = _object(text)
        return Response(_fields(body, _status(body), http), text, http)
    except (ValueError, RecursionError) as error:
        why = _redact(str(error) or "nested too deeply", secret)
        code = None if http is None else http.status_code
        raise InvalidResponse(why, _redact(text, secret), code) from None


def _object(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError:
        # Its own message would repeat parts of the body.
        raise ValueError("not JSON") from None
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of failure for all
    return cast("dict[str, Any]", body)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _status(body: dict[str, Any]) -> str:
    status = body.get("status")
    if not isinstance(status, str) or not status:
        raise ValueError("no status")
    return status


def _fields(body: dict[str, Any], status: str, http: httpx2.Response | None) -> dict[str, Any]:
    """All attributes of an answer or an entry, by name."""
    fields: dict[str, Any] = {"status": status, "json": body}
    for name, value in body.items():
        if _is_kept_out(name) or name == "status":
            continue
        if name in _TEXT:
            fields[name] = _string(name, value)
        elif name not in wire.FIELDS:
            fields[name] = value
        elif value is not None and value != "":
            fields.update(_typed(name, value, status, http))
    return fields


def _is_kept_out(name: str) -> bool:
    """Whether a server's field of this name stays in ``json`` only: an attribute of ours has it."""
    return name in _RESERVED or name in _BESIDE or name.startswith("_")


def _typed(name: str, value: Any, status: str, http: httpx2.Response | None) -> dict[str, Any]:
    """A field whose type the protocol knows, with what stands beside it."""
    match wire.FIELDS[name]:
        case wire.Kind.INTEGER:
            return {name: _integer(name, value)}
        case wire.Kind.MONEY:
            amount = _decimal(name, value)
            return {name: float(amount), f"{name}_decimal": amount}
        case wire.Kind.DATE:
            return _date(name, value)
        case wire.Kind.REFS | wire.Kind.LIST:
            return {name: _strings(name, value)}
        case wire.Kind.ENTRIES:
            return {name: _entries(name, value, status, http)}


def _wrong(name: str, value: object) -> ValueError:
    return ValueError(f"{name} cannot be a {type(value).__name__} of this form")


def _string(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, value)
    return str(value)


def _decimal(name: str, value: object) -> Decimal:
    """An exact amount; a bare JSON number counts as the shortest decimal that it stands for."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(name, value)
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise _wrong(name, value) from None
    # Beyond this a float would be infinite or an int would fill the memory.
    if not amount.is_finite() or abs(amount.adjusted()) > _DIGITS_MAX:
        raise _wrong(name, value)
    return amount


_DIGITS_MAX: Final = 30


def _integer(name: str, value: object) -> int:
    amount = _decimal(name, value)
    if amount != amount.to_integral_value():
        raise _wrong(name, value)
    return int(amount)


def _date(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, str):
        raise _wrong(name, value)
    date = wire.parse_date(value)
    try:
        return {name: date, f"{name}_utc": date.replace(tzinfo=wire.GMT8).astimezone(UTC)}
    except OverflowError:
        raise _wrong(name, value) from None


def _strings(name: str, value: object) -> list[str]:
    """A list of strings, or a comma string of them."""
    items: list[Any] = value.split(",") if isinstance(value, str) else _list(name, value)
    if not all(isinstance(item, str) for item in items):
        raise _wrong(name, value)
    return [item.strip() for item in items]


def _list(name: str, value: object) -> list[Any]:
    if not _is_list(value):
        raise _wrong(name, value)
    return value


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _entries(name: str, value: object, status: str, http: httpx2.Response | None) -> list[Response]:
    entries = _list(name, value)
    if not all(isinstance(entry, dict) for entry in entries):
        raise _wrong(name, value)
    return [Response(_fields(entry, status, http), json.dumps(entry), http) for entry in entries]


def _redact(text: str, secret: str) -> str:
    """The text without the secret, also where a server echoes it percent-encoded."""
    if not secret:
        return text
    return text.replace(secret, _HIDDEN).replace(quote(secret, safe=""), _HIDDEN)


_HIDDEN: Final = "[hidden]"


def _show(name: str, value: object) -> str:
    if "token" in name or "secret" in name:
        return _HIDDEN
    if name == "entries" and _is_list(value):
        return f"[{len(value)} entries]"
    return repr(value)
