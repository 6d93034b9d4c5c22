"""The client's tests on every Python that this machine has: ``make pythons``."""

import shutil

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = True

CANDIDATES = ["3.11", "3.12", "3.13", "3.14"]
PYTHONS = [version for version in CANDIDATES if shutil.which(f"python{version}")]
TESTS = ["tests/unit", "tests/integration/client"]


@nox.session(python=PYTHONS)
def client(session: nox.Session) -> None:
    """Install the wheel with everything it may need, and run the client's and the unit tests."""
    session.install("--upgrade", "pip>=25.1")
    session.install(".[server,fast]", "--group", "dev")
    session.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS)
