"""Settings of a client that is not told otherwise."""

from __future__ import annotations

CONNECT_TIMEOUT = 5.0
"""Seconds to reach the service."""
TOTAL_TIMEOUT = 30.0
"""Seconds for everything, retries included."""
RETRIES = 2
"""How often a request that failed is sent again; waits that the service asks for do not count."""
