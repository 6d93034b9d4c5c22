"""From what happened to a leg to the status that the API tells, in one table (api rule 10)."""

from __future__ import annotations

from typing import Final

from hoiio.server.engines.protocol import Cause
from hoiio.wire import CallStatus

_BUSY: Final = frozenset({486, 600, 603})
_UNANSWERED: Final = frozenset({480, 487})
_REQUEST_TIMEOUT: Final = 408

_BY_CAUSE: Final = {
    Cause.HUNG_UP: CallStatus.UNANSWERED,
    Cause.RING_TIMEOUT: CallStatus.UNANSWERED,
    Cause.NO_RESPONSE: CallStatus.FAILED,
    Cause.ENGINE_LOST: CallStatus.FAILED,
    Cause.NOT_DIALLED: CallStatus.FAILED,
    # Only an answered leg can end so; unanswered here means that its answer crossed our CANCEL.
    Cause.DEADLINE: CallStatus.UNANSWERED,
    Cause.MEDIA_LOST: CallStatus.UNANSWERED,
}


def unanswered_leg(cause: Cause, code: int | None, *, rang: bool) -> CallStatus:
    """The status of a leg that ended without an answer that counted."""
    if cause is not Cause.REMOTE:
        return _BY_CAUSE[cause]
    if code in _BUSY:
        return CallStatus.BUSY
    if code is None or code in _UNANSWERED or (code == _REQUEST_TIMEOUT and rang):
        return CallStatus.UNANSWERED
    return CallStatus.FAILED
