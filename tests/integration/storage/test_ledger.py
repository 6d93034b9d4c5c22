"""The ledger over any history of holds, captures, settlements and top-ups, against a plain model;
and under concurrency, where only what must always hold is asked."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoiio.server.storage import migrate
from hoiio.server.storage.data import DATABASE, SECRET
from hoiio.server.storage.protocol import Change, NextMinute, Refusal, Settlement, Spoken
from hoiio.server.storage.sealing import load_sealer
from integration.storage.store import START, ask, audit, change, in_a_shop


class Model:
    """Points, bonus, and of each live call the minutes held and captured as (points, bonus)."""

    def __init__(self, points, bonus):
        self.points, self.bonus = points, bonus
        self.held, self.captured = {}, {}

    def take(self, amount):
        """Bonus first; None when there is not enough."""
        if amount > self.points + self.bonus:
            return None
        part = min(self.bonus, amount)
        self.points, self.bonus = self.points - (amount - part), self.bonus - part
        return amount - part, part

    def give(self, points, bonus):
        self.points, self.bonus = self.points + points, self.bonus + bonus

    def spoken(self, ref, minute):
        for number in [n for n in self.held[ref] if n <= minute]:
            self.captured[ref].append(self.held[ref].pop(number))

    def settle(self, ref, debit):
        for part in self.held.pop(ref).values():
            self.give(*part)
        points, bonus = (sum(part) for part in zip((0, 0), *self.captured.pop(ref), strict=True))
        rest = debit - points - bonus
        if rest >= 0:
            assert self.take(rest) is not None
        else:
            self.give(min(-rest, points), -rest - min(-rest, points))

    def owed_at_most(self, ref):
        parts = [*self.held[ref].values(), *self.captured[ref]]
        return sum(points + bonus for points, bonus in parts)


def goes_on(*, spoken=None, minute=None, amount=0):
    """A step of a call that stays up: what was spoken is captured, a minute is held."""
    plain = Change(b"up", "ongoing", "ongoing", None, "refused", spoken)
    if minute is None:
        return lambda _: plain
    wanted = NextMinute(minute, amount, START, plain)
    return lambda _: Change(b"up", "ongoing", "ongoing", None, "held", spoken, wanted)


def ends(debit):
    settlement = Settlement(1, debit, START + 60_000_000, None)
    return lambda _: Change(b"over", "answered", "answered", settlement, "over")


steps = st.lists(
    st.tuples(
        st.sampled_from(["admit", "minute", "minute", "spoken", "settle", "top up"]),
        st.integers(0, 200),
        st.integers(0, 7),
    ),
    max_size=30,
)


@settings(max_examples=80, deadline=None)
@given(steps=steps, bonus=st.integers(0, 300), credit=st.integers(0, 300))
def test_the_books_add_up_after_any_history(tmp_path_factory, steps, bonus, credit):
    """Bonus is spent first, each release goes to its source, and nothing is ever below zero."""
    data = Path(tmp_path_factory.mktemp("books"))

    async def test(shop):
        model = Model(credit, bonus)
        give_bonus(data, shop.app.account.id, bonus)
        for kind, amount, pick in steps:
            await one_step(shop, model, kind, amount, pick)
            account = await shop.account()
            assert (account.points, account.bonus) == (model.points, model.bonus)

    in_a_shop(test, data, credit=credit)
    audit(data, bills=False)


async def one_step(shop, model, kind, amount, pick):
    live = list(model.held)
    ref = live[pick % len(live)] if live else None
    if kind == "admit":
        outcome = await shop.admit(hold=amount)
        if outcome is Refusal.CONCURRENT_CALLS:
            assert len(live) == 8
            return
        taken = model.take(amount)
        assert (taken is None) == (outcome is Refusal.CREDIT)
        if taken is not None:
            model.held[outcome.ref], model.captured[outcome.ref] = {1: taken}, []
    elif kind == "top up":
        await shop.storage.add_credit(shop.app.account.id, amount)
        model.give(amount, 0)
    elif ref is None:
        return
    elif kind == "minute":
        minute = len(model.held[ref]) + len(model.captured[ref]) + 1
        told = await shop.storage.advance(ref, goes_on(minute=minute, amount=amount))
        taken = model.take(amount)
        assert told == ("refused" if taken is None else "held")
        if taken is not None:
            model.held[ref][minute] = taken
    elif kind == "spoken":
        await shop.storage.advance(ref, goes_on(spoken=Spoken(pick, START)))
        model.spoken(ref, pick)
    else:
        debit = min(amount, model.owed_at_most(ref))
        assert await shop.storage.advance(ref, ends(debit)) == "over"
        model.settle(ref, debit)


@settings(max_examples=25, deadline=None)
@given(
    credit=st.integers(0, 1000),
    bonus=st.integers(0, 300),
    calls=st.lists(st.lists(st.integers(0, 150), min_size=1, max_size=6), min_size=1, max_size=12),
)
def test_calls_at_once_never_spend_more_than_there_is(tmp_path_factory, credit, bonus, calls):
    """Each call holds minute after minute as fast as it can, beside all others, then ends."""
    data = Path(tmp_path_factory.mktemp("books"))

    async def talk(shop, amounts):
        record = await shop.admit(hold=amounts[0])
        if isinstance(record, Refusal):
            return 0
        held = [amounts[0]]
        for minute, amount in enumerate(amounts[1:], 2):
            spoken = Spoken(minute - 1, START)
            step = goes_on(spoken=spoken, minute=minute, amount=amount)
            if await shop.storage.advance(record.ref, step) == "refused":
                break
            held.append(amount)
        debit = sum(held[:-1]) + held[-1] // 2
        assert await shop.storage.advance(record.ref, ends(debit)) == "over"
        return debit

    async def test(shop):
        give_bonus(data, shop.app.account.id, bonus)
        debits = await asyncio.gather(*(talk(shop, amounts) for amounts in calls))
        account = await shop.account()
        assert account.balance == credit + bonus - sum(debits)
        assert min(account.points, account.bonus) >= 0

    in_a_shop(test, data, credit=credit)
    audit(data, bills=False)


def test_a_minute_is_held_once_however_often_it_is_asked_for(tmp_path):
    """The ledger refuses a second entry of the same cause, and nothing of that step is written."""

    async def test(shop):
        ref = (await shop.admit(hold=10)).ref
        step = goes_on(minute=2, amount=10)
        assert await shop.storage.advance(ref, step) == "held"
        with pytest.raises(Exception, match="UNIQUE"):
            await shop.storage.advance(ref, step)
        assert (await shop.account()).balance == 80

    in_a_shop(test, tmp_path, credit=100)
    audit(tmp_path, bills=False)


def test_no_balance_can_be_written_below_zero(tmp_path):
    """Whoever writes it: the database itself refuses."""
    in_a_shop(lambda shop: shop.account(), tmp_path, credit=5)
    for column in ("points", "bonus"):
        with pytest.raises(Exception, match="CHECK"):
            change(tmp_path, f"UPDATE accounts SET {column} = -1")
    assert ask(tmp_path, "SELECT points, bonus FROM accounts") == [(5, 0)]


def test_what_was_overdrawn_before_calls_were_prepaid_is_written_off(tmp_path, monkeypatch):
    """With an entry that says so: the books still add up."""
    scripts = migrate.migrations()
    (prepaid,) = (place for place, script in enumerate(scripts) if "prepaid" in script)
    with closing(sqlite3.connect(tmp_path / DATABASE, isolation_level=None)) as db:
        monkeypatch.setattr(migrate, "migrations", lambda: scripts[:prepaid])
        migrate.migrate(db)
        monkeypatch.undo()
        for key, points in ((1, -700), (2, 300)):
            entry = {"id": key, "points": points}
            db.execute(
                """INSERT INTO accounts (id, name, currency, points, created_at)
                VALUES (:id, 'a' || :id, 'SGD', :points, 1)""",
                entry,
            )
            db.execute(
                """INSERT INTO ledger (account, kind, points, bonus, at)
                VALUES (:id, 'adjustment', :points, 0, 1)""",
                entry,
            )
    (tmp_path / DATABASE).chmod(0o600)
    load_sealer(tmp_path / SECRET, create=True)
    in_a_shop(lambda shop: shop.account(), tmp_path)
    accounts = ask(tmp_path, "SELECT id, points FROM accounts WHERE id <= 2 ORDER BY id")
    assert accounts == [(1, 0), (2, 300)]
    audit(tmp_path, bills=False)


def give_bonus(data, account, amount):
    change(data, "UPDATE accounts SET bonus = bonus + ?", amount)
    change(
        data,
        "INSERT INTO ledger (account, kind, points, bonus, at) VALUES (?, 'top-up', 0, ?, 0)",
        account,
        amount,
    )
