"""How much is made up: a little in ``make test``, the same each time; much in ``make fuzz``."""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("HOIIO_FUZZ", "1"))
"""How many times the usual number of cases; above 1 they are new ones at every run."""


def cases(count):
    """Settings for a property that is to be tried ``count`` times in ``make test``."""
    return settings(
        max_examples=count * TIMES,
        derandomize=TIMES == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
