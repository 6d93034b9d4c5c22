"""``hoiio phone``: a softphone on a terminal, or for programs with ``--json``."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from hoiio.cli.console import UsageError
from hoiio.softphone import options
from hoiio.softphone import phone as softphone
from hoiio.softphone.report import reporter


def phone(
    number: str,
    *,
    listen: str,
    answer_after: float | None = None,
    busy: Annotated[bool, Parameter(negative="")] = False,
    no_answer: Annotated[bool, Parameter(name="--no-answer", negative="")] = False,
    tone: float = 440.0,
    press: str = "",
    hang_up_after: float | None = None,
    media_timeout: float = 10.0,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Wait for calls, answer them, play a tone, and tell what happens and what is heard.

    It answers whatever number it is rung under, and takes calls one after another until Ctrl-C.

    Parameters
    ----------
    number
        The phone's own number, such as +6511111111.
    listen
        HOST:PORT for SIP over UDP; port 0 takes any free one.
    answer_after
        Seconds to ring before answering; at once by default.
    busy
        Refuse every call as busy.
    no_answer
        Ring on until the caller gives up.
    tone
        Frequency in Hz of the tone to play; 0 stays silent.
    press
        Keys to press once a call is up: 0-9, A-D, * and #.
    hang_up_after
        Seconds after the answer to hang up.
    media_timeout
        Seconds without any audio after which the other side counts as gone.
    json
        One JSON object a line instead of sentences.

    """
    try:
        manner = options.manner(
            answer_after=answer_after,
            busy=busy,
            no_answer=no_answer,
            tone=tone,
            press=press,
            hang_up_after=hang_up_after,
            media_timeout=media_timeout,
        )
        report = reporter(sys.stdout, as_json=json, now=lambda: datetime.now(UTC))
        asyncio.run(softphone.run(options.number(number), options.address(listen), manner, report))
    except (options.WrongUse, softphone.CannotListen) as error:
        raise UsageError(str(error)) from error
