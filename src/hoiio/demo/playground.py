"""Phones and a service that rings them, with an account to use it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hoiio.demo.processes import Child, Deadline, Event, Phone, run

ALICE: Final = "+6511111111"
BOB: Final = "+6522222222"
CAROL: Final = "+6533333333"
DAVE: Final = "+6544444444"
NUMBERS: Final = (ALICE, BOB, CAROL, DAVE)
TONES: Final = {ALICE: 440, BOB: 600, CAROL: 820, DAVE: 1100}
"""What each phone plays, in Hz."""

CREDIT: Final = "84.70"
TARIFF: Final = "prefix,rate\n65,0.018\n"
LIMITS: Final = ("--requests-per-minute", "10000", "--calls-per-minute", "10000")
"""Who plays may ask as often as a loop can."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Playground:
    """A service that is ready, whom it rings, and who may ask it to."""

    base_url: str
    app_id: str
    access_token: str
    phones: tuple[Phone, ...]
    service: Child


@contextmanager
def playground(
    tell: Tell, deadline: Deadline, numbers: Sequence[str], *, answer_after: float
) -> Generator[Playground]:
    """Start everything, by the commands a user would type; end it all and remove every trace."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hoiio-")))
        phones = [_phone(number, answer_after, folder, stack) for number in numbers]
        addresses = [phone.expect("listening", deadline)["address"] for phone in phones]
        application = _provision(folder, tell)
        service = _serve(folder, dict(zip(numbers, addresses, strict=True)), tell)
        stack.callback(service.stop)
        yield Playground(_base_url(service, deadline), *application, tuple(phones), service)


def _phone(number: str, answer_after: float, folder: Path, stack: ExitStack) -> Phone:
    phone = Phone(number, TONES[number], answer_after, folder)
    stack.callback(phone.stop)
    return phone


def _provision(folder: Path, tell: Tell) -> tuple[str, str]:
    """An account with credit, a price list, and an application; its id and token."""
    tariff = folder / "tariff.csv"
    tariff.write_text(TARIFF)
    _admin(folder, tell, "account", "create", "acme", "--number", ALICE, "--credit", CREDIT)
    _admin(folder, tell, "account", "set", "acme", *LIMITS)
    _admin(folder, tell, "tariff", "import", str(tariff))
    application = _admin(folder, tell, "app", "create", "acme")
    return application["app_id"], application["access_token"]


def _serve(folder: Path, addresses: dict[str, str], tell: Tell) -> Child:
    routes = [f"{number}=sip:{number}@{address}" for number, address in addresses.items()]
    tell("hoiio serve" + "".join(f" --route {route}" for route in routes))
    arguments = ["serve", "--data", str(folder / "data")]
    arguments += ["--listen", "127.0.0.1:0", "--sip", "127.0.0.1:0"]
    # Whoever plays with it has a receiver for notifications on this machine, if anywhere.
    arguments += ["--notify-allow", "127.0.0.0/8", "--notify-allow", "::1"]
    for route in routes:
        arguments += ["--route", route]
    return Child("the service", arguments, folder / "service.log")


def _base_url(service: Child, deadline: Deadline) -> str:
    """From the line that says that calls can be placed now; notices before it are passed over."""
    while not (line := service.line(deadline)).startswith("ready "):
        pass
    return line.split()[1]


def _admin(folder: Path, tell: Tell, *arguments: str) -> Event:
    shown = (str(each).removeprefix(f"{folder}/") for each in arguments)
    tell(f"hoiio admin {' '.join(shown)}")
    return run("admin", *arguments, "--data", str(folder / "data"))
