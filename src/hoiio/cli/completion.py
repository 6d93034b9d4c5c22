"""``hoiio completion``: the script by which a shell completes what is typed."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from hoiio.cli import show
from hoiio.cli.tree import build

Shell = Literal["bash", "zsh", "fish"]


def completion(
    shell: Shell, /, *, service: Annotated[bool, Parameter(negative="")] = False
) -> None:
    """Print what makes a shell complete commands and options.

    :param shell: Which, as in: source <(hoiio completion bash)
    :param service: Also of serve, admin and phone, which needs what runs the service installed.
    """
    show.raw(build(service=service).generate_completion(prog_name="hoiio", shell=shell))
