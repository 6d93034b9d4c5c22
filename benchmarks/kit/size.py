"""How large a benchmark is: its full size, or one that only shows that the program works."""

import os

QUICK = os.environ.get("HOIIO_BENCH_QUICK") == "1"
"""Whether only the program is to be seen to work: its figures mean nothing then."""


def sized(full, quick):
    """Whichever of the two this run is for."""
    return quick if QUICK else full
