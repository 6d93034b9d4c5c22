"""``hoiio admin`` as a script runs it."""

import json
import os
import re
import subprocess
import sys


def run(*words, typed="", folder, **configured):
    """The command in a process of its own, with nothing configured but by its words."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HOIIO_")} | configured
    command = [sys.executable, "-c", "from hoiio.cli import main; main()", "admin", *words]
    return subprocess.run(
        command,
        input=typed,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=60,
        check=False,
    )


class Admin:
    """Runs commands on one data folder."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"

    def __call__(self, *words, typed=""):
        done = run(*words, "--data", str(self.data), typed=typed, folder=self.folder)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)

    def refused(self, *words, typed=""):
        done = run(*words, "--data", str(self.data), typed=typed, folder=self.folder)
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert done.stdout == ""
        assert re.fullmatch(r"hoiio: [^\n]+\n", done.stderr), done.stderr
        return done.stderr
