"""Which tests may run beside others: all but those that listen, one of which runs at a time."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
REAL_TIME = (
    "acceptance",
    "integration/engine",
    "integration/test_benchmarks.py",
    "integration/test_chaos.py",
    "integration/test_demo.py",
    "integration/test_soak.py",
    "integration/test_softphone.py",
)
"""What hears audio, or counts seconds: each has a core for itself."""


def pytest_collection_modifyitems(items):
    for item in items:
        place = item.path.relative_to(TESTS).as_posix()
        real = place.startswith(REAL_TIME)
        item.add_marker(pytest.mark.xdist_group("real time" if real else place))
