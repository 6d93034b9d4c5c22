"""``hoiio completion``: the script by which a shell completes what is typed."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from hoiio.cli import show
from hoiio.cli.tree import build

Shell = Literal["bash", "zsh", "fish"]

_NAMES: Final = "hoiio profile list 2>/dev/null | tail -n +2 | cut -f1"
"""Prints the profiles' names, also of those kept later; none of a file that is refused."""
_BASH_END: Final = f"""
_hoiio_profiles() {{
  local name quoted
  COMPREPLY=()
  while IFS= read -r name; do
    [[ "$name" == "${{cur}}"* ]] && {{ printf -v quoted '%q' "$name"; COMPREPLY+=("$quoted"); }}
  done < <({_NAMES})
}}
"""
_ZSH_END: Final = f"""
_hoiio_profiles() {{
  compadd "$@" -- ${{(f)"$({_NAMES})"}}
}}

if [[ ${{funcstack[1]}} == _hoiio ]]; then
  _hoiio "$@"
else
  compdef _hoiio hoiio
fi
"""


def completion(
    shell: Shell, /, *, service: Annotated[bool, Parameter(negative="")] = False
) -> None:
    """Print what makes a shell complete commands, options and the names of profiles.

    :param shell: Which, as in: source <(hoiio completion bash)
    :param service: Also of serve, admin and phone, which needs what runs the service installed.
    """
    script = build(service=service).generate_completion(prog_name="hoiio", shell=shell)
    show.raw(_FINISHED[shell](script))


def _for_bash(script: str) -> str:
    return re.sub(r"(--profile\)\s+)COMPREPLY=\(\)", r"\1_hoiio_profiles", script) + _BASH_END


def _for_zsh(script: str) -> str:
    """A file of fpath defines the function of its own name, and one that is read at once says so.

    What is generated would do neither: its function has another name, and nothing calls it.
    """
    script = script.replace("]:profile'", "]:profile:_hoiio_profiles'")
    return script.replace("_cyclopts_hoiio", "_hoiio") + _ZSH_END


def _for_fish(script: str) -> str:
    return script.replace(" -l profile -r ", f" -l profile -x -a '({_NAMES})' ")


_FINISHED: Final = {"bash": _for_bash, "zsh": _for_zsh, "fish": _for_fish}
