"""Which tests may run beside others: all but those that listen, one of which runs at a time."""

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# No test trusts the system's authorities, which take 50 ms to read, for each client of each test.
os.environ["SSL_CERT_FILE"] = str(TESTS / "support" / "nobody.pem")

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Put each test into its group before xdist looks."""
    for item in items:
        place = item.path.relative_to(TESTS).as_posix()
        real = place.startswith(REAL_TIME)
        item.add_marker(pytest.mark.xdist_group("real time" if real else place))


def pytest_collection_finish(session):
    """A version of pytest may get along with xdist but for the groups, and nobody would notice."""
    if getattr(session.config.option, "loadgroup", False):
        assert all("@" in item.nodeid for item in session.items), "tests are not grouped"
