"""A call ends when its time is up, whatever has become of the service; minutes are real ones."""

import os
import signal
import time
from contextlib import ExitStack, suppress
from datetime import datetime
from decimal import Decimal

import pytest

from support.phones import Phone
from support.service import Service, wait_until

DEST1, DEST2 = "+6511111111", "+6522222222"
SETTLED = 10.0


class Line:
    """A service of its own with two phones and a call between them."""

    def __init__(self, stack, folder, credit):
        self.phones = [
            stack.enter_context(Phone(number, "--tone", "500")) for number in (DEST1, DEST2)
        ]
        routes = {phone.number: f"sip:{phone.address}" for phone in self.phones}
        service = Service(folder / "data", routes=routes).provision(credit=credit)
        self.service = stack.enter_context(service.start())
        self.ref = ""

    def connect(self, **options):
        with self.service.client() as client:
            self.ref = client.voice.call(DEST1, DEST2, **options).txn_ref
        self.answered = moment(self.phones[1].wait("answered", timeout=8))
        assert self.phones[0].hears(500, timeout=3), "bridged: the engine has the deadlines"

    def cut_after(self, timeout):
        """Seconds from dest2's answer to the BYE that each phone got."""
        ends = [phone.wait("ended", timeout=timeout) for phone in self.phones]
        assert [end["reason"] for end in ends] == ["remote", "remote"]
        return [moment(end) - self.answered for end in ends]

    def record(self):
        with self.service.client() as client:
            return wait_until(
                lambda: (r := client.voice.status(self.ref)).duration is not None and r,
                timeout=SETTLED,
            )

    def balance(self):
        with self.service.client() as client:
            return client.account.balance().balance_decimal


def moment(event):
    """Seconds of the clock at which a phone told something."""
    return datetime.fromisoformat(event["at"]).timestamp()


@pytest.fixture
def frozen():
    """Stop processes; whatever happens, they go on in the end."""
    stopped = []

    def freeze(process):
        process.send_signal(signal.SIGSTOP)
        stopped.append(process.pid)

    yield freeze
    for pid in stopped:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_credit_for_a_minute_is_a_minute_of_talk_whether_the_service_runs_or_stands_still(
    tmp_path, frozen
):
    """Two calls have credit for a minute; the service of one stands still when it is used up."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "stands").mkdir()
    with ExitStack() as stack:
        lines = [Line(stack, tmp_path / name, "0.036") for name in ("runs", "stands")]
        for line in lines:
            line.connect()
            assert line.balance() == 0
        time.sleep(max(0.0, lines[1].answered + 54 - time.time()))
        frozen(lines[1].service.process)
        for line in lines:
            for seconds in line.cut_after(timeout=10):
                assert 59.9 < seconds < 61
        lines[1].service.process.send_signal(signal.SIGCONT)
        for line in lines:
            record = line.record()
            assert (record.duration, record.debit_decimal) == (1, Decimal("0.036"))
            assert line.balance() == 0


def test_max_duration_holds_while_the_service_stands_still(tmp_path, frozen):
    """Final from the first moment: the engine needs no further word."""
    with ExitStack() as stack:
        line = Line(stack, tmp_path, "84.70")
        line.connect(max_duration=3)
        frozen(line.service.process)
        for seconds in line.cut_after(timeout=6):
            assert 2.9 < seconds < 4
        line.service.process.send_signal(signal.SIGCONT)
        assert (line.record().duration, line.record().debit_decimal) == (1, Decimal("0.036"))
