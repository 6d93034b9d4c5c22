"""The client's tests on every Python that this machine has: ``make pythons``."""

import os
import shutil
import subprocess
from pathlib import Path

import nox
from nox.logger import logger

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = True

VERSIONS = ["3.11", "3.12", "3.13", "3.14"]
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))


def interpreter(version: str) -> str | None:
    """A Python of this version that runs: on the path, or one of pyenv's."""
    found = [shutil.which(f"python{version}"), *PYENV.glob(f"versions/{version}.*/bin/python")]
    for each in filter(None, found):
        # pyenv puts names on the path that answer with an error only.
        if subprocess.run([each, "-c", ""], capture_output=True, check=False).returncode == 0:  # noqa: S603 - a Python found above
            return str(each)
    return None


FOUND = {version: interpreter(version) for version in VERSIONS}
if missing := [version for version, found in FOUND.items() if found is None]:
    logger.warning("not on this machine, so not tested: Python %s", ", ".join(missing))


@nox.session(python=[found for found in FOUND.values() if found is not None])
def client(session: nox.Session) -> None:
    """Install the package, the SIP engine left out, and run the tests of the client and the kit."""
    session.install("--upgrade", "pip>=25.1")
    session.install(".[testing,fast]", "--group", "client")
    tests = ["tests/unit/client", "tests/integration/client", "tests/integration/test_sandbox.py"]
    run = ["-q", "-p", "no:cacheprovider", "--numprocesses", "2", "--dist", "loadgroup"]
    session.run("python", "-m", "pytest", *run, *tests)
