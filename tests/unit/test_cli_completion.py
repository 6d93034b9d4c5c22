"""What a shell completes, asked of the shell itself."""

import shutil
import subprocess
import sys

import pytest

from support.command import RUN, environment, hoiio

COMMANDS = {
    *("admin", "balance", "call", "completion", "conference", "hangup", "history", "info"),
    *("moderate", "phone", "profile", "rate", "serve", "status", "wait"),
}


def completed(*words, script=None):
    """What a real bash offers for the last of the words."""
    line = " ".join(words)
    ask = """
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
        "$(complete -p hoiio | sed 's/.*-F \\([^ ]*\\) .*/\\1/')" hoiio
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    ran = subprocess.run(
        ["bash", "-c", ask, "bash", str(script), *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment(),
    )
    assert ran.stderr == "", line
    return {word.rstrip() for word in ran.stdout.splitlines() if word.strip()}


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    ran = hoiio("completion", "bash")
    assert (ran.stderr, ran.returncode) == ("", 0)
    path = tmp_path_factory.mktemp("completion") / "hoiio.bash"
    path.write_text(ran.stdout)
    return path


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_commands_options_and_values(script):
    """Commands, those below them, options, and what an option takes."""
    assert completed("hoiio", "", script=script) >= COMMANDS
    assert completed("hoiio", "hi", script=script) == {"history"}
    assert completed("hoiio", "profile", "", script=script) >= {"set", "list"}
    assert completed("hoiio", "call", "--max", script=script) == {"--max-duration"}
    assert completed("hoiio", "call", "--wait", "", script=script) == {"answered", "ended"}
    assert completed("hoiio", "moderate", "AA-C-1", "", script=script) == {
        *("mute", "unmute", "kick"),
    }
    assert completed("hoiio", "completion", "", script=script) >= {"bash", "zsh", "fish"}
    assert completed("hoiio", "status", "--", script=script) >= {
        *("--watch", "--give-up-after", "--json", "--quiet", "--profile"),
    }


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_the_service_is_completed_by_name_unless_asked_for(script, tmp_path):
    """Below admin only with --service, which loads it."""
    assert "account" not in completed("hoiio", "admin", "", script=script)
    whole = tmp_path / "whole.bash"
    whole.write_text(hoiio("completion", "bash", "--service").stdout)
    assert completed("hoiio", "admin", "", script=whole) >= {"account", "ledger", "guards"}
    assert "--listen" in completed("hoiio", "serve", "--l", script=whole)


def test_nothing_of_the_service_is_loaded():
    """So it works where that is not installed."""
    program = (
        "import sys\nfrom hoiio.cli import main\n"
        "try: main(['completion', 'bash'])\n"
        "finally: print([m for m in sys.modules if m.startswith(('hoiio.server', 'baresip'))])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_can_read_its_script(shell, tmp_path):
    """Those that are here, at least."""
    text = hoiio("completion", shell).stdout
    assert "--max-duration" in text or "max-duration" in text
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    path = tmp_path / "script"
    path.write_text(text)
    subprocess.run([shell, "-n", str(path)], check=True, timeout=60)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_as_the_documentation_has_it(tmp_path):
    """Sourced from the command's own output."""
    command = tmp_path / "hoiio"
    command.write_text(f"#!/bin/sh\nexec {sys.executable} {RUN[0]} '{RUN[1]}' \"$@\"\n")
    command.chmod(0o755)
    ran = subprocess.run(
        [
            "bash",
            "-c",
            f"PATH={tmp_path}:$PATH; source <(hoiio completion bash); complete -p hoiio",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment(),
    )
    assert ran.stdout.strip().endswith("hoiio")
