"""The audit: silent about good books at any moment, and names each thing that is wrong."""

import pytest

from hoiio.server.billing.charge import Price
from hoiio.server.storage.books import Entry
from hoiio.server.storage.protocol import Change, Spoken
from integration.storage.store import RATE, START, change, in_a_shop, problems

END = START + 60_000_000


async def busy(shop):
    """One settled call, one live, and one participant."""
    settled = await shop.admit()
    await shop.settle(settled.ref, debit=2 * RATE, duration=1)
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
        return ref, live, account.balance, [e async for e in shop.storage.ledger(account.id)]

    ref, live, balance, entries = in_a_shop(test, tmp_path, credit=1_000_000)
    assert entries[1:5] == [
        Entry(ref, 1, "hold", -2 * RATE, 0, 964_000, START),
        Entry(ref, 1, "release", 2 * RATE, 0, 1_000_000, END),
        Entry(ref, 0, "capture", -2 * RATE, 0, 964_000, END),
        Entry(live, 1, "hold", -2 * RATE, 0, 928_000, START),
    ]
    assert (entries[0].ref, entries[0].kind, entries[0].balance) == (None, "top-up", 1_000_000)
    assert entries[-1].balance == balance


def test_a_ledger_of_many_chunks_is_one_moments(tmp_path, monkeypatch):
    """Nothing is missed or doubled at a chunk's edge, and what comes meanwhile is left out."""
    monkeypatch.setattr("hoiio.server.storage.books.CHUNK", 3)

    async def test(shop):
        account = (await shop.account()).id
        other = await shop.storage.create_account("bob", credit=1)
        for amount in range(1, 9):
            await shop.storage.add_credit(account, amount)
            await shop.storage.add_credit(other.id, 1)
        found = []
        async for each in shop.storage.ledger(account):
            found.append(each)
            await shop.storage.add_credit(account, 100)
        return found

    found = in_a_shop(test, tmp_path, credit=50)
    assert [entry.points for entry in found] == [50, *range(1, 9)]
    assert [entry.balance for entry in found] == [50 + n * (n + 1) // 2 for n in range(9)]


SETTLED = "WHERE call = (SELECT min(id) FROM calls)"
LIVE = "WHERE call = (SELECT id FROM calls WHERE live = 1 AND room = '')"


def entry(kind, of, minute=1, amount=-2 * RATE):
    """SQL for one more entry of a call, as another entry's hold has it or not."""
    return (
        "INSERT INTO ledger (account, call, minute, kind, points, bonus, at) "
        f"SELECT account, call, {minute}, '{kind}', {amount}, 0, 0 FROM ledger {of} LIMIT 1"
    )


@pytest.mark.parametrize(
    ("harm", "check", "subject", "figures"),
    [
        ("UPDATE accounts SET points = points + 1", "points", "AA-1", ("0.910001", "0.910")),
        ("UPDATE accounts SET bonus = 5", "bonus", "AA-1", ("0.000005", "0.000")),
        ("UPDATE calls SET debit = 1 WHERE live = 0", "debit", 0, ("0.000001", "0.036")),
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


@pytest.mark.parametrize(
    ("harm", "check", "subject", "found", "expected"),
    [
        (
            "UPDATE calls SET duration = 2 WHERE live = 0",
            "bill",
            0,
            "0.036",
            "0.072",
        ),
        (
            entry("capture", SETTLED, minute=2),
            "cause",
            0,
            "minute 2 captured",
            "held with the same amounts",
        ),
        (
            entry("capture", SETTLED, amount=-RATE),
            "cause",
            0,
            "minute 1 captured",
            "held with the same amounts",
        ),
        (
            entry("release", SETTLED, minute=2, amount=2 * RATE),
            "cause",
            0,
            "minute 2 released",
            "held with the same amounts",
        ),
        (
            f"UPDATE ledger SET points = points + 1 {SETTLED} AND kind = 'release'",
            "cause",
            0,
            "minute 1 released",
            "held with the same amounts",
        ),
        (
            f"UPDATE ledger SET points = points - 1, bonus = 1 {SETTLED} AND kind = 'release'",
            "cause",
            0,
            "minute 1 released",
            "held with the same amounts",
        ),
        (
            f"DELETE FROM ledger {LIVE}",
            "live hold",
            1,
            "minute 1 not held",
            "held",
        ),
        (
            entry("release", LIVE, amount=2 * RATE),
            "live hold",
            1,
            "minute 1 released or captured",
            "both, or still held",
        ),
        (
            entry("capture", LIVE),
            "live hold",
            1,
            "minute 1 released or captured",
            "both, or still held",
        ),
        (
            "UPDATE ledger SET kind = 'hold' WHERE call IS NULL",
            "loose entry",
            "AA-1",
            "hold",
            "top-up or adjustment",
        ),
    ],
)
def test_harm_to_what_an_entry_is_for_is_named(tmp_path, harm, check, subject, found, expected):
    """Bills by the minute, holds behind what was taken or given back, and whose entry it is."""
    refs = in_a_shop(busy, tmp_path)
    assert problems(tmp_path) == []
    change(tmp_path, harm)
    whose = subject if isinstance(subject, str) else refs[subject]
    told = [(p.subject, p.found, p.expected) for p in problems(tmp_path) if p.check == check]
    assert told == [(whose, found, expected)]


def test_a_participants_bill_is_of_its_own_leg(tmp_path):
    """The leg that it does not have is not asked for its price."""

    async def test(shop):
        (joined,) = await shop.join("den", "+6533333333")
        await shop.settle(joined.ref, debit=2 * RATE, duration=2)

    in_a_shop(test, tmp_path)
    assert problems(tmp_path) == []
    change(tmp_path, "UPDATE calls SET increment2 = 6")
    assert problems(tmp_path) == []
    change(tmp_path, "UPDATE calls SET duration = 1")
    assert [(p.check, p.found, p.expected) for p in problems(tmp_path)] == [
        ("bill", "0.036", "0.018")
    ]


@pytest.mark.parametrize("price", [Price(RATE, 30, 6), Price(RATE, 60, 6), Price(RATE, fee=1)])
def test_a_bill_by_other_increments_or_with_a_fee_is_not_by_the_minute(tmp_path, price):
    """On either leg of it."""

    async def test(shop):
        for leg in ("price1", "price2"):
            call = await shop.admit(**{leg: price})
            await shop.settle(call.ref, debit=RATE + 7, duration=1)

    in_a_shop(test, tmp_path)
    assert problems(tmp_path) == []


def test_a_live_call_whose_held_minutes_are_all_spoken_is_well(tmp_path):
    """Its first hold may have paid for more minutes, or it may be free: there is no further one."""

    async def test(shop):
        await shop.admit(hold=0)
        call = await shop.admit(price1=Price(RATE, initial=300))
        up = Change(b"up", "ongoing", "ongoing", None, None, Spoken(1, START))
        await shop.storage.advance(call.ref, lambda _: up)

    in_a_shop(test, tmp_path)
    assert problems(tmp_path) == []


def test_an_adjustment_needs_no_call(tmp_path):
    """It corrects a balance by hand, as a migration does."""
    in_a_shop(busy, tmp_path)
    change(tmp_path, "UPDATE ledger SET kind = 'adjustment' WHERE call IS NULL")
    assert problems(tmp_path) == []
