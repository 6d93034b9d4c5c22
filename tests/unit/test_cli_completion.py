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


def completed(*words, script=None, **more):
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
        env=environment(**more),
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


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A command of its name, and profiles that it reads, one with a name written by hand."""
    folder = tmp_path_factory.mktemp("kept")
    command = folder / "hoiio"
    command.write_text(f"#!/bin/sh\nexec {sys.executable} {RUN[0]} '{RUN[1]}' \"$@\"\n")
    command.chmod(0o755)
    file = folder / "profiles.toml"
    file.touch(0o600)
    file.write_text('[default]\n[staging]\n["$(id) x"]\n')
    return {"PATH": f"{folder}:{os.environ['PATH']}", "HOIIO_PROFILES": str(file)}


def test_bash_completes_profiles(script, kept):
    """Those of the file, quoted where they need it."""
    require("bash")
    some = completed("hoiio", "balance", "--profile", "", script=script, **kept)
    assert some == {"default", "staging", "\\$\\(id\\)\\ x"}
    assert completed("hoiio", "call", "--profile", "st", script=script, **kept) == {"staging"}
    assert completed("hoiio", "wait", "--profile", "=", "d", script=script, **kept) == {"default"}
    assert completed("hoiio", "profile", "set", "--prefix", "", script=script, **kept) == set()


@pytest.mark.parametrize("text", [None, "[default", "[default]\nx = 1\n", "[default]\n"])
def test_profiles_that_are_refused_complete_to_nothing(script, kept, tmp_path, text):
    """Nor is anything printed: none there, malformed, or readable by others."""
    require("bash")
    file = tmp_path / "profiles.toml"
    if text is not None:
        file.touch(0o644 if text.endswith("]\n") else 0o600)
        file.write_text(text)
    env = kept | {"HOIIO_PROFILES": str(file)}
    assert completed("hoiio", "balance", "--profile", "", script=script, **env) == set()


COMPLETIONS = [
    ("hoiio hi", "story"),
    ("hoiio call --max", "-duration"),
    ("hoiio call --wait e", "nded"),
    ("hoiio moderate AA-C-1 un", "mute"),
    ("hoiio completion f", "ish"),
    ("hoiio profile s", "et"),
    ("hoiio balance --profile st", "aging"),
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
def test_zsh_completes_commands_options_and_values(tmp_path, kept, setting_up):
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
        env=environment(TERM="dumb", **kept),
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


def test_fish_completes_commands_options_and_values(tmp_path, kept):
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
            env=environment(HOME=str(tmp_path), **kept),
        )
        offered = [line.split("\t")[0] for line in ran.stdout.splitlines()]
        assert ran.stderr == ""
        assert {typed.split(" ")[-1] + more, more} & set(offered), (typed, offered)


def test_as_the_documentation_has_it(kept):
    """Sourced from the command's own output."""
    require("bash")
    ran = subprocess.run(
        ["bash", "-c", "source <(hoiio completion bash); complete -p hoiio"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment(**kept),
    )
    assert ran.stdout.strip().endswith("hoiio")
