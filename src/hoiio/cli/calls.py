"""The commands that place calls and end them, and moderate who is in a room."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from hoiio.cli import following, show, show_answer
from hoiio.cli.asking import PLAIN, Options, asking, check, tell, telling
from hoiio.cli.console import UsageError, say
from hoiio.cli.words import maybe_placed, named
from hoiio.watching import Until
from hoiio.wire import Status

Action = Literal["mute", "unmute", "kick"]

OWN_PHONE: Final = "me"
"""Typed instead of the first number, it leaves that to the account."""


def call(
    a: str,
    b: str,
    /,
    *,
    caller_id: str | None = None,
    max_duration: int | None = None,
    tag: str | None = None,
    notify_url: str | None = None,
    idempotency_key: str | None = None,
    wait: Until | None = None,
    give_up_after: float | None = None,
    options: Options = PLAIN,
) -> int:
    """Ring two phones, one after the other, and connect them. Prints the reference.

    :param a: The phone that rings first, like +6511111111, or me: the account's own.
    :param b: The phone that rings when the first has been answered.
    :param caller_id: What the second phone sees: a number of the account's, or private.
    :param max_duration: Seconds after which the call is cut, from the second phone's answer.
    :param tag: A note that is kept with the call.
    :param notify_url: Where to report the end of the call.
    :param idempotency_key: Your name for this call: asked for twice, it is placed once.
    :param wait: Show how it goes until it is answered, with exit code 1 if it never is, or until
        it has ended, with 0 however it went.
    :param give_up_after: Seconds to wait at most; the call goes on.
    """
    if give_up_after is not None and wait is None:
        raise UsageError("--give-up-after goes with --wait")
    with asking(options) as client:
        with _placing(idempotency_key) as key:
            answer = client.voice.call(
                None if a == OWN_PHONE else a,
                b,
                caller_id=caller_id,
                max_duration=max_duration,
                tag=tag,
                notify_url=notify_url,
                idempotency_key=key,
            )
            with telling(answer):
                if options.json and wait is None:
                    show.raw(answer.text)
                elif options.json:
                    show.one_line(answer.json)
                check(answer)
                if not options.json:
                    show_answer.ref(answer)
        if wait is None:
            return 0
        manner = following.manner(json=options.json, quiet=options.quiet)
        with named("timeout", "--give-up-after"):
            changes = answer.watch(timeout=give_up_after)
        with telling(answer):
            last = following.follow(changes, wait, manner)
        return following.reached(last, wait)


def conference(
    a: str,
    /,
    *others: str,
    room: str | None = None,
    caller_id: str | None = None,
    tag: str | None = None,
    notify_url: str | None = None,
    idempotency_key: str | None = None,
    options: Options = PLAIN,
) -> int:
    """Ring several phones into one room. Prints the room and a reference for each.

    :param a: The first phone, like +6511111111.
    :param others: More phones, at most 8 in a room.
    :param room: The room to join, or to make; without it the service makes one.
    :param caller_id: What the phones see: a number of the account's, or private.
    :param tag: A note that is kept with each call.
    :param notify_url: Where to report the end of each call.
    :param idempotency_key: Your name for this request: made twice, it is carried out once.
    """
    with _placing(idempotency_key) as key:
        return tell(
            lambda client: client.voice.conference(
                a,
                *others,
                room=room,
                caller_id=caller_id,
                tag=tag,
                notify_url=notify_url,
                idempotency_key=key,
            ),
            show_answer.room,
            show_answer.refs,
            options,
        )


@contextmanager
def _placing(chosen: str | None) -> Generator[str, None, None]:
    """Gives the request's key, by which it can be repeated: who interrupts it is told that."""
    key = os.urandom(16).hex() if chosen is None else chosen
    try:
        yield key
    except KeyboardInterrupt:
        say(f"interrupted; {maybe_placed(key)}")
        raise


def moderate(
    ref: str,
    action: Annotated[Action, Parameter(show_choices=True)],
    /,
    *,
    options: Options = PLAIN,
) -> int:
    """Mute, unmute or kick one who is in a conference.

    :param ref: The participant's reference, like AA-C-12.
    :param action: Mute: not heard, still hears. Kick: out of the room.
    """
    done = {"mute": "muted", "unmute": "unmuted", "kick": "kicked"}[action]
    elsewhere = (
        f"{ref} is no participant of a conference, or is so no more; hoiio status tells what it is"
    )
    return tell(
        lambda client: client.voice.moderate(ref, action),
        show_answer.done(done),
        show_answer.nothing,
        options,
        {Status.INVALID_TXN_REF: elsewhere},
    )


def hangup(ref: str, /, *, options: Options = PLAIN) -> int:
    """End a call, or take one out of a conference.

    :param ref: The call's reference, like AA-C-12.
    """
    return tell(
        lambda client: client.voice.hangup(ref),
        show_answer.done("ended"),
        show_answer.nothing,
        options,
    )
