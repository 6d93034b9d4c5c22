"""``python -m hoiio.demo`` tells its story and ends; ``python -m hoiio.demo serve`` stays."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from rich.console import Console

from hoiio.demo.play import play
from hoiio.demo.processes import NotSeen
from hoiio.demo.screen import Screen
from hoiio.demo.show import show
from hoiio.errors import HoiioException


def main(arguments: list[str]) -> int:
    """Run the program asked for; its exit code."""
    if arguments not in ([], ["serve"]):
        print("usage: python -m hoiio.demo [serve]", file=sys.stderr)  # noqa: T201 - usage
        return 2
    signal.signal(signal.SIGTERM, _end)
    screen = Screen(Console())
    try:
        (play if arguments else show)(screen)
    except (NotSeen, HoiioException) as error:
        screen.failed(str(error))
        return 1
    except KeyboardInterrupt:
        return 0 if arguments else 130
    return 0


def _end(number: int, _frame: FrameType | None) -> None:
    """SIGTERM leaves nothing running either."""
    raise KeyboardInterrupt(number)


sys.exit(main(sys.argv[1:]))
