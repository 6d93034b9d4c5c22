"""The outbox: what waits in it is never lost, leased to one, and taken from each in turn."""

import asyncio
import sqlite3
import time
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.storage import migrate as migrating
from hoiio.server.storage import outbox
from hoiio.server.storage.data import DATABASE, SECRET, open_data
from hoiio.server.storage.errors import Conflict, Unknown
from hoiio.server.storage.protocol import AttemptRecord, NotificationState, Wanted
from hoiio.server.storage.queries import SQL
from integration.storage.store import (
    START,
    a_shop,
    another,
    ask,
    change,
    due,
    in_a_shop,
    noted,
    settling,
)

PENDING, DELIVERED, FAILED = NotificationState
NOW = 2_000_000_000_000_000
MINUTE = 60_000_000


def wanted(now=NOW, **changes):
    values = {"until": now + MINUTE, "limit": 200, "each": 4, "busy": {}}
    return Wanted(now, **(values | changes))


async def notify(shop, url="http://127.0.0.1/hook"):
    """An ended call whose end is to be told; its ref."""
    ref = (await shop.admit(notify_url=url)).ref
    await shop.settle(ref, body=ref.encode())
    return ref


async def take(shop, now=NOW, **options):
    await shop.storage.queue_notifications(now, 1000)
    return await shop.storage.take_notifications(wanted(now, **options))


def test_what_is_due_is_leased_to_one_taker_oldest_first_with_what_signs_it(tmp_path):
    """However many takers ask at once."""

    async def test(shop):
        refs = [await notify(shop) for _ in range(5)]
        await shop.storage.queue_notifications(NOW, 1000)
        asked = [shop.storage.take_notifications(wanted(limit=4, each=2)) for _ in range(6)]
        taken = [each for some in await asyncio.gather(*asked) for each in some.deliveries]
        assert [each.ref for each in taken] == refs
        assert [each.body for each in taken] == [ref.encode() for ref in refs]
        assert {each.access_token for each in taken} == {shop.app.access_token}
        assert all(each.signing_secrets[0].startswith("whsec_") for each in taken)
        assert {(each.queue, each.tries) for each in taken} == {((1, "127.0.0.1"), 0)}
        assert shop.app.access_token not in repr(taken)
        assert taken[0].signing_secrets[0] not in repr(taken)

    in_a_shop(test, tmp_path)


def test_nobody_is_notified_who_did_not_ask(tmp_path):
    """No body, no row."""

    async def test(shop):
        plain = await shop.admit()
        await shop.storage.advance(plain.ref, settling(body=None))
        assert await due(shop.storage) == []

    in_a_shop(test, tmp_path)


def test_a_delivery_of_which_nothing_was_noted_comes_back_when_its_lease_is_over(tmp_path):
    """And not before."""

    async def test(shop):
        ref = await notify(shop)
        (first,) = (await take(shop)).deliveries
        assert (await take(shop, now=NOW + MINUTE - 1)).deliveries == []
        (again,) = (await take(shop, now=NOW + MINUTE)).deliveries
        assert (again.ref, again.id, again.tries) == (ref, first.id, 0)

    in_a_shop(test, tmp_path)


def test_leases_of_an_earlier_life_end_when_a_service_starts(tmp_path):
    """Killed between taking and noting: due at once. What waits for a later try goes on waiting."""

    async def test(shop):
        refs = [await notify(shop) for _ in range(2)]
        _, tried = (await take(shop)).deliveries
        await noted(shop.storage, tried, PENDING, due_at=NOW + 10 * MINUTE, status=503)
        other = open_data(tmp_path)
        await other.release_notifications()
        await other.queue_notifications(NOW, 1000)
        taken = (await other.take_notifications(wanted())).deliveries
        await other.close()
        assert [each.ref for each in taken] == refs[:1]

    in_a_shop(test, tmp_path)


def test_each_attempt_is_on_record_and_the_next_is_due_when_it_was_said(tmp_path):
    """With its time, its answer or the reason for none, and how long it took."""

    async def test(shop):
        ref = await notify(shop)
        (first,) = (await take(shop)).deliveries
        record = AttemptRecord(NOW, 15_000_000, None, "timeout")
        await shop.storage.note_attempt(first, record, PENDING, NOW + 5)
        assert (await take(shop, now=NOW + 4)).deliveries == []
        (second,) = (await take(shop, now=NOW + 5)).deliveries
        assert second.tries == 1
        answered = AttemptRecord(NOW + 5, 20_000, 204, "")
        await shop.storage.note_attempt(second, answered, DELIVERED, 0)
        assert (await take(shop, now=NOW * 2)).deliveries == []
        told = await shop.storage.notification(ref)
        assert told.attempts == [record, answered]
        assert (told.notice.state, told.notice.last_status) == (DELIVERED, 204)

    in_a_shop(test, tmp_path)


