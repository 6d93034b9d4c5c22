"""An account without limits, for tests and benchmarks that ask much of it."""

import sqlite3
from contextlib import closing

from hoiio.server.storage.data import DATABASE

LIFTED = (
    """UPDATE accounts SET concurrent_calls = 1000000000, requests_per_minute = 1000000000,
    calls_per_minute = 1000000000, spend_per_hour = 0, spend_per_day = 0""",
)
"""Every limit that an account has stands here, and only here."""


def lift_limits(data):
    """Lift the limits of all accounts in a data folder."""
    with closing(sqlite3.connect(data / DATABASE)) as db, db:
        for each in LIFTED:
            db.execute(each)
