"""The commands that ask for prices, for credit, and who one is."""

from __future__ import annotations

from hoiio.cli import show_answer
from hoiio.cli.asking import PLAIN, Options, tell


def rate(a: str, b: str, /, *, options: Options = PLAIN) -> int:
    """Show what a call would cost.

    :param a: The phone that would ring first, like +6511111111.
    :param b: The other phone.
    """
    return tell(
        lambda client: client.voice.rate(a, b), show_answer.rate, show_answer.price, options
    )


def balance(*, options: Options = PLAIN) -> int:
    """Show the account's credit."""
    return tell(
        lambda client: client.account.balance(), show_answer.balance, show_answer.credit, options
    )


def info(*, options: Options = PLAIN) -> int:
    """Show who the account is, and which numbers its calls may show."""
    return tell(
        lambda client: client.account.info(), show_answer.info, show_answer.caller_ids, options
    )