def test_a_stale_note_is_kept_as_an_attempt_and_decides_nothing(tmp_path):
    """Its lease was over, or somebody asked for a replay meanwhile: the newer attempt counts."""

    async def test(shop):
        ref = await notify(shop)
        (stale,) = (await take(shop)).deliveries
        await shop.storage.replay_notification(ref)
        (fresh,) = (await take(shop, now=NOW + 1)).deliveries
        await noted(shop.storage, stale, FAILED, reason="timeout")
        assert (await shop.storage.notification(ref)).notice.state == PENDING
        await noted(shop.storage, fresh, DELIVERED, status=200)
        told = await shop.storage.notification(ref)
        assert (told.notice.state, len(told.attempts)) == (DELIVERED, 2)

    in_a_shop(test, tmp_path)


def test_one_receivers_hundreds_take_no_place_from_anothers(tmp_path):
    """Each has as many places as are left of its own; names differ in case only for people."""

    async def test(shop):
        for _ in range(300):
            await notify(shop, "http://DEAD.example:8080/x")
        good = await notify(shop, "https://good.example/x")
        taken = (await take(shop, each=4, busy={(1, "dead.example:8080"): 1})).deliveries
        assert [each.queue[1] for each in taken] == ["dead.example:8080"] * 3 + ["good.example"]
        assert taken[-1].ref == good

    in_a_shop(test, tmp_path)


def test_where_there_is_not_room_for_all_receivers_each_has_its_turn(tmp_path):
    """The next take goes on behind the last one's last receiver, however few it looks at."""

    async def test(shop):
        for n in range(7):
            await notify(shop, f"http://h{n}.example/")
        seen, turns = [], {}
        for _ in range(5):
            taken = await take(shop, limit=3, turns=turns)
            seen.append([each.queue[1][:2] for each in taken.deliveries])
            turns = taken.turns
        assert seen == [["h0", "h1"], ["h2", "h3"], ["h4", "h5"], ["h6"], []]
        assert not any(turns.values())

    in_a_shop(test, tmp_path)


def test_one_accounts_places_at_a_receiver_are_not_anothers(tmp_path):
    """Two accounts of one receiver do not wait for each other there."""

    async def test(shop):
        other = await another(shop, "bob")
        for _ in range(20):
            await notify(shop, "http://shared.example/")
        theirs = await notify(other, "http://shared.example/")
        taken = await take(shop, busy={(1, "shared.example"): 4})
        assert [(each.queue, each.ref) for each in taken.deliveries] == [
            ((2, "shared.example"), theirs)
        ]

    in_a_shop(test, tmp_path)


def test_an_account_takes_no_more_places_than_it_leaves_free(tmp_path):
    """Its receivers are many; whoever comes next finds half of what is left, and so on."""

    async def test(shop):
        shops = [shop, await another(shop, "bob"), await another(shop, "cy")]
        for one in shops:
            for n in range(40):
                await notify(one, f"http://h{n}.example/")
        taken = await take(shop, limit=64)
        counts = Counter(each.queue[0] for each in taken.deliveries)
        assert counts == {1: 32, 2: 16, 3: 8}
        assert taken.short
        busy = Counter(each.queue for each in taken.deliveries)
        more = await take(shop, limit=64 - busy.total(), busy=busy, turns=taken.turns)
        assert (more.deliveries, more.short) == ([], True)

    in_a_shop(test, tmp_path)


@given(st.lists(st.integers(0, 300), max_size=8), st.integers(256, 1000))
def test_however_many_places_some_accounts_want_the_next_one_finds_one(wishes, places):
    """Also the eighth of those that want all there is."""
    free = places
    for wish in wishes:
        got = min(wish, outbox.share(free, 0))
        free -= got
        assert outbox.share(free, got) == 0 or got == wish
    assert outbox.share(free, 0) >= 1


