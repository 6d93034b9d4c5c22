"""Who asks: the application behind a pair of credentials."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

from hoiio import wire
from hoiio.server.api.guesses import Guesses
from hoiio.server.api.limits import exceeded
from hoiio.server.api.params import Params, Refused
from hoiio.server.storage.credentials import guessable
from hoiio.server.storage.protocol import Application, Storage
from hoiio.wire import Status


async def identify(
    storage: Storage,
    guesses: Guesses,
    given: Params,
    address: str,
    exempt: Callable[[Application], Awaitable[bool]],
) -> Application:
    """The live application that the credentials name and prove; else ``Refused``.

    While guesses have closed it to the address, neither right nor wrong tokens are served, but for
    a right one too long to be guessed where ``exempt`` says that the request must not be refused.
    """
    for name in wire.CREDENTIALS:
        if name not in given:
            raise Refused(wire.param_missing(name))
    app_id, token = given["app_id"], given["access_token"]
    application = await storage.application(app_id)
    if application is None or application.revoked:
        raise _missed(guesses, address, Status.INVALID_APP_ID)
    right = _is_token_of(application, token)
    wait = guesses.closed(address, app_id)  # no other request comes between this and the count
    if wait:
        if right and not guessable(token) and await exempt(application):
            return application
        raise exceeded(wait)
    if not right:
        guesses.wrong(address, app_id, token)
        raise _missed(guesses, address, Status.INVALID_ACCESS_TOKEN)
    guesses.succeeded(address, app_id)
    return application


async def still_good(storage: Storage, app_id: str, token: str) -> bool:
    """Whether a token that was right still opens a live application."""
    application = await storage.application(app_id)
    return application is not None and not application.revoked and _is_token_of(application, token)


def _missed(guesses: Guesses, address: str, status: Status) -> Refused:
    """The refusal of a miss: ``status`` while the address may know."""
    wait = guesses.missed(address)
    return exceeded(wait) if wait else Refused(status)


def _is_token_of(application: Application, given: str) -> bool:
    """Whether it is the token, or a former one that is still good."""
    former = application.former_token
    return _same(given, application.access_token) or (former is not None and _same(given, former))


def _same(given: str, real: str) -> bool:
    """Compared in constant time, so that an answer's delay tells nothing of the token."""
    return hmac.compare_digest(given.encode(), real.encode())
