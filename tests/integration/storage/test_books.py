"""The audit: silent about good books at any moment, and names each thing that is wrong."""

import pytest

from hoiio.server.storage.books import Entry
from integration.storage.store import RATE, START, change, in_a_shop, problems

END = START + 60_000_000


async def busy(shop):
    """One settled call, one live, and one participant."""
    settled = await shop.admit()
    await shop.settle(settled.ref, debit=RATE, duration=1)
    live = await shop.admit()
    (joined,) = await shop.join("den", "+6533333333")
    return settled.ref, live.ref, joined.ref


def test_good_books_have_no_problems(tmp_path):
    """With money held and people in a room, and how much was looked at is told."""

    async def test(shop):
        await busy(shop)
        return await shop.storage.audit()

    found = in_a_shop(test, tmp_path)
    assert found.problems == []
    assert (found.accounts, found.calls, found.live_calls, found.entries) == (1, 3, 2, 6)


def test_the_ledger_runs_oldest_first_with_its_balance(tmp_path):
    """Each entry with what it is for; the last balance is the account's."""

    async def test(shop):
        ref, live, _ = await busy(shop)
        account = await shop.account()
        return ref, live, account.balance, await shop.storage.ledger(account.id)

    ref, live, balance, entries = in_a_shop(test, tmp_path, credit=1_000_000)
    assert entries[1:5] == [
        Entry(ref, 1, "hold", -2 * RATE, 0, 964_000, START),
        Entry(ref, 1, "release", 2 * RATE, 0, 1_000_000, END),
        Entry(ref, 0, "capture", -RATE, 0, 982_000, END),
        Entry(live, 1, "hold", -2 * RATE, 0, 946_000, START),
    ]
    assert (entries[0].ref, entries[0].kind, entries[0].balance) == (None, "top-up", 1_000_000)
    assert entries[-1].balance == balance


SETTLED = "WHERE call = (SELECT min(id) FROM calls)"


@pytest.mark.parametrize(
    ("harm", "check", "subject", "figures"),
    [
        ("UPDATE accounts SET points = points + 1", "points", "AA-1", ("0.928001", "0.928")),
        ("UPDATE accounts SET bonus = 5", "bonus", "AA-1", ("0.000005", "0.000")),
        ("UPDATE calls SET debit = 1 WHERE live = 0", "debit", 0, ("0.000001", "0.018")),
        (
            f"UPDATE ledger SET minute = 2 {SETTLED} AND kind = 'release'",
            "hold",
            0,
            ("minute 1 held", "released"),
        ),
        (
            f"UPDATE ledger SET kind = 'adjustment' {SETTLED} AND kind = 'capture'",
            "settlement",
            0,
            ("0", "1"),
        ),
        (
            "INSERT INTO ledger (account, call, kind, points, bonus, at) "
            "SELECT account, id, 'capture', 0, 0, 0 FROM calls WHERE live = 1 AND room = ''",
            "settlement",
            1,
            ("1", "0"),
        ),
        ("UPDATE calls SET ended_at = NULL", "end", 0, ("ended, without an end",)),
        ("UPDATE calls SET duration = 1", "end", 1, ("live, with an end",)),
        ("UPDATE accounts SET live_calls = 7", "live calls", "AA-1", ("7", "2")),
        ("UPDATE rooms SET people = 2", "room", "den", ("2", "1")),
        ("DELETE FROM rooms", "room", "den", ("0", "1")),
        (
            "INSERT INTO rooms (application, name, people) VALUES (1, 'void', 0)",
            "room",
            "void",
            ("0", "0"),
        ),
    ],
)
def test_each_harm_is_named(tmp_path, harm, check, subject, figures):
    """What was checked, whose it is, and both figures."""
    refs = in_a_shop(busy, tmp_path)
    change(tmp_path, harm)
    found = problems(tmp_path)[0]
    whose = subject if isinstance(subject, str) else refs[subject]
    assert (found.check, found.subject) == (check, whose)
    assert (found.found, found.expected)[: len(figures)] == figures


def test_another_accounts_entry_is_no_payment(tmp_path):
    """An entry belongs to the account that its call belongs to."""

    async def test(shop):
        await busy(shop)
        await shop.storage.create_account("bob")

    in_a_shop(test, tmp_path)
    change(tmp_path, f"UPDATE ledger SET account = 2 {SETTLED} AND kind = 'capture'")
    found = {(p.check, p.found, p.expected) for p in problems(tmp_path)}
    assert ("payer", "AA-2", "AA-1") in found


def test_debits_without_entries_are_found(tmp_path):
    """A settled call that moved no money at all, yet says that it did."""
    in_a_shop(busy, tmp_path)
    change(tmp_path, f"DELETE FROM ledger {SETTLED}")
    assert {"points", "debit", "settlement"} == {p.check for p in problems(tmp_path)}