def test_no_room_is_told_and_the_account_that_found_none_is_next(tmp_path):
    """Who comes late in the walk is not passed over."""

    async def test(shop):
        other = await another(shop, "bob")
        for one in (shop, other):
            await notify(one)
        taken = await take(shop, limit=1)
        assert [each.queue[0] for each in taken.deliveries] == [1]
        assert (taken.start, taken.short) == (2, True)
        rest = await take(shop, limit=9, start=taken.start)
        assert [each.queue[0] for each in rest.deliveries] == [2]
        assert (rest.start, rest.short) == (0, False)

    in_a_shop(test, tmp_path)


def test_a_take_looks_at_so_many_receivers_and_no_more(tmp_path, monkeypatch):
    """Calls wait for no walk over thousands of dead ones."""
    monkeypatch.setattr(outbox, "PROBES", 4)

    async def test(shop):
        for n in range(5):
            await notify(shop, f"http://h{n}.example/")
        busy = {(1, f"h{n}.example"): 4 for n in range(4)}
        first = await take(shop, busy=busy)
        assert (first.deliveries, first.start, first.turns) == ([], 1, {1: "h2.example"})
        rest = await take(shop, busy=busy, turns=first.turns, start=first.start)
        assert [each.queue[1] for each in rest.deliveries] == ["h4.example"]

    in_a_shop(test, tmp_path)


def test_what_is_not_due_costs_a_look_nothing(tmp_path):
    """Neither steps in the database nor a transaction that writes, be it a thousand times more."""

    def steps(work):
        """What the database does for it, in instructions."""
        counted = [0]

        def count():
            counted[0] += 1

        def job(db):
            db.set_progress_handler(count, 1)
            try:
                work(db)
            finally:
                db.set_progress_handler(None, 0)
            return counted[0]

        return job

    async def test(shop):
        ref = await notify(shop)
        await noted(shop.storage, (await take(shop)).deliveries[0], PENDING, due_at=NOW + MINUTE)
        storage, asked = shop.storage, wanted()
        looks = [
            lambda db: outbox.waiting(db, NOW, 500),
            outbox.any_queued,
            lambda db: outbox.take(db, storage._sealer, asked),
        ]
        few = [await storage._write(steps(look)) for look in looks]
        many_calls(tmp_path, 10_000)
        change(
            tmp_path,
            """INSERT INTO notifications (call, url, body, created_at, receiver, due_at)
            SELECT id, '', x'', 0, 'h' || id || '.example', ? FROM calls WHERE id > 5000000""",
            NOW + MINUTE,
        )
        assert [await storage._write(steps(look)) for look in looks] == few
        writes = []
        real = storage._writer.submit
        storage._writer.submit = lambda job: writes.append(job) or real(job)
        assert await storage.queue_notifications(NOW, 500) == 0
        assert (await storage.take_notifications(asked)).deliveries == []
        assert writes == []
        taken = await take(shop, now=NOW + MINUTE, limit=2)
        assert [each.ref for each in taken.deliveries] == [ref]
        assert writes

    in_a_shop(test, tmp_path)


def many_calls(data, count):
    """Ended calls, numbered from 5000001 on."""
    change(
        data,
        """WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO calls (id, application, account, ordinal, date, dest1, dest2, status1,
        status2, room, tag, notify_url, currency, rate1, rate2, live, state)
        SELECT 5000000 + i, 1, 1, 5000000 + i, 0, '', '', '', '', '', '', '', 'SGD', 0, 0,
        0, x'' FROM n""",
        count,
    )


def test_a_url_that_names_nobody_is_somebodys_too(tmp_path):
    """None is left behind as never looked at."""

    async def test(shop):
        for url in ("nonsense", "http://[", "http:///x"):
            await notify(shop, url)
        assert [each.queue[1] for each in (await take(shop)).deliveries] == ["?"] * 3

    in_a_shop(test, tmp_path)


QUERIES = ["waiting_notifications", "next_queue", "next_receiver", "take_notifications"]


@pytest.mark.parametrize("query", QUERIES)
def test_the_outbox_is_never_scanned(tmp_path, query):
    """Whatever is delivered already costs nothing, nor what waits for somebody else."""
    asyncio.run(open_data(tmp_path).close())
    names = ("after", "until", "now", "receiver", "queue", "start", "limit")
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db:
        values = dict.fromkeys(names, 1)
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {SQL[query]}", values)]
    steps = [step for step in plan if "notifications" in step]
    assert steps
    assert all("INDEX" in step or "PRIMARY KEY" in step for step in steps), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


