"""Test what you build on Hoiio without phones: a pytest plugin with one fixture.

``pip install 'hoiio[testing]'`` and write ``def test_bill(hoiio_sandbox): ...``. The whole service
runs inside the test process, with pretended phones that do what their numbers say and a clock that
only ``advance`` moves. See docs/testing.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

try:
    import pytest
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"hoiio.testing needs {error.name}: pip install 'hoiio[testing]'", name=error.name
    ) from None

from hoiio import wire
from hoiio.facade import Hoiio
from hoiio.notification import Notification
from hoiio.sandbox import (
    ANSWERS,
    BUSY,
    FAILED,
    NO_CREDIT,
    RINGS,
    UNANSWERED,
    drops_after,
)

if TYPE_CHECKING:
    from hoiio.client import Client
    from hoiio.server.sandbox.shop import Customer
    from hoiio.server.sandbox.thread import WorldThread
    from hoiio.server.sandbox.world import Letter

__all__ = [
    "ANSWERS",
    "BUSY",
    "FAILED",
    "NO_CREDIT",
    "RINGS",
    "UNANSWERED",
    "Captured",
    "Receiver",
    "Sandbox",
    "drops_after",
]

OK: Final = 200
CENTURY: Final = 36_525 * 86_400
"""Seconds. Nobody needs more at once, and a date has four digits for its year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured(Notification):
    """A notification as it would have been posted, signed like any.

    It has the typed fields of one that was received and verified; ``body`` and ``headers`` are what
    a receiver of yours gets.
    """

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    at: datetime
    """When it was posted, in GMT+8 as ``date`` is."""


def _number(captured: Captured) -> int:
    """The service's own number of a notification, out of ``msg_7_AA-C-9``."""
    return int(captured.headers[wire.WEBHOOK_ID_HEADER].split("_")[1])


Receiver = Callable[[Captured], int | None]
"""Takes a notification; returns the HTTP status that it answers, None for 200."""


def _status(answer: object) -> int:
    """The HTTP status that a receiver answers. Raises ``TypeError`` for what is none."""
    if answer is None:
        return OK
    if not isinstance(answer, int) or isinstance(answer, bool):
        raise TypeError(
            "deliver_to returns an HTTP status such as 200, or None for 200; of a framework's "
            f"response return its status code: not a {type(answer).__name__}"
        )
    return answer


def _phone(number: object) -> str:
    """A number as the service has it. Raises ``TypeError`` or ``ValueError`` for what is none."""
    if not isinstance(number, str):
        raise TypeError(f"a phone has a number, a str such as {RINGS!r}, not {number!r}")
    if not wire.NUMBER.fullmatch(number):
        raise ValueError(
            f"a phone has a number with a plus and 4 to 15 digits, such as {RINGS!r}, "
            f"not {number!r}"
        )
    return number


