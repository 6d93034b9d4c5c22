"""Connect two phones: the client of the Hoiio voice API."""

from hoiio.client import AsyncClient, Client
from hoiio.errors import (
    APIError,
    ConnectionFailed,
    HoiioException,
    InsufficientCredit,
    InvalidArgument,
    InvalidCredentials,
    InvalidParameter,
    InvalidResponse,
    NotAllowed,
    NotConfigured,
    RateLimited,
    ServerError,
    TimedOut,
    WaitTimedOut,
)
from hoiio.facade import Hoiio
from hoiio.response import AsyncResponse, Response

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
    "InvalidParameter",
    "InvalidResponse",
    "NotAllowed",
    "NotConfigured",
    "RateLimited",
    "Response",
    "ServerError",
    "TimedOut",
    "WaitTimedOut",
]
