"""Connect two phones: the client of the Hoiio voice API.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoiio.client import AsyncClient, Client
    from hoiio.errors import (
        APIError,
        ConnectionFailed,
        HoiioException,
        InsufficientCredit,
        InvalidArgument,
        InvalidCredentials,
        InvalidNotification,
        InvalidParameter,
        InvalidResponse,
        InvalidSignature,
        NotAllowed,
        NotConfigured,
        RateLimited,
        ServerError,
        TimedOut,
        WaitTimedOut,
    )
    from hoiio.facade import Hoiio
    from hoiio.notification import Notification
    from hoiio.response import AsyncResponse, Response

    __version__: str

__all__ = [
    "APIError",
    "AsyncClient",
    "AsyncResponse",
    "Client",
    "ConnectionFailed",
    "Hoiio",
    "HoiioException",
    "InsufficientCredit",
    "InvalidArgument",
    "InvalidCredentials",
    "InvalidNotification",
    "InvalidParameter",
    "InvalidResponse",
    "InvalidSignature",
    "NotAllowed",
    "NotConfigured",
    "Notification",
    "RateLimited",
    "Response",
    "ServerError",
    "TimedOut",
    "WaitTimedOut",
]

_ELSEWHERE = {
    "AsyncClient": "client",
    "AsyncResponse": "response",
    "Client": "client",
    "Hoiio": "facade",
    "Notification": "notification",
    "Response": "response",
}
"""Where a public name is; the rest are errors."""


def __getattr__(name: str) -> object:
    """Load a public name, or look the version up."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - slow to load, seldom asked

        return version("hoiio")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only when a name is asked for

    value: object = getattr(import_module(f"hoiio.{_ELSEWHERE.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
