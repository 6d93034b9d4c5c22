"""An answer of the API, its fields typed.

Pure: text goes in, a response or ``InvalidResponse`` comes out. It takes what any server of the
protocol has been seen to send: numbers as strings or bare, lists or comma strings, absent fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeGuard, TypeVar, cast, overload

from hoiio import wire
from hoiio.errors import HIDDEN, InvalidResponse, NotConfigured, api_error
from hoiio.transport import ANSWER_MAX

if TYPE_CHECKING:
    from decimal import Decimal
    from json import JSONDecoder

    from hoiio.request import Credentials
    from hoiio.transport import HttpResponse


class Exact:
    """The exact value beside a money field, made when it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, answer: None, owner: type[Answer]) -> Exact: ...

    @overload
    def __get__(self, answer: Answer, owner: type[Answer]) -> Decimal | None: ...

    def __get__(self, answer: Answer | None, owner: type[Answer]) -> Exact | Decimal | None:
        """Of an answer, the amount as a ``Decimal``; None where it has none."""
        if answer is None:
            return self
        value = answer.json.get(self._name)
        return None if value is None or value == "" else _decimal(self._name, value)


class Answer:
    """One answer, or one entry of a history page, whoever asked.

    Every field of the answer is an attribute. Those declared here have the type shown and are None
    when the answer lacks them, as ``duration`` and ``debit`` are while a call is up; any other
    field keeps the type it came with, and a field that the answer lacks is an ``AttributeError``.
    A money field has its exact value beside it: ``rate_decimal`` for ``rate``.
    """

    status: str
    """``success_ok`` or the error; a history entry repeats its page's."""
    json: dict[str, Any]
    """The body parsed, nothing converted."""
    response: HttpResponse | None
    """The HTTP response: ``status_code``, ``headers``, ``content``."""

    idempotency_key: str | None = None
    """The key that a chargeable request went out with."""

    txn_ref: str | None = None
    """Of a call, or of one participant: its name in everything else."""
    txn_refs: list[str] | None = None
    """Of a conference, one for each number, in their order."""
    room: str | None = None
    """The conference's."""
    tag: str | None = None
    """What the request gave; empty if it gave none."""
    dest1: str | None = None
    """Who was called first, or the participant."""
    dest2: str | None = None
    """Who was called second; empty for a participant."""
    number: str | None = None
    """A number of the account's that took part, where a service says so."""
    call_status_dest1: str | None = None
    """``ongoing``, also while it rings, then ``answered``, ``unanswered``, ``busy``, ``failed``."""
    call_status_dest2: str | None = None
    """The same of the second; empty for a participant."""
    date: datetime | None = None
    """When the transaction was admitted: naive, in GMT+8."""
    answered_date: datetime | None = None
    """When the billed talk began: naive, in GMT+8. None until then, if nobody talked, and on
    services, or of calls, that are older than it."""
    duration: int | None = None
    """Started minutes."""
    currency: str | None = None
    """Of every amount beside it, such as ``SGD``."""
    rate: float | None = None
    """Currency units a minute."""
    rate_decimal = Exact("rate")
    debit: float | None = None
    """What the call cost."""
    debit_decimal = Exact("debit")
    talktime: int | None = None
    """Minutes that the credit lasts at this rate."""
    entries: list[Self] | None = None
    """A page of history: calls with the fields of a status, newest first."""
    entries_count: int | None = None
    """How many are on this page, at most 100."""
    total_entries_count: int | None = None
    """How many are on all pages."""
    balance: float | None = None
    """The credit left, without what is held for calls that are up."""
    balance_decimal = Exact("balance")
    points: float | None = None
    """Of the balance, what was paid in."""
    points_decimal = Exact("points")
    bonus: float | None = None
    """Of the balance, what was given."""
    bonus_decimal = Exact("bonus")
    uid: str | None = None
    """The account's id."""
    name: str | None = None
    """The account's."""
    mobile_number: str | None = None
    """The registered number."""
    caller_ids: list[str] | None = None
    """What ``caller_id`` may be."""
    email: str | None = None
    """The account's, where there is one."""
    country: str | None = None
    """Two letters, such as ``SG``."""
    prefix: str | None = None
    """The country's, such as ``+65``."""
    time_zone: str | None = None
    """Such as ``GMT+0800SG``."""
    user_status: str | None = None
    """``trial`` or ``active``."""

    if TYPE_CHECKING:
        # Not among the annotations, which are the answer's fields.
        _text: str | None  # the body; None if its response has it, empty for an entry
        _origin: Any

    def __init__(
        self,
        fields: dict[str, Any],
        text: str | None = None,
        response: HttpResponse | None = None,
        origin: object = None,
    ) -> None:
        fields["_text"] = text
        fields["_origin"] = origin
        fields["response"] = response
        self.__dict__ = fields

    def __reduce__(self) -> tuple[object, ...]:
        # A copy, or one that goes to another process, has no client any more.
        http = self.response
        if http is not None:
            http = type(http)(http.status_code, dict(http.headers), http.content)
        return _copied, (type(self), {**self.__dict__, "response": http, "_origin": None})

    @property
    def text(self) -> str:
        """The body as it came; of an entry, its own JSON."""
        if self._text:
            return self._text
        if self._text is None and self.response is not None:
            return self.response.text
        import json  # noqa: PLC0415 - seldom asked

        return json.dumps(self.json)

    @property
    def date_utc(self) -> datetime | None:
        """The instant of ``date``, aware, in UTC."""
        return None if self.date is None else utc(self.date)

    @property
    def retry_after(self) -> int | None:
        """Seconds after which a request that was refused for its rate may be made again."""
        return None if self.response is None else retry_after(self.response)

    def is_success(self) -> bool:
        """Whether the API did as asked; if not, ``status`` holds the error."""
        return self.status == _SUCCESS

    def is_live(self) -> bool:
        """Whether this call is still up, by its statuses."""
        return wire.CallStatus.ONGOING in (self.call_status_dest1, self.call_status_dest2)

    def is_answered(self) -> bool:
        """Whether all who were to talk have talked, by ``answered_date`` or the final statuses.

        A service without ``answered_date`` tells it only when the call has ended.
        """
        if self.answered_date is not None:
            return True
        statuses = {self.call_status_dest1, self.call_status_dest2} - {None, ""}
        return statuses == {wire.CallStatus.ANSWERED}

    def raise_for_error(self) -> Self:
        """Return this answer if it is a success; raise :class:`hoiio.APIError` if not."""
        if not self.is_success():
            raise api_error(self)
        return self

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"the answer has no field {name!r}")

    def __repr__(self) -> str:
        shown = ((name, self.__dict__[name]) for name in self.json if not is_kept_out(name))
        fields = ", ".join(f"{name}={_show(name, value)}" for name, value in shown)
        return f"{type(self).__name__}({fields})"


