"""Increments and fees: kept with the deck, copied into the call, there after an upgrade."""

import sqlite3
from contextlib import closing

import pytest

from hoiio.server.billing.charge import Price
from hoiio.server.billing.tariff import Row
from hoiio.server.storage import migrate
from hoiio.server.storage.data import DATABASE, SECRET
from hoiio.server.storage.sealing import load_sealer
from integration.storage.store import START, ask, in_a_shop

FAR = Price(18_000, 30, 6, 5_000)
NEAR = Price(12_345, 1, 1, 250)


def test_a_deck_keeps_every_part_of_a_price(tmp_path):
    """Each prefix its own."""

    async def test(shop):
        rows = [Row("65", FAR), Row("651", NEAR), Row("1", Price(7)), Row("44", FAR)]
        await shop.storage.import_tariff("SGD", rows)
        for number, price in {"+6522": FAR, "+6512": NEAR, "+1212": Price(7), "+449": FAR}.items():
            assert await shop.storage.price("SGD", number) == price

    in_a_shop(test, tmp_path)


def test_a_call_keeps_the_prices_of_its_admission(tmp_path):
    """A call-back both legs', a participant its own; another deck changes neither."""

    async def test(shop):
        await shop.admit(price1=FAR, price2=NEAR)
        await shop.join("den", "+6533333333", price1=NEAR)
        await shop.storage.import_tariff("SGD", [Row("65", Price(1))])
        call, participant = await shop.storage.live_calls()
        assert (call.prices, call.rate) == ((FAR, NEAR), 30_345)
        assert (participant.prices, participant.rate) == ((NEAR,), 12_345)
        (newest, oldest) = (
            await shop.storage.history(shop.app.id, start=None, end=None, page=1, upto=None)
        ).records
        assert (oldest.prices, newest.prices) == (call.prices, participant.prices)
        assert oldest.live is True

    in_a_shop(test, tmp_path)


def test_what_was_there_before_is_by_the_minute(tmp_path, monkeypatch):
    """Decks and calls of an older schema go on with 60/60 and no fee."""
    sealed = load_sealer(tmp_path / SECRET, create=True).seal("token", "x")
    scripts = migrate.migrations()
    (decks,) = (place for place, script in enumerate(scripts) if "increment1" in script)
    with closing(sqlite3.connect(tmp_path / DATABASE, isolation_level=None)) as db:
        monkeypatch.setattr(migrate, "migrations", lambda: scripts[:decks])
        migrate.migrate(db)
        monkeypatch.undo()
        db.execute(
            "INSERT INTO accounts (id, name, currency, created_at) VALUES (1, 'a', 'SGD', 1)"
        )
        db.execute(
            """INSERT INTO applications (id, account, app_id, sealed_token, created_at)
            VALUES (1, 1, 'x', ?, 1)""",
            (sealed,),
        )
        db.execute("INSERT INTO decks VALUES (1, 'SGD', 1)")
        db.execute("INSERT INTO tariffs VALUES ('SGD', 1)")
        db.execute("INSERT INTO deck_rates VALUES (1, '65', 18000)")
        db.execute(
            """INSERT INTO calls (id, application, account, ordinal, date, dest1, dest2, status1,
            status2, room, tag, notify_url, currency, rate1, rate2, state) VALUES (7, 1, 1, 1, ?,
            '+65', '+66', 'ongoing', 'ongoing', '', '', '', 'SGD', 18000, 19000, x'')""",
            (START,),
        )
    (tmp_path / DATABASE).chmod(0o600)

    async def test(shop):
        assert await shop.storage.price("SGD", "+6522") == Price(18_000)
        (record,) = await shop.storage.live_calls()
        assert record.prices == (Price(18_000), Price(19_000))

    in_a_shop(test, tmp_path)


def test_the_schema_itself_refuses_increments_of_nothing(tmp_path):
    """A division by zero would stop every settlement of that deck's calls."""

    async def test(shop):
        await shop.storage.import_tariff("SGD", [Row("65", FAR)])

    in_a_shop(test, tmp_path)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db:
        for column in ("initial", "increment"):
            with pytest.raises(sqlite3.IntegrityError):
                db.execute(f"UPDATE deck_rates SET {column} = 0")
    assert ask(tmp_path, "SELECT initial, increment, fee FROM deck_rates") == [(30, 6, 5_000)]
