"""What a shell completes, asked of the shell itself."""

import os
import pty
import shutil
import subprocess
import sys

import pytest

from support.command import RUN, Terminal, environment, hoiio

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


def test_bash_completes_commands_options_and_values(script):
    """Commands, those below them, options, and what an option takes."""
    require("bash")
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


def test_the_service_is_completed_by_name_unless_asked_for(script, tmp_path):
    """Below admin only with --service, which loads it."""
    require("bash")
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


def require(shell):
    """Not every machine has them all; the one that judges changes must."""
    if shutil.which(shell) is None:
        assert "CI" not in os.environ, f"no {shell}"
        pytest.skip(f"no {shell}")


COMPLETIONS = [
    ("hoiio hi", "story"),
    ("hoiio call --max", "-duration"),
    ("hoiio call --wait e", "nded"),
    ("hoiio moderate AA-C-1 un", "mute"),
    ("hoiio completion f", "ish"),
    ("hoiio profile s", "et"),
    ("hoiio ", "conference"),
    ("hoiio status --", "--give-up-after"),
]
"""What is typed, and what the shell adds or offers."""


@pytest.mark.parametrize(
    "setting_up",
    [
        "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D",
        "autoload -Uz compinit; compinit -u -D; source ./_hoiio",
    ],
    ids=["a file of fpath", "sourced"],
)
def test_zsh_completes_commands_options_and_values(tmp_path, setting_up):
    """As someone types them."""
    require("zsh")
    (tmp_path / "_hoiio").write_text(hoiio("completion", "zsh").stdout)
    ours, theirs = pty.openpty()
    zsh = subprocess.Popen(
        ["zsh", "-f", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        env=environment(TERM="dumb"),
        start_new_session=True,
    )
    os.close(theirs)
    try:
        terminal = Terminal(zsh, ours)
        terminal.type(f"{setting_up}; LISTMAX=500; PS1=set' 'up\n")
        terminal.read_until("set up")
        for typed, more in COMPLETIONS:
            terminal.type(f"{typed}\t")
            terminal.read_until(more)
            terminal.type("\x15")  # the line is gone
    finally:
        zsh.kill()
        zsh.wait()
        os.close(ours)


def test_fish_completes_commands_options_and_values(tmp_path):
    """What it would offer."""
    require("fish")
    script = tmp_path / "hoiio.fish"
    script.write_text(hoiio("completion", "fish").stdout)
    for typed, more in COMPLETIONS:
        ran = subprocess.run(
            ["fish", "--no-config", "-c", f"source {script}; complete -C {typed!r}"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env=environment(HOME=str(tmp_path)),
        )
        offered = [line.split("\t")[0] for line in ran.stdout.splitlines()]
        assert ran.stderr == ""
        assert {typed.split(" ")[-1] + more, more} & set(offered), (typed, offered)


def test_as_the_documentation_has_it(tmp_path):
    """Sourced from the command's own output."""
    require("bash")
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
