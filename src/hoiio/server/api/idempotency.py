"""The ``Idempotency-Key`` of a chargeable request, and what counts as the same request."""

from __future__ import annotations

import asyncio
import hashlib
from weakref import WeakValueDictionary

import msgspec
from starlette.datastructures import Headers

from hoiio import wire
from hoiio.server.api import params
from hoiio.server.api.params import Params, Refused
from hoiio.server.storage.protocol import Application, IdempotencyKey
from hoiio.wire import Endpoint, Status


def key(endpoint: Endpoint, given: Params, headers: Headers) -> IdempotencyKey | None:
    """The key that the request carries, None when it carries none (api rule 22).

    Raises ``Refused`` for what is no key; several are none, as HTTP joins them with a space.
    """
    names = headers.getlist(wire.IDEMPOTENCY_HEADER)
    if not names:
        return None
    if len(names) > 1 or not wire.IDEMPOTENCY_KEY.fullmatch(names[0]):
        raise Refused(Status.IDEMPOTENCY_KEY_INVALID)
    return IdempotencyKey(endpoint.path, names[0], fingerprint(endpoint, given))


def fingerprint(endpoint: Endpoint, given: Params) -> bytes:
    """A hash of the endpoint's own parameters in their canonical form.

    It depends on the request alone: not on what a check would make of it, nor on defaults such as
    the registered number. So a request is recognised before its parameters are checked, and also
    when the account, the tariff or the service's rules changed since it was first answered.
    """
    told = [(name, _canonical(name, given[name])) for name in endpoint.params if name in given]
    return hashlib.sha256(msgspec.json.encode(told)).digest()


def _canonical(name: str, value: str) -> str:
    """One way to write what may be written in several, as the checks in ``params`` read it."""
    if name in {"dest1", "dest2"}:
        return params.plus_restored(value)
    if name == "dest":
        return ",".join(number.strip(" ") for number in value.split(","))
    if name == "caller_id":
        return "private" if value in wire.PRIVATE else params.plus_restored(value)
    if name == "max_duration":
        return value.lstrip("0")
    return value


class Repetitions:
    """Requests under one key take turns: who comes while the first is under way waits for it.

    Then it is answered from what was kept, and has taken nothing of any limit.
    """

    def __init__(self) -> None:
        self._under_way = WeakValueDictionary[tuple[int, str, str], asyncio.Lock]()

    def turn(self, application: Application, key: IdempotencyKey) -> asyncio.Lock:
        """What to hold while a request is answered; forgotten when nobody waits for it."""
        same = (application.id, key.endpoint, key.name)
        return self._under_way.setdefault(same, asyncio.Lock())
