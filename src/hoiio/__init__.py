"""Connect two phones: the client of the Hoiio voice API."""

from typing import TYPE_CHECKING

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
from hoiio.response import AsyncResponse, Response

if TYPE_CHECKING:
    from hoiio.notification import Notification

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


def __getattr__(name: str) -> object:
    """Load what a program that only calls does not need."""
    if name == "Notification":
        from hoiio.notification import Notification  # noqa: PLC0415 - loaded at use

        return Notification
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
