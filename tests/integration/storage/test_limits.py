"""Calls of a minute in storage: never more than the account may place, whoever counts with whom."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoiio.server.storage import limits, migrate
from hoiio.server.storage.data import DATABASE, SECRET
from hoiio.server.storage.errors import Conflict, Unknown
from hoiio.server.storage.limits import AccountChanges
from hoiio.server.storage.protocol import MINUTE, IdempotencyKey, Placed, Refusal
from hoiio.server.storage.sealing import load_sealer
from integration.storage.store import START, Shop, ask, audit, change, in_a_shop
from integration.storage.test_processes import finished, python

REFUSED = Refusal.CALLS_PER_MINUTE
ONE, TWO, THREE = "+6511111111", "+6522222222", "+6533333333"


def many_at_once(shop):
    """Lift the account's limit of concurrent calls, so that only the minute's refuses."""
    change(shop.data, "UPDATE accounts SET concurrent_calls = 1000")


def counted(data):
    [(calls,)] = ask(data, "SELECT minute_calls FROM accounts WHERE id = 1")
    return calls


# --- how many ---------------------------------------------------------------------------------


def test_of_fifty_at_once_exactly_as_many_are_admitted_as_may_be(tmp_path):
    """Ten a minute: ten records, ten holds, forty refusals that left nothing."""

    async def test(shop):
        many_at_once(shop)
        outcomes = await asyncio.gather(*(shop.admit(hold=1) for _ in range(50)))
        assert outcomes.count(REFUSED) == 40
        assert (await shop.account()).balance == 1_000_000 - 10

    in_a_shop(test, tmp_path, calls_per_minute=10)
    assert ask(tmp_path, "SELECT count(*) FROM calls") == [(10,)]
    assert counted(tmp_path) == 10
    audit(tmp_path)


RACE = """
import asyncio
from pathlib import Path
from hoiio.server.storage.data import open_data
from hoiio.server.storage.protocol import Refusal
from integration.storage.store import START, Shop

async def run():
    storage = open_data(Path(sys.argv[1]))
    shop = Shop(None, storage, await storage.application(sys.argv[2]))
    now = START + int(sys.argv[3])
    outcomes = await asyncio.gather(*(shop.admit(hold=1, now=now) for _ in range(50)))
    print(sum(not isinstance(outcome, Refusal) for outcome in outcomes))
    await storage.close()