def _copied(kind: type[Answer], state: dict[str, Any]) -> Answer:
    answer = kind.__new__(kind)
    answer.__dict__.update(state)
    answer.__dict__["_origin"] = _Nowhere()
    return answer


class _Nowhere:
    """Where a copied answer came from: nothing can be asked there."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotConfigured(
            "a copied answer has no client: ask one with its txn_ref, as in "
            "client.voice.wait(txn_ref), or with history()"
        )


R = TypeVar("R", bound=Answer)
_SUCCESS: Final = wire.Status.SUCCESS.value


def retry_after(response: HttpResponse) -> int | None:
    """The seconds of a ``Retry-After`` header; None for none, or a date."""
    headers = response.headers
    # A plain mapping, as a copied answer has one, knows a name in one spelling only.
    seconds = str(headers.get("Retry-After") or headers.get("retry-after"))
    plain = seconds.isascii() and seconds.isdigit() and len(seconds) < 10
    return int(seconds) if plain else None


_RESERVED: Final = frozenset(dir(Answer)) - set(Answer.__annotations__) | {
    *("text", "json", "response", "idempotency_key", "wait", "watch", "all", "to_csv")
}
_BESIDE: Final = frozenset(name for name in dir(Answer) if name.endswith("_decimal"))
_TEXT: Final = Answer.__annotations__.keys() - _RESERVED - wire.FIELDS.keys() - _BESIDE - {"status"}


def parse(
    kind: type[R],
    came: HttpResponse | str,
    *,
    who: Credentials | None = None,
    origin: object = None,
) -> R:
    """Read what came into a ``kind`` of response, that keeps its ``origin``, entries and all.

    The token of ``who`` asked is kept out of the exception's excerpt. Raises ``InvalidResponse``
    for anything that is not one JSON object with a ``status`` and fields of the known shapes.
    """
    # Each function called here costs more than it looks: between two answers all of this leaves
    # the processor's caches.
    http = None if isinstance(came, str) else came
    try:
        if http is not None and len(http.content) > ANSWER_MAX:
            raise ValueError("too large")  # noqa: TRY301 - one kind of failure for all
        read = None if http is None else http.body
        if isinstance(read, dict) and _ONLY_TEXT.issuperset(map(type, read.values())):  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
            body, texts = cast("dict[str, Any]", read), True
        else:
            body, texts = _object(came if isinstance(came, str) else came.text), False
        status = body.get("status")
        if not isinstance(status, str) or not status:
            raise ValueError("no status")  # noqa: TRY301
        fields = _fields(body, status, texts=texts)
        if not texts and fields.get("entries"):
            fields["entries"] = [
                kind(_fields(entry, status), "", http, origin) for entry in fields["entries"]
            ]
        return kind(fields, came if isinstance(came, str) else None, http, origin)
    except (ValueError, RecursionError) as error:
        from hoiio.redaction import redact  # noqa: PLC0415 - only what cannot be read needs it

        why = redact(str(error) or "nested too deeply", who)
        code = None if http is None else http.status_code
        excerpt = redact(came if isinstance(came, str) else came.text, who)
        raise InvalidResponse(why, excerpt, code) from None


_ONLY_TEXT: Final = frozenset({str})


def typed(name: str, value: object) -> dict[str, Any]:
    """The attributes that a field of ``wire.FIELDS`` becomes, an amount's exact one too.

    Raises ``ValueError`` for one of the wrong shape.
    """
    kind = wire.FIELDS[name]
    fields: dict[str, Any] = {name: _READERS[kind](name, value)}
    if kind is wire.Kind.MONEY:
        fields[f"{name}_decimal"] = _decimal(name, value)
    return fields


def utc(date: datetime) -> datetime:
    """The instant of the wire's naive date, aware, in UTC."""
    return _EPOCH + (date - _EPOCH_GMT8)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_GMT8: Final = datetime(1970, 1, 1, 8)
