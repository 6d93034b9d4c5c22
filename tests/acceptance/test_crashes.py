"""What is left when a process dies at the worst moment: nobody off the hook, no record lost."""

import os
import signal
import time
from decimal import Decimal
from pathlib import Path

import pytest

from support.phones import Phone
from support.service import Service, hoiio, wait_until

DEST1, DEST2 = "+6511111111", "+6522222222"


@pytest.fixture
def phones():
    with Phone(DEST1, "--tone", "500") as one, Phone(DEST2, "--tone", "900") as two:
        yield one, two


@pytest.fixture
def service(tmp_path, phones):
    one, two = phones
    routes = {DEST1: f"sip:{one.address}", DEST2: f"sip:{two.address}"}
    with Service(tmp_path / "data", routes=routes).provision().start() as running:
        yield running


def call_up(client, phones):
    ref = client.voice.call(DEST1, DEST2).txn_ref
    for phone in phones:
        phone.wait("answered", timeout=8)
    assert phones[0].hears(900, timeout=5)
    return ref


def engine_of(service):
    """The pid of the service's engine process."""
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children")
    return int(children.read_text().split()[0])


def test_a_killed_service_leaves_no_call_up_and_bills_it_once_after_restart(service, phones):
    with service.client() as client:
        ref = call_up(client, phones)
    service.kill()
    for phone in phones:
        assert phone.wait("ended", timeout=3)["reason"] == "remote", "the engine hangs up by itself"
    service.start()
    with service.client() as client:
        status = client.voice.status(ref)
        assert (status.call_status_dest1, status.call_status_dest2) == ("answered", "answered")
        assert (status.duration, status.debit) == (1, 0.036)
        assert client.account.balance().balance_decimal == Decimal("84.664")
        assert client.voice.history().total_entries_count == 1
        for phone in phones:
            phone.forget()
        assert call_up(client, phones) != ref, "and it takes calls again"


def test_a_call_under_way_to_its_first_phone_is_not_dialled_again_after_a_restart(
    service, phones, tmp_path
):
    service.stop()
    with Phone("+6533333333", "--no-answer") as silent:
        service.routes["+6533333333"] = f"sip:{silent.address}"
        service.start()
        with service.client() as client:
            ref = client.voice.call("+6533333333", DEST2).txn_ref
            silent.wait("ringing", timeout=5)
        service.kill()
        silent.wait("ended", timeout=3)
        silent.forget()
        service.start()
        with service.client() as client:
            status = client.voice.status(ref)
            assert (status.call_status_dest1, status.call_status_dest2) == ("failed", "unanswered")
            assert status.debit == 0.0
        time.sleep(1)
        assert not [event for event in silent.events if event["event"] == "ringing"]


def test_a_crashed_engine_is_replaced_within_two_seconds_and_its_calls_are_settled(service, phones):
    with service.client() as client:
        ref = call_up(client, phones)
        engine = engine_of(service)
        os.kill(engine, signal.SIGKILL)
        started = time.monotonic()
        status = wait_until(
            lambda: (res := client.voice.status(ref)).duration is not None and res, timeout=2
        )
        assert (status.call_status_dest1, status.duration) == ("answered", 1)
        again = wait_until(
            lambda: (res := client.voice.call(DEST1, DEST2)).is_success() and res,
            timeout=2,
            what="a call on the fresh engine",
        )
        assert time.monotonic() - started < 2
        assert engine_of(service) != engine
        assert again.txn_ref != ref


@pytest.mark.parametrize("victim", ["service", "engine"])
def test_a_crash_ends_a_room_with_a_bill_for_each_and_frees_it(service, phones, victim):
    """Who was in it pays for it, who was only being called nothing."""
    service.routes["+6533333333"] = "sip:127.0.0.1:9"
    service.stop()
    service.start()
    with service.client() as client:
        refs = client.voice.conference(DEST1, DEST2, "+6533333333", room="r").txn_refs
        assert phones[0].hears(900, timeout=8)
        if victim == "engine":
            os.kill(engine_of(service), signal.SIGKILL)
        else:
            service.kill()
            for phone in phones:
                assert phone.wait("ended", timeout=3)["reason"] == "remote"
            service.start()
    with service.client() as client:
        ends = [
            wait_until(lambda ref=ref: (r := client.voice.status(ref)).duration is not None and r)
            for ref in refs
        ]
        assert [(end.call_status_dest1, end.duration, end.debit) for end in ends] == [
            ("answered", 1, 0.018),
            ("answered", 1, 0.018),
            ("failed", 0, 0.0),
        ]
        assert client.account.balance().balance_decimal == Decimal("84.664")
        joined = wait_until(
            lambda: (res := client.voice.conference("+6533333333", room="r")).is_success() and res
        )
        assert joined.room == "r"


def test_sigterm_hangs_up_settles_and_exits_with_zero(service, phones):
    with service.client() as client:
        ref = call_up(client, phones)
    assert service.stop() == 0
    for phone in phones:
        assert phone.wait("ended", timeout=1)["reason"] == "remote"
    service.start()
    with service.client() as client:
        status = client.voice.status(ref)
        assert (status.duration, status.debit) == (1, 0.036)


def test_a_second_service_on_the_same_folder_is_refused_in_one_line(service):
    refused = hoiio(
        "serve", "--data", service.data, "--listen", "127.0.0.1:0", "--sip", "127.0.0.1:0",
        check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert len(refused.stderr.strip().splitlines()) == 1
    assert refused.stdout == ""
    with service.client() as client:
        assert client.account.balance().is_success()


def test_no_token_is_ever_in_the_log_or_in_the_database(service, phones):
    with service.client() as client:
        call_up(client, phones)
        client.voice.history()
    service.stop()
    kept = service.log.read_bytes() + b"".join(
        path.read_bytes() for path in service.data.iterdir() if path.is_file()
    )
    assert service.token.encode() not in kept
