"""Admission and settlement: all or nothing, in order, and the books add up."""

import asyncio

import pytest

from hoiio.server.storage.protocol import Change, IdempotencyKey, Refusal
from integration.storage.store import RATE, START, ask, audit, change, in_a_shop


def test_an_admitted_call_is_durable_with_its_hold(tmp_path):
    """Another connection reads it before anybody is told."""

    async def test(shop):
        record = await shop.admit()
        assert record.state == f"{record.ref} ".encode()
        assert record.rate == 2 * RATE
        assert ask(tmp_path, "SELECT ref, live FROM calls") == [(record.ref, 1)]
        assert await shop.storage.record(shop.app.id, record.ref) == record
        assert (await shop.account()).balance == 1_000_000 - 2 * RATE

    in_a_shop(test, tmp_path)
    audit(tmp_path)


def test_refusals_come_in_order_and_leave_nothing(tmp_path):
    """Concurrent calls, then the ceiling, then credit."""

    async def test(shop):
        assert await shop.admit(hold=10**9) is Refusal.CREDIT
        assert await shop.admit(hold=10**9, ceiling_reached=True) is Refusal.CEILING
        live = [await shop.admit() for _ in range(8)]
        refused = await shop.admit(hold=10**9, ceiling_reached=True)
        assert refused is Refusal.CONCURRENT_CALLS
        await shop.settle(live[0].ref)
        ninth = await shop.admit()
        assert [r.ordinal for r in [*live, ninth]] == list(range(1, 10))

    in_a_shop(test, tmp_path)
    assert ask(tmp_path, "SELECT count(*) FROM ledger WHERE kind = 'hold'") == [(9,)]
    audit(tmp_path)


def test_a_free_call_needs_no_credit(tmp_path):
    """A hold of nothing always passes."""

    async def test(shop):
        assert await shop.admit(hold=1) is Refusal.CREDIT
        assert (await shop.admit(hold=0)).live

    in_a_shop(test, tmp_path, credit=0)


def test_dates_never_decrease_within_an_application(tmp_path):
    """Also when the clock goes back (api rule 6)."""

    async def test(shop):
        dates = [(await shop.admit(now=START + jump)).date for jump in (5, 3, 9, 0)]
        assert dates == [START + 5, START + 5, START + 9, START + 9]

    in_a_shop(test, tmp_path)


def test_refs_are_never_given_again(tmp_path):
    """Not even when every record was deleted."""

    async def test(shop):
        ref = (await shop.admit()).ref
        await shop.settle(ref)
        change(tmp_path, "DELETE FROM ledger WHERE call IS NOT NULL")
        change(tmp_path, "DELETE FROM calls")
        assert (await shop.admit()).ref > ref

    in_a_shop(test, tmp_path)


def test_a_settled_call_never_changes(tmp_path):
    """A second settlement is told None, and its step never runs."""

    async def test(shop):
        ref = (await shop.admit()).ref
        assert await shop.settle(ref, debit=3 * RATE, duration=2) == ref
        assert await shop.settle(ref, debit=9 * RATE, duration=9) is None
        record = await shop.storage.record(shop.app.id, ref)
        assert (record.debit, record.duration, record.live) == (3 * RATE, 2, False)
        assert await shop.storage.live_calls() == []

    in_a_shop(test, tmp_path)
    audit(tmp_path, bills=False)


@pytest.mark.parametrize("ref", ["", "AA-C-1", "AA-C-01000001", "AA-S-1000001", "AA-C-" + "9" * 99])
def test_an_unknown_ref_advances_nothing(tmp_path, ref):
    """Whatever somebody sends as a ref."""

    async def test(shop):
        await shop.admit()
        assert await shop.settle(ref) is None
        assert await shop.storage.record(shop.app.id, ref) is None

    in_a_shop(test, tmp_path)


def test_a_record_is_its_own_applications_only(tmp_path):
    """Another application of the same account sees nothing."""

    async def test(shop):
        record = await shop.admit()
        other = await shop.storage.create_app(shop.app.account.id)
        assert await shop.storage.record(other.id, record.ref) is None

    in_a_shop(test, tmp_path)


def test_a_step_that_fails_undoes_itself_alone(tmp_path):
    """Its batch fellows are stored, its own error is told."""

    async def test(shop):
        first, second = [await shop.admit() for _ in range(2)]

        def broken(record):
            raise ZeroDivisionError

        outcomes = await asyncio.gather(
            shop.settle(first.ref),
            shop.storage.advance(second.ref, broken),
            shop.admit(tag="third"),
            return_exceptions=True,
        )
        assert outcomes[0] == first.ref
        assert isinstance(outcomes[1], ZeroDivisionError)
        live = await shop.storage.live_calls()
        assert [record.tag for record in live] == ["id_1", "third"]
        assert live[0] == second

    in_a_shop(test, tmp_path)
    audit(tmp_path)


def test_a_settlement_that_fails_halfway_leaves_the_call_live(tmp_path):
    """The debit overflows what an account may hold: nothing of the step stays."""

    async def test(shop):
        record = await shop.admit()
        with pytest.raises(Exception, match="CHECK constraint"):
            await shop.settle(record.ref, debit=2 * 10**18)
        assert await shop.storage.live_calls() == [record]

    in_a_shop(test, tmp_path)
    audit(tmp_path)


def test_progress_is_kept_and_its_outcome_told(tmp_path):
    """A step without settlement changes state and statuses only."""

    async def test(shop):
        record = await shop.admit()
        change_ = Change(b"talking", "answered", "ongoing", None, ["Dial"])
        assert await shop.storage.advance(record.ref, lambda _: change_) == ["Dial"]
        (live,) = await shop.storage.live_calls()
        assert (live.state, live.status1, live.status2) == (b"talking", "answered", "ongoing")

    in_a_shop(test, tmp_path)


def test_the_limit_holds_under_many_at_once(tmp_path):
    """A hundred admissions at a time: eight pass."""

    async def test(shop):
        outcomes = await asyncio.gather(*(shop.admit() for _ in range(100)))
        assert outcomes.count(Refusal.CONCURRENT_CALLS) == 92

    in_a_shop(test, tmp_path)
    audit(tmp_path)


def test_a_caller_that_gives_up_waiting_hurts_nobody(tmp_path):
    """A cancelled admission may or may not be stored; what follows is."""

    async def test(shop):
        tasks = [asyncio.ensure_future(shop.admit()) for _ in range(8)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(record.live for record in outcomes[1::2])
        assert (await shop.account()).name == "ann"

    in_a_shop(test, tmp_path)
    audit(tmp_path)


def test_an_application_that_was_revoked_meanwhile_places_nothing(tmp_path):
    """However long ago its credentials were looked at: the admission itself asks."""

    async def test(shop):
        key = IdempotencyKey("voice/call", "k", b"f")
        live = await shop.admit()
        await shop.storage.revoke(shop.app.app_id)
        assert await shop.admit() is Refusal.REVOKED
        assert await shop.admit(key=key) is Refusal.REVOKED
        assert await shop.join("R", "+6511111111") is Refusal.REVOKED
        assert await shop.settle(live.ref) == live.ref

    in_a_shop(test, tmp_path)
    assert ask(tmp_path, "SELECT count(*) FROM calls") == [(1,)]
    assert ask(tmp_path, "SELECT count(*) FROM idempotency_keys") == [(0,)]
    audit(tmp_path)