def test_a_secret_that_does_not_open_is_told_and_holds_up_no_other(tmp_path):
    """The delivery says why, and signs nothing."""

    async def test(shop):
        other = await shop.storage.create_app(shop.app.account.id)
        lost = await shop.admit()
        kept = await shop.admit(application=other.id)
        for call in (lost, kept):
            await shop.settle(call.ref, body=b"x")
        for column in ("sealed_token", "sealed_secret"):
            change(tmp_path, f"UPDATE applications SET {column} = ? WHERE id = 1", bytes(40))
            change(tmp_path, "UPDATE notifications SET due_at = 0")
            bad, good = await due(shop.storage)
            assert "was not sealed with this secret" in bad.problem
            assert (good.ref, good.problem) == (kept.ref, "")

    in_a_shop(test, tmp_path)


# --- again --------------------------------------------------------------------------------------


def test_a_replay_is_due_at_once_on_a_fresh_schedule_under_the_same_number(tmp_path):
    """Also of what arrived; what was attempted before stays on record."""

    async def test(shop):
        ref = await notify(shop)
        (first,) = (await take(shop)).deliveries
        await noted(shop.storage, first, DELIVERED, status=200)
        replayed = await shop.storage.replay_notification(ref)
        assert (replayed.state, replayed.due_at, replayed.attempts) == (PENDING, 0, 1)
        (again,) = (await take(shop)).deliveries
        assert (again.id, again.tries) == (first.id, 0)
        assert again.body == first.body

    in_a_shop(test, tmp_path)


def test_what_was_purged_is_not_sent_with_masked_numbers(tmp_path):
    """Refused, and nothing changes."""

    async def test(shop):
        ref = (await shop.admit(notify_url="http://127.0.0.1/?n=%2B6587654321")).ref
        await shop.settle(ref, body=b"dest1=%2B6587654321")
        (delivery,) = await due(shop.storage)
        await noted(shop.storage, delivery, FAILED, status=410)
        assert (await shop.storage.purge(START + 1)).notifications == 1
        with pytest.raises(Conflict, match="purged"):
            await shop.storage.replay_notification(ref)
        assert (await shop.storage.notification(ref)).notice.state == FAILED

    in_a_shop(test, tmp_path)


def test_unknown_notifications_are_told(tmp_path):
    """By number, by ref, by what is neither."""

    async def test(shop):
        for name in ("1", "AA-C-1000001", "x", "", "-1", "9" * 30, "\u0661"):
            with pytest.raises(Unknown):
                await shop.storage.notification(name)
            with pytest.raises(Unknown):
                await shop.storage.replay_notification(name)

    in_a_shop(test, tmp_path)


# --- from an earlier version --------------------------------------------------------------------


def test_a_database_of_before_keeps_what_it_attempted_and_sends_what_it_did_not(
    tmp_path, monkeypatch
):
    """Its applications have no signing secret, so their notifications carry the old signature."""
    scripts = migrating.migrations()
    before = next(n for n, text in enumerate(scripts) if "CREATE TABLE attempts" in text)
    monkeypatch.setattr(migrating, "migrations", lambda: scripts[:before])
    tmp_path.chmod(0o700)
    (tmp_path / DATABASE).touch(0o600)
    (tmp_path / DATABASE).chmod(0o600)
    with closing(sqlite3.connect(tmp_path / DATABASE, isolation_level=None)) as db:
        migrating.migrate(db)
    monkeypatch.undo()
    (tmp_path / SECRET).write_text("A" * 43 + "=")
    (tmp_path / SECRET).chmod(0o600)
    sealed = outbox.Sealer(bytes(32)).seal("old-token", "old")
    change(tmp_path, "INSERT INTO accounts (id, name, currency, created_at) VALUES (1,'a','SGD',0)")
    change(
        tmp_path,
        "INSERT INTO applications (id, account, app_id, sealed_token, created_at) "
        "VALUES (1, 1, 'old', ?, 0)",
        sealed,
    )
    outcomes = [("200", 1), ("302", 1), ("ConnectError", 1), (None, 1), (None, 0)]
    for n, (outcome, attempted) in enumerate(outcomes, 1):
        change(
            tmp_path,
            """INSERT INTO calls (id, application, account, ordinal, date, dest1, dest2, status1,
            status2, room, tag, notify_url, currency, rate1, rate2, live, state)
            VALUES (?, 1, 1, ?, 0, '', '', '', '', '', '', '', 'SGD', 0, 0, 0, x'')""",
            n,
            n,
        )
        change(
            tmp_path,
            "INSERT INTO notifications (call, url, body, attempted, outcome, created_at) "
            "VALUES (?, 'http://h.example/', x'61', ?, ?, 7)",
            n,
            attempted,
            outcome,
        )

    async def after():
        storage = open_data(tmp_path)
        (waiting,) = await due(storage)
        assert (waiting.id, waiting.access_token, waiting.signing_secrets) == (5, "old-token", ())
        await storage.rotate_secret("old", "whsec_bmV3", MINUTE)
        await storage.replay_notification("1")
        (again,) = await due(storage)
        assert (again.id, again.signing_secrets) == (1, ("whsec_bmV3",))
        await storage.close()

    asyncio.run(after())
    states = ask(tmp_path, "SELECT state, tries FROM notifications WHERE id > 1 ORDER BY id")
    assert states == [("failed", 1), ("failed", 1), ("failed", 1), ("pending", 0)]
    assert ask(tmp_path, "SELECT notification, at, status, reason FROM attempts ORDER BY id") == [
        (1, 7, 200, ""),
        (2, 7, 302, ""),
        (3, 7, None, "ConnectError"),
    ]


