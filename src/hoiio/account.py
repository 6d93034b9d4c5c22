"""The API's account methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from hoiio import wire
from hoiio.voice import A, C, Options, P

if TYPE_CHECKING:
    from typing import Unpack

    from hoiio.client import BaseClient


class Account(Generic[A, P, C]):
    """Credit, and who one is; each method takes and raises what those of :class:`Voice` do."""

    def __init__(self, client: BaseClient[A, P, C]) -> None:
        self._client = client

    def balance(self, **options: Unpack[Options]) -> A:
        """The credit left: ``balance``, of which ``points`` and ``bonus``, in ``currency``."""
        return self._client.send(wire.GET_BALANCE, {}, **options)

    def info(self, **options: Unpack[Options]) -> A:
        """The account: ``name``, ``mobile_number``, ``caller_ids`` and more."""
        return self._client.send(wire.GET_INFO, {}, **options)
