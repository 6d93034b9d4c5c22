"""The commands that use the API as any client does.

Each returns its exit code: 0 success, 1 the API refused. Not configured is 2, not reachable 3.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Final

from cyclopts import Parameter

from hoiio.cli import show, show_answer
from hoiio.cli.console import fail
from hoiio.client import Client
from hoiio.errors import ConnectionFailed, HoiioException, InvalidResponse
from hoiio.meanings import meaning
from hoiio.response import Response
from hoiio.wire import CallStatus

Json = Annotated[bool, Parameter(name="--json", negative="")]
Ask = Callable[[Client], Response]

POLL: Final = 2.0
"""Seconds between two looks at a call that is watched: half of what a service allows a minute."""
UNREACHABLE: Final = 3


def call(
    a: str,
    b: str,
    /,
    *,
    caller_id: str | None = None,
    max_duration: int | None = None,
    tag: str | None = None,
    notify_url: str | None = None,
    json: Json = False,
) -> int:
    """Ring two phones, one after the other, and connect them.

    :param a: The phone that rings first, like +6511111111.
    :param b: The phone that rings when the first has been answered.
    :param caller_id: What the second phone sees: a number of the account's, or private.
    :param max_duration: Seconds after which the call is cut.
    :param tag: A note that is kept with the call.
    :param notify_url: Where to report the end of the call.
    :param json: Print the answer as it came.
    """
    return _tell(
        lambda client: client.voice.call(
            a, b, caller_id=caller_id, max_duration=max_duration, tag=tag, notify_url=notify_url
        ),
        show_answer.ref,
        json,
    )


def conference(a: str, /, *others: str, room: str | None = None, json: Json = False) -> int:
    """Ring several phones into one room.

    :param a: The first phone, like +6511111111.
    :param others: More phones, at most 8 in a room.
    :param room: The room to join, or to make; without it the service makes one.
    :param json: Print the answer as it came.
    """
    return _tell(
        lambda client: client.voice.conference(a, *others, room=room), show_answer.room, json
    )


def hangup(ref: str, /, *, json: Json = False) -> int:
    """End a call.

    :param ref: The call's reference, like AA-C-12.
    :param json: Print the answer as it came.
    """
    return _tell(lambda client: client.voice.hangup(ref), show_answer.ended, json)


def status(
    ref: str,
    /,
    *,
    watch: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Show how a call is, or how it was.

    :param ref: The call's reference, like AA-C-12.
    :param watch: Go on until the call ends, looking every two seconds.
    :param json: Print the answer as it came.
    """
    with Client() as client:
        shown: dict[str, object] = {}
        while True:
            answer = _ask(client, lambda client: client.voice.status(ref))
            pause = answer.retry_after
            if watch and pause is not None:
                time.sleep(pause)
                continue
            code = (
                0 if answer.json == shown and not json else _print(answer, show_answer.call, json)
            )
            if code or not watch or not is_live(answer):
                return code
            shown = answer.json
            time.sleep(POLL)


def history(*, page: int | None = None, json: Json = False) -> int:
    """List calls, newest first.

    :param page: Which hundred, from 1.
    :param json: Print the answer as it came.
    """
    return _tell(lambda client: client.voice.history(page=page), show_answer.history, json)


def rate(a: str, b: str, /, *, json: Json = False) -> int:
    """Show what a call would cost.

    :param a: The phone that would ring first, like +6511111111.
    :param b: The other phone.
    :param json: Print the answer as it came.
    """
    return _tell(lambda client: client.voice.rate(a, b), show_answer.rate, json)


def balance(*, json: Json = False) -> int:
    """Show the account's credit.

    :param json: Print the answer as it came.
    """
    return _tell(lambda client: client.account.balance(), show_answer.balance, json)


def is_live(answer: Response) -> bool:
    """Whether a call is still up, by its status."""
    return CallStatus.ONGOING in {answer.call_status_dest1, answer.call_status_dest2}


def _tell(ask: Ask, shown: Callable[[Response], None], as_json: bool) -> int:
    with Client() as client:
        return _print(_ask(client, ask), shown, as_json)


def _ask(client: Client, ask: Ask) -> Response:
    """Make one request; leave with one line when there is no answer to it."""
    try:
        return ask(client)
    except (ConnectionFailed, InvalidResponse) as error:
        fail(str(error), UNREACHABLE)
    except HoiioException as error:
        fail(str(error))


def _print(answer: Response, shown: Callable[[Response], None], as_json: bool) -> int:
    if as_json:
        show.raw(answer.text)
    elif answer.is_success():
        shown(answer)
    if not answer.is_success():
        words = meaning(answer.status)
        fail(show.printable(f"{answer.status}: {words}" if words else answer.status), 1)
    return 0