def test_ten_thousand_that_wait_for_the_dead_cost_a_take_a_probe(tmp_path):
    """Bounded in rows, whatever is due."""

    async def test(shop):
        await notify(shop, "http://good.example/")
        ref = await notify(shop, "http://dead.example/")
        many_calls(tmp_path, 10_000)
        change(
            tmp_path,
            """INSERT INTO notifications (call, url, body, created_at)
            SELECT id, 'http://dead.example/', x'', 0 FROM calls WHERE id > 5000000""",
        )
        queued = [await shop.storage.queue_notifications(NOW, 4000) for _ in range(4)]
        assert queued == [4000, 4000, 2002, 0]
        taken = await shop.storage.take_notifications(wanted())
        assert len(taken.deliveries) == 5
        assert taken.deliveries[0].ref == ref
        assert taken.deliveries[-1].queue == (1, "good.example")

    in_a_shop(test, tmp_path)


def test_only_one_of_two_services_ever_holds_a_lease(tmp_path):
    """Two processes' storages at once: no notification is leased twice."""

    async def test():
        async with a_shop(tmp_path) as shop:
            for _ in range(40):
                await notify(shop)
            other = open_data(tmp_path)
            now = time.time_ns() // 1000
            await shop.storage.queue_notifications(now, 100)
            asked = [
                storage.take_notifications(wanted(now, each=3))
                for storage in (shop.storage, other) * 8
            ]
            taken = [each.id for some in await asyncio.gather(*asked) for each in some.deliveries]
            await other.close()
            assert sorted(taken) == sorted(set(taken))
            assert len(taken) == 40

    asyncio.run(test())


def test_a_former_signing_secret_signs_until_its_time_is_over(tmp_path):
    """At that instant no more."""

    async def test(shop):
        await notify(shop)
        await shop.storage.rotate_secret(shop.app.app_id, "whsec_bmV3", MINUTE)
        [(end,)] = ask(tmp_path, "SELECT former_secret_until FROM applications")
        (both,) = (await take(shop, now=end - 1, until=0)).deliveries
        (one,) = (await take(shop, now=end)).deliveries
        assert len(both.signing_secrets) == 2
        assert both.signing_secrets[0] == "whsec_bmV3"
        assert one.signing_secrets == ("whsec_bmV3",)

    in_a_shop(test, tmp_path)


def test_what_is_replayed_while_it_is_purged_keeps_its_numbers(tmp_path):
    """It is pending again when the purge comes to write it."""

    async def test(shop):
        ref = await notify(shop)
        (delivery,) = await due(shop.storage)
        await noted(shop.storage, delivery, FAILED, status=410)
        await shop.storage.replay_notification(ref)
        mask = {"id": delivery.id, "url": "***", "body": b"***", "receiver": "***"}
        await shop.storage._write(lambda db: db.execute(SQL["mask_notification"], mask).rowcount)
        assert (await shop.storage.notification(ref)).body == delivery.body

    in_a_shop(test, tmp_path)