"""Naive, as the wire's dates are. An addition costs a tenth of what ``replace(tzinfo=…)`` does."""


def _object(text: str) -> dict[str, Any]:
    try:
        body, end = _decoder().raw_decode(text)
    except ValueError:
        body = _decoded(text)
    else:
        if end != len(text):
            body = _decoded(text)
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of failure for all
    return cast("dict[str, Any]", body)


def _decoded(text: str) -> object:
    """All of the text, which may have white space around it."""
    try:
        return _decoder().decode(text)
    except ValueError:
        # The library's own message would repeat parts of the body.
        raise ValueError("not JSON") from None


@cache
def _decoder() -> JSONDecoder:
    from json import JSONDecoder  # noqa: PLC0415 - loaded with the first answer

    return JSONDecoder(parse_constant=_no_constant)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _fields(body: dict[str, Any], status: str, *, texts: bool = False) -> dict[str, Any]:
    """All attributes of an answer or an entry, by name; ``texts`` if its values are known to be.

    Most bodies look like one before them, so what has to be done for its names is looked up.
    """
    fields = body.copy()
    names = tuple(body)
    plan = _PLANS.get(names)
    if plan is None:
        _read_each(fields, body)
        _make_plan(names)
    elif texts or _ONLY_TEXT.issuperset(map(type, body.values())):
        for name, known, read in plan:
            value = body[name]
            found = known(value) if len(value) <= _SHORT else None
            fields[name] = found if found is not None else read(name, value) if value else None
    else:
        _read_each(fields, body)
    fields["json"] = body
    fields["status"] = status
    return fields


def _read_each(fields: dict[str, Any], body: dict[str, Any]) -> None:
    """Give each field its type, whatever there is in the body; all values are in ``fields``."""
    for name, value in body.items():
        read = _READER_OF.get(name, _unknown)
        if read is None:
            # Most fields are strings already.
            if type(value) is not str:
                fields[name] = _string(name, value)
        elif read is not _unknown:
            fields[name] = None if value is None or value == "" else read(name, value)
        elif name != "status" and is_kept_out(name):
            del fields[name]


def _make_plan(names: tuple[str, ...]) -> None:
    """Keep what is to be done for a body of texts with these names, if all of them are declared.

    Names that a service made up could fill the memory, and so could all orders of the others.
    """
    if _DECLARED.issuperset(names):
        if len(_PLANS) >= _PLANS_MAX:
            _PLANS.clear()
        _PLANS[names] = tuple(
            (name, _KNOWN.get(kind, _none_known), _READERS[kind])
            for name in names
            if (kind := wire.FIELDS.get(name)) is not None
        )


def is_kept_out(name: str) -> bool:
    """Whether a server's field of this name stays in ``json`` only: an attribute of ours has it."""
    return name in _RESERVED or name in _BESIDE or name.startswith("_")


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
    if not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(name, value)
        value = str(value)
    amount = _known_amount(value) if len(value) <= _SHORT else _amount(value)
    if amount is None:
        raise _wrong(name, value)
    return amount


