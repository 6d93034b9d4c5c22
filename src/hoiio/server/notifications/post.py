"""Posts one notification to where its URL leads, if the egress guard lets it.

A receiver is a stranger's machine. So: the name is looked up once and every address that came is
judged; the connection is made to one of these very addresses, with the URL's name in Host, SNI and
the certificate's check. No redirect is followed, no proxy of the environment used, no cookie kept;
what is read of an answer is bounded, and so is the time in all. Connections are not kept: a
receiver sees few a minute, and each one's address is judged anew.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from hoiio.server.notifications import target as urls
from hoiio.server.notifications.egress import Guard, explain
from hoiio.server.notifications.names import Names, NoSuchName, NotFound
from hoiio.server.notifications.shortage import OutOfFiles, is_shortage
from hoiio.server.notifications.target import IPAddress, NoTarget, Target

TIMEOUT: Final = 15.0
"""Seconds for all of it: the name, the connection, the answer."""
LOOK_UP: Final = 5.0
"""Seconds of these that looking the name up may take."""

NO_FILES: Final = "this service has no open file left for it"

_SECONDS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of posting once."""

    status: int | None
    """The HTTP status; None when there was no answer."""
    reason: str = ""
    """A short text for the operator's log, with nothing of the URL but its addresses."""
    retry_after: float | None = None
    """Seconds that the receiver asked to be left alone for; None when it did not."""
    ours: bool = False
    """Whether it failed for want of open files here, which is no attempt on the receiver."""


class Poster:
    """Posts where ``guard`` permits, to addresses that ``names`` finds.

    ``tls`` makes what certificates are checked with: by default the system's authorities.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        names: Names | None = None,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._guard = guard or Guard()
        self._names = names or Names()
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        """Post ``body`` once; whatever the receiver does comes back as an ``Attempt``."""
        # Its library takes a while to import: not on the way to the first call.
        from hoiio.server.notifications import exchange  # noqa: PLC0415

        until = asyncio.get_running_loop().time() + TIMEOUT
        try:
            target = urls.parse(url)
            async with asyncio.timeout_at(until):
                addresses = await self._addresses(target)
            if refused := self._guard.refused(addresses):
                return Attempt(None, explain(refused))
            if self._tls is None and target.scheme == "https":
                self._tls = (self._make_tls or exchange.authorities)()
            answer = await exchange.post(target, addresses, body, headers, self._tls, until=until)
        except NoTarget:
            return Attempt(None, "not a URL that can be notified")
        except NoSuchName:
            return Attempt(None, "there is no such name")
        except (NotFound, exchange.Failed) as error:
            return Attempt(None, str(error))
        except TimeoutError:
            return Attempt(None, f"no answer within {TIMEOUT:g} s")
        except OutOfFiles:
            return Attempt(None, NO_FILES, ours=True)
        except OSError as error:
            if is_shortage(error):
                return Attempt(None, NO_FILES, ours=True)
            return Attempt(None, f"the certificate authorities cannot be read: {error.strerror}")
        wait = None if answer.retry_after is None else seconds(answer.retry_after, time.time())
        return Attempt(answer.status, f"answered {answer.status}", wait)

    async def _addresses(self, target: Target) -> tuple[IPAddress, ...]:
        if target.address is not None:
            return (target.address,)
        return await self._names.addresses(target.host, LOOK_UP)


def seconds(retry_after: str, now: float) -> float | None:
    """What a ``Retry-After`` means at ``now`` (Unix seconds); None for what it does not say.

    It is seconds or an HTTP date; a date that is past is 0 (RFC 9110 §10.2.3).
    """
    text = retry_after.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    at = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return max(0.0, at.timestamp() - now)
