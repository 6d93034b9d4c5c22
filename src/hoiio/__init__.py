"""Connect two phones: the client of the Hoiio voice API."""

from hoiio.client import Client
from hoiio.errors import (
    ConnectionFailed,
    HoiioException,
    InvalidResponse,
    NotConfigured,
    RequestRefused,
    TimedOut,
)
from hoiio.facade import Hoiio
from hoiio.response import Response

__all__ = [
    "Client",
    "ConnectionFailed",
    "Hoiio",
    "HoiioException",
    "InvalidResponse",
    "NotConfigured",
    "RequestRefused",
    "Response",
    "TimedOut",
]
