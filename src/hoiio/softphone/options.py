"""What a person may ask of a phone, checked: anything wrong is one sentence."""

from __future__ import annotations

import re
from typing import Final

from hoiio import wire
from hoiio.softphone.conversation import Manner, Reply
from hoiio.softphone.phone import Address
from hoiio.softphone.tones import RATE

_KEYS: Final = re.compile(r"[0-9A-Da-d*#]*")
_LISTEN: Final = re.compile(r"([A-Za-z0-9.-]+):([0-9]{1,5})")


class WrongUse(ValueError):
    """An option that makes no sense; the message names it."""


def number(text: str) -> str:
    """A phone number as on the wire: ``+`` and 4 to 15 digits."""
    if not wire.NUMBER.fullmatch(text):
        raise WrongUse(f"{text!r} is no phone number: write it as +6511111111")
    return text


def address(text: str) -> Address:
    """Where to listen, from ``HOST:PORT``."""
    match = _LISTEN.fullmatch(text)
    if match is None or int(match[2]) > 65535:
        raise WrongUse(f"--listen {text!r}: expected HOST:PORT, such as 127.0.0.1:5070")
    return Address(match[1], int(match[2]))


def manner(
    *,
    answer_after: float | None = None,
    busy: bool = False,
    no_answer: bool = False,
    tone: float = 440.0,
    press: str = "",
    hang_up_after: float | None = None,
    media_timeout: float = 10.0,
) -> Manner:
    """The phone's manner; options that contradict each other are refused."""
    _check_reply(answer_after, busy=busy, no_answer=no_answer)
    _check_delay("--answer-after", answer_after)
    _check_delay("--hang-up-after", hang_up_after)
    if not 1 <= media_timeout <= 86_400:
        raise WrongUse(f"--media-timeout {media_timeout:g}: expected seconds, 1 to 86400")
    if tone != 0 and not 20 <= tone < RATE / 2:
        raise WrongUse(f"--tone {tone:g}: expected 0 for silence, or 20 to {RATE // 2 - 1} Hz")
    if not _KEYS.fullmatch(press):
        raise WrongUse(f"--press {press!r}: expected keys out of 0-9, A-D, * and #")
    reply = Reply.BUSY if busy else Reply.RING_ON if no_answer else Reply.ANSWER
    return Manner(reply, answer_after or 0.0, tone, press, hang_up_after, media_timeout)


def _check_reply(answer_after: float | None, *, busy: bool, no_answer: bool) -> None:
    given = {
        "--answer-after": answer_after is not None,
        "--busy": busy,
        "--no-answer": no_answer,
    }
    chosen = [name for name, present in given.items() if present]
    if len(chosen) > 1:
        raise WrongUse(f"{chosen[0]} and {chosen[1]} contradict each other")


def _check_delay(name: str, seconds: float | None) -> None:
    if seconds is not None and not 0 <= seconds <= 86_400:
        raise WrongUse(f"{name} {seconds:g}: expected seconds, 0 to 86400")
