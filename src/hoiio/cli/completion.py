"""``hoiio completion``: the script by which a shell completes what is typed."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from cyclopts import Parameter

from hoiio.cli import show
from hoiio.cli.tree import build

Shell = Literal["bash", "zsh", "fish"]

_ZSH_END: Final = """
if [[ ${funcstack[1]} == _hoiio ]]; then
  _hoiio "$@"
else
  compdef _hoiio hoiio
fi
"""


def completion(
    shell: Shell, /, *, service: Annotated[bool, Parameter(negative="")] = False
) -> None:
    """Print what makes a shell complete commands and options.

    :param shell: Which, as in: source <(hoiio completion bash)
    :param service: Also of serve, admin and phone, which needs what runs the service installed.
    """
    script = build(service=service).generate_completion(prog_name="hoiio", shell=shell)
    show.raw(_for_zsh(script) if shell == "zsh" else script)


def _for_zsh(script: str) -> str:
    """A file of fpath defines the function of its own name, and one that is read at once says so.

    What is generated would do neither: its function has another name, and nothing calls it.
    """
    return script.replace("_cyclopts_hoiio", "_hoiio") + _ZSH_END