class Sandbox:
    """One test's own account on the service, and what else the test may move.

    Each test has 1000.000 of credit, at 0.018 a minute and phone, and the registered number
    +6511111111. Time stands still but for ``advance``; what is due now happens before each request
    is answered, and before anything here is told.
    """

    def __init__(self, world: WorldThread, client: Client) -> None:
        self._world = world
        self._notifications: list[Captured] = []
        self._customer: Customer = world.admit(self._receive)
        self.deliver_to: Receiver | None = None
        """Called with each notification, in the test's own thread, by what made it due:
        ``advance``, ``notifications``, ``hang_up`` and the like. Its HTTP status counts: anything
        but 2xx is tried again, as time goes on. What it raises comes out of what it was called by,
        and so does a ``TypeError`` where it returns anything but a whole number or None.
        """
        self.client = client
        """A client that takes the account from the environment, as your program does."""

    @property
    def base_url(self) -> str:
        """Where the service answers, on a loopback port."""
        return self._world.base_url

    @property
    def app_id(self) -> str:
        """The application's id."""
        return self._customer.application.app_id

    @property
    def access_token(self) -> str:
        """Its token, which signs the notifications too."""
        return self._customer.application.access_token

    @property
    def signing_secret(self) -> str:
        """Its ``whsec_`` secret, for the Standard Webhooks signature."""
        return self._customer.signing_secret

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which ``hoiio`` finds the service; set while the test runs."""
        return {
            "HOIIO_BASE_URL": self.base_url,
            "HOIIO_APP_ID": self.app_id,
            "HOIIO_ACCESS_TOKEN": self.access_token,
        }

    def advance(self, seconds: float) -> None:
        """Move time on; when this returns, everything due by then has happened, in order.

        That is ring time-outs, hang-ups, ends of calls, minutes billed, notifications and those
        tried again. ``advance(0)`` lets happen what is due now. Raises ``ValueError`` for a time
        that goes back or on by more than a hundred years, ``TypeError`` for what is no number.
        """
        if not isinstance(cast("object", seconds), int | float):
            raise TypeError(f"time goes on by seconds, such as 61, not {seconds!r}")
        if not 0 <= seconds <= CENTURY:
            raise ValueError(
                f"time goes on by seconds from 0 up to {CENTURY:,}, a hundred years, such as 61, "
                f"not {seconds}"
            )
        self._world.advance(seconds)

    @property
    def notifications(self) -> list[Captured]:
        """What was posted so far, in order; every try counts."""
        self._world.advance(0)
        # Several of one instant were posted by receiver; they came to be in their numbers' order.
        return sorted(self._notifications, key=lambda each: (each.at, _number(each)))

    @property
    def balance(self) -> Decimal:
        """What the account can spend now, exactly."""
        return Decimal(self._world.balance()) / wire.MICROS

    def hang_up(self, number: str) -> int:
        """Hang up the phones of a number, as who holds them; one that rings is ``busy`` then.

        Returns how many there were. Raises ``ValueError`` or ``TypeError`` for what is no number.
        """
        return self._world.put_down(_phone(number))

    def answer(self, number: str) -> int:
        """Pick up the phones of a number that ring (``RINGS``); how many there were.

        Raises ``ValueError`` or ``TypeError`` for what is no number.
        """
        return self._world.pick_up(_phone(number))

    def close(self) -> None:
        """End what is still up; nobody is told."""
        self._world.dismiss()

    def _receive(self, letter: Letter) -> int:
        seconds, micros = divmod(letter.at, wire.MICROS)
        at = datetime.fromtimestamp(seconds, wire.GMT8).replace(tzinfo=None, microsecond=micros)
        headers = dict(letter.headers)
        told = Notification.parse(letter.body, headers, self.signing_secret)
        known = {each.name: getattr(told, each.name) for each in fields(told)}
        captured = Captured(**known, url=letter.url, body=letter.body, headers=headers, at=at)
        self._notifications.append(captured)
        return OK if self.deliver_to is None else _status(self.deliver_to(captured))

    def __repr__(self) -> str:
        return f"Sandbox(app_id={self.app_id!r}, base_url={self.base_url!r})"


@contextmanager
def _quiet_log() -> Generator[None]:
    """The service's own log through ``logging``, where pytest captures it, unless it is set up.

    It would be printed between the test's output otherwise.
    """
    import structlog  # noqa: PLC0415 - of the service only

    if structlog.is_configured():
        yield
        return
    from hoiio.server.log import masked  # noqa: PLC0415 - of the service only

    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.format_exc_info,
            masked,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def _hoiio_world() -> Generator[WorldThread]:  # pyright: ignore[reportUnusedFunction]
    """The service, once for all tests of this process."""
    try:
        from hoiio.server.sandbox.thread import world_thread  # noqa: PLC0415 - slow to load
    except ModuleNotFoundError as error:
        pytest.fail(f"{error.name} is not installed: pip install 'hoiio[testing]'", pytrace=False)
    with _quiet_log(), world_thread() as world:
        yield world


@pytest.fixture(scope="session")
def _hoiio_client(  # pyright: ignore[reportUnusedFunction]
    _hoiio_world: WorldThread,
) -> Generator[Client]:
    """One for all tests, as its TLS takes longer to set up than a test takes."""
    from hoiio.client import Client  # noqa: PLC0415 - a run that uses no sandbox needs none

    with Client() as client:
        _rehearse(_hoiio_world, client)
        yield client


@pytest.fixture
def hoiio_sandbox(
    _hoiio_world: WorldThread, _hoiio_client: Client, monkeypatch: pytest.MonkeyPatch
) -> Generator[Sandbox]:
    """The Hoiio service without phones, with an account of the test's own; see ``Sandbox``."""
    _hoiio_client.prefix = None
    sandbox = _opened(_hoiio_world, _hoiio_client, monkeypatch)
    with Hoiio.from_environment():
        yield sandbox
    sandbox.close()


def _rehearse(world: WorldThread, client: Client) -> None:
    """A call-back from beginning to end, so that the first test is not the one that is slow.

    By both clients, as each has a pool of its own to open.
    """
    with pytest.MonkeyPatch.context() as patch:
        sandbox = _opened(world, client, patch)
        with Hoiio.from_environment():
            Hoiio.voice.call(ANSWERS, BUSY, notify_url="https://rehearsal.example/")
        sandbox.advance(0)
        client.account.balance()
        sandbox.close()


def _opened(world: WorldThread, client: Client, patch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that programs find by the environment."""
    sandbox = Sandbox(world, client)
    for name, value in {**_past_any_proxy(os.environ), **sandbox.environment}.items():
        patch.setenv(name, value)
    return sandbox


def _past_any_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """What to set so that a proxy of the environment is not asked for this machine itself."""
    if not any(name.lower() in {"http_proxy", "all_proxy"} for name in environ):
        return {}
    direct = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return dict.fromkeys(("no_proxy", "NO_PROXY"), f"{direct},127.0.0.1".removeprefix(","))
