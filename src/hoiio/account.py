"""The API's account methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoiio import wire

if TYPE_CHECKING:
    from hoiio.client import Client
    from hoiio.response import Response


class Account:
    """Credit, and who one is; each method raises what :meth:`hoiio.Client.send` does."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def balance(self, *, app_id: str | None = None, access_token: str | None = None) -> Response:
        """The credit left: ``balance``, of which ``points`` and ``bonus``, in ``currency``."""
        return self._client.send(wire.GET_BALANCE, {}, app_id, access_token)

    def info(self, *, app_id: str | None = None, access_token: str | None = None) -> Response:
        """The account: ``name``, ``mobile_number``, ``caller_ids`` and more."""
        return self._client.send(wire.GET_INFO, {}, app_id, access_token)