asyncio.run(run())
"""


def test_services_that_race_share_one_minute(tmp_path):
    """Two processes on one database, fifty calls at once in each, clocks that are seconds apart."""

    async def test(shop):
        many_at_once(shop)
        racing = [python(RACE, tmp_path, shop.app.app_id, at) for at in (0, 5_000_000)]
        told = [int(await asyncio.to_thread(finished, each)) for each in racing]
        assert sum(told) == 10

    in_a_shop(test, tmp_path, calls_per_minute=10)
    assert ask(tmp_path, "SELECT count(*) FROM calls") == [(10,)]
    audit(tmp_path)


def test_a_request_counts_once_whatever_its_participants(tmp_path):
    """Eight people are one request; so are their rooms and call-backs alike."""

    async def test(shop):
        many_at_once(shop)
        eight = [f"+651111111{n}" for n in range(8)]
        assert len(await shop.join("", *eight)) == 8
        assert (await shop.admit(hold=1)).live
        assert await shop.join("r", ONE) is REFUSED
        assert counted(tmp_path) == 2

    in_a_shop(test, tmp_path, calls_per_minute=2)


def test_an_account_s_applications_share_its_calls_and_other_accounts_do_not(tmp_path):
    async def test(shop):
        second = await shop.storage.create_app(shop.app.account.id)
        stranger = await shop.storage.create_app((await shop.storage.create_account("bob")).id)
        assert (await shop.admit()).live
        assert await Shop(tmp_path, shop.storage, second).admit() is REFUSED
        assert (await Shop(tmp_path, shop.storage, stranger).admit(hold=0)).live

    in_a_shop(test, tmp_path, calls_per_minute=1)


# --- which minute -----------------------------------------------------------------------------


def test_the_minute_begins_with_its_first_call_and_ends_to_the_microsecond(tmp_path):
    """Not with the clock's; the next one begins with the next call, not where the last ended."""

    async def test(shop):
        assert (await shop.admit(now=START)).live
        assert (await shop.admit(now=START + MINUTE // 2)).live
        assert await shop.admit(now=START + MINUTE - 1) is REFUSED
        later = START + MINUTE + 7
        assert (await shop.admit(now=later)).live
        assert (await shop.admit(now=later + MINUTE - 1)).live
        assert await shop.admit(now=later + MINUTE - 1) is REFUSED
        assert (await shop.admit(now=later + MINUTE)).live

    in_a_shop(test, tmp_path, calls_per_minute=2)


def test_a_clock_that_is_a_little_behind_counts_in_the_same_minute(tmp_path):
    """One that was set back by more begins a new one: nobody is locked out for the difference."""

    async def test(shop):
        assert (await shop.admit(now=START)).live
        assert await shop.admit(now=START - MINUTE + 1) is REFUSED
        account = await shop.account()
        assert account.next_call_after(START - MINUTE + 1) == 2 * MINUTE - 1
        assert account.next_call_after(START - MINUTE) == 0
        assert (await shop.admit(now=START - MINUTE)).live

    in_a_shop(test, tmp_path, calls_per_minute=1)


TIMES = st.lists(st.integers(-2 * MINUTE, 2 * MINUTE), min_size=1, max_size=25)


@settings(max_examples=40, deadline=None)
@given(TIMES, st.integers(1, 4))
def test_an_account_tells_beforehand_what_its_next_call_will_meet(steps, limit):
    """Whatever the clock does; who comes as late as told is not refused, a moment earlier is."""

    async def test(shop):
        now = START
        for step in steps:
            now += step
            wait = (await shop.account()).next_call_after(now)
            taken = await shop.storage._write(
                lambda db, now=now: limits.take_call(db, shop.app.account.id, now)
            )
            assert taken == (wait == 0)
            if wait:
                account = await shop.account()
                assert account.next_call_after(now + wait - 1) == 1
                assert account.next_call_after(now + wait) == 0

    with TemporaryDirectory() as folder:
        in_a_shop(test, Path(folder) / "data", calls_per_minute=limit)


# --- what takes none --------------------------------------------------------------------------


def test_what_is_refused_takes_no_call_of_the_minute(tmp_path):
    """For its credit, its room, the account's concurrent calls or the engine's ceiling."""

    async def test(shop):
        assert await shop.admit(hold=10**9) is Refusal.CREDIT
        assert await shop.admit(ceiling_reached=True) is Refusal.CEILING
        nine = [f"+651111111{n}" for n in range(9)]
        assert await shop.join("r", *nine) is Refusal.ROOM_FULL
        change(tmp_path, "UPDATE accounts SET concurrent_calls = 0")
        assert await shop.admit() is Refusal.CONCURRENT_CALLS
        assert counted(tmp_path) == 0
        change(tmp_path, "UPDATE accounts SET concurrent_calls = 8")
        assert (await shop.admit()).live

    in_a_shop(test, tmp_path, calls_per_minute=1)
    audit(tmp_path)


def test_the_minute_is_looked_at_before_everything_but_the_key(tmp_path):
    """In the order of api rule 3; a repetition is answered and takes nothing, however often."""

    def key(asks=b"this"):
        return IdempotencyKey("voice/call", "k", asks)

    async def test(shop):
        record = await shop.admit(key=key())
        nine = [f"+651111111{n}" for n in range(9)]
        assert await shop.join("r", *nine, hold=10**9, ceiling_reached=True) is REFUSED
        for _ in range(20):
            again = await shop.storage.admit(shop.admission(key=key()))
            assert again == Placed((record.ref,), "")
        assert await shop.admit(key=key(b"that")) is Refusal.KEY_REUSED
        assert counted(tmp_path) == 1

    in_a_shop(test, tmp_path, calls_per_minute=1)


def test_a_refusal_for_the_minute_frees_the_key(tmp_path):
    async def test(shop):
        await shop.admit()
        key = IdempotencyKey("voice/call", "k", b"this")
        assert await shop.admit(key=key) is REFUSED
        assert (await shop.admit(key=key, now=START + MINUTE)).live

    in_a_shop(test, tmp_path, calls_per_minute=1)


# --- what an operator sets --------------------------------------------------------------------


def test_a_change_counts_at_once_and_leaves_the_rest(tmp_path):
    """Also in the minute that is under way."""

    async def test(shop):
        before = await shop.account()
        await shop.admit(hold=0)
        assert await shop.admit(hold=0) is REFUSED
        raised = AccountChanges(calls_per_minute=2)
        after = await shop.storage.change_account(before.id, raised)
        assert (after.calls_per_minute, after.requests_per_minute) == (2, 60)
        assert (after.trial, after.concurrent_calls, after.number) == (False, 8, None)
        assert (await shop.admit(hold=0)).live
        assert await shop.admit(hold=0) is REFUSED
        trial = await shop.storage.change_account(before.id, AccountChanges(trial=True))
        assert (trial.trial, trial.calls_per_minute) == (True, 2)
        assert not (await shop.storage.change_account(before.id, AccountChanges(trial=False))).trial

    in_a_shop(test, tmp_path, calls_per_minute=1)


@pytest.mark.parametrize("column", ["requests_per_minute", "calls_per_minute", "trial"])
def test_no_hand_can_write_a_limit_that_is_none(tmp_path, column):
    async def test(shop):
        wrong = 2 if column == "trial" else 0
        with pytest.raises(sqlite3.IntegrityError):
            change(shop.data, f"UPDATE accounts SET {column} = ?", wrong)

    in_a_shop(test, tmp_path)


def test_numbers_are_added_once_and_taken_away_but_for_the_registered_one(tmp_path):
    async def test(shop):
        key = shop.app.account.id
        await shop.storage.change_account(key, AccountChanges(number=ONE))
        for number in (TWO, ONE, TWO, THREE):
            account = await shop.storage.add_number(key, number)
        assert account.own == (ONE, TWO, THREE)
        assert ask(tmp_path, "SELECT number FROM numbers") == [(TWO,), (THREE,)]
        with pytest.raises(Conflict, match="account set ACCOUNT --number"):
            await shop.storage.remove_number(key, ONE)
        assert (await shop.storage.remove_number(key, TWO)).own == (ONE, THREE)
        with pytest.raises(Unknown, match="none of the numbers"):
            await shop.storage.remove_number(key, TWO)
        moved = await shop.storage.change_account(key, AccountChanges(number=THREE))
        assert moved.own == (THREE,)
        with pytest.raises(Conflict):
            await shop.storage.remove_number(key, THREE)

    in_a_shop(test, tmp_path)


def test_accounts_of_an_older_schema_get_the_defaults(tmp_path, monkeypatch):
    """Sixty of both a minute, active, and a first call that begins their first minute."""
    scripts = migrate.migrations()
    (place,) = (at for at, script in enumerate(scripts) if "calls_per_minute" in script)
    with closing(sqlite3.connect(tmp_path / DATABASE, isolation_level=None)) as db:
        monkeypatch.setattr(migrate, "migrations", lambda: scripts[:place])
        migrate.migrate(db)
        monkeypatch.undo()
        db.execute("INSERT INTO accounts (name, currency, created_at) VALUES ('a', 'SGD', 1)")
    (tmp_path / DATABASE).chmod(0o600)
    load_sealer(tmp_path / SECRET, create=True)

    async def test(shop):
        old = await shop.storage.account("a")
        assert (old.requests_per_minute, old.calls_per_minute, old.trial) == (60, 60, False)
        theirs = await shop.storage.create_app(old.id)
        assert (await Shop(tmp_path, shop.storage, theirs).admit(hold=0)).live

    in_a_shop(test, tmp_path)