def _amount(text: str) -> Decimal | None:
    from decimal import Decimal, InvalidOperation  # noqa: PLC0415 - slow to load

    try:
        amount = Decimal(text)
    except (InvalidOperation, ValueError):
        return None
    # Beyond this a float would be infinite or an int would fill the memory.
    return amount if amount.is_finite() and abs(amount.adjusted()) <= _DIGITS_MAX else None


_DIGITS_MAX: Final = 30
_SHORT: Final = 32
"""What is longer than any real amount, count or date is not kept."""
# Most amounts have been seen before: rates, and what so many minutes cost.
_known_amount: Final = lru_cache(maxsize=1024)(_amount)


def _money(name: str, value: object) -> float:
    amount = _known_float(value) if isinstance(value, str) and len(value) <= _SHORT else None
    return float(_decimal(name, value)) if amount is None else amount


@lru_cache(maxsize=1024)
def _known_float(text: str) -> float | None:
    """A plainly written amount; None for all that takes a second look."""
    return float(text) if _PLAIN_AMOUNT.fullmatch(text) else None


_PLAIN_AMOUNT: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)


@lru_cache(maxsize=1024)
def _known_count(text: str) -> int | None:
    """A plainly written count; None for all that takes a second look."""
    return int(text) if len(text) < 10 and text.isascii() and text.isdigit() else None


def _integer(name: str, value: object) -> int:
    count = _known_count(value) if isinstance(value, str) and len(value) <= _SHORT else None
    if count is not None:
        return count
    amount = _decimal(name, value)
    if amount != amount.to_integral_value():
        raise _wrong(name, value)
    return int(amount)


def _date(name: str, value: object) -> datetime:
    if not isinstance(value, str):
        raise _wrong(name, value)
    try:
        date = wire.parse_date(value)
    except ValueError:
        # Its own message would repeat all of what was sent.
        raise _wrong(name, value) from None
    if date < _EARLIEST:
        raise _wrong(name, value)
    return date


_GMT8: Final = timedelta(hours=8)
_EARLIEST: Final = datetime.min + _GMT8
"""Before it there would be no date in UTC."""


# A call that is asked after has the same date each time.
@lru_cache(maxsize=1024)
def _known_date(text: str) -> datetime | None:
    """None for what is no date."""
    try:
        return _date("date", text)
    except ValueError:
        return None


def _strings(name: str, value: object) -> list[str]:
    """A list of strings, or a comma string of them."""
    items: list[Any] = value.split(",") if isinstance(value, str) else _list(name, value)
    if not all(isinstance(item, str) for item in items):
        raise _wrong(name, value)
    return [item.strip() for item in items]


def _entries(name: str, value: object) -> list[dict[str, Any]]:
    entries = _list(name, value)
    if not all(isinstance(entry, dict) for entry in entries):
        raise _wrong(name, value)
    return entries


_Reader = Callable[[str, object], object]
_READERS: Final[dict[wire.Kind, _Reader]] = {
    wire.Kind.INTEGER: _integer,
    wire.Kind.MONEY: _money,
    wire.Kind.DATE: _date,
    wire.Kind.REFS: _strings,
    wire.Kind.LIST: _strings,
    wire.Kind.ENTRIES: _entries,
}


def _unknown(_name: str, value: object) -> object:
    """A field that is not declared keeps the type it came with."""
    return value


_READER_OF: Final[dict[str, _Reader | None]] = {
    **dict.fromkeys(_TEXT),
    **{name: _READERS[kind] for name, kind in wire.FIELDS.items()},
}
"""What makes a field its type; None for text, which has it already."""
_DECLARED: Final = _READER_OF.keys() | {"status"}


def _none_known(_text: str) -> None:
    """Of a kind whose values are not remembered."""


_KNOWN: Final[dict[wire.Kind, Callable[[str], object]]] = {
    wire.Kind.INTEGER: _known_count,
    wire.Kind.MONEY: _known_float,
    wire.Kind.DATE: _known_date,
}
"""What remembers the value of a short text; None for one that its reader has to look at."""
_PLANS: Final[dict[tuple[str, ...], tuple[tuple[str, Callable[[str], object], _Reader], ...]]] = {}
"""For the names of a body those to be converted: the quick way, and the one that raises."""
_PLANS_MAX: Final = 64


def _list(name: str, value: object) -> list[Any]:
    if not _is_list(value):
        raise _wrong(name, value)
    return value


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _show(name: str, value: object) -> str:
    if "token" in name or "secret" in name:
        return HIDDEN
    if name == "entries" and _is_list(value):
        return f"[{len(value)} entries]"
    return repr(value)
