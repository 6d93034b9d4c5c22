"""Notifications over real HTTP, to receivers that behave and to some that do not."""

import asyncio
import contextlib
import ipaddress
import socket
from urllib.parse import parse_qs

from structlog.testing import capture_logs

from hoiio.server.notifications import deliverer as module
from hoiio.server.notifications import post
from hoiio.server.notifications.deliverer import EACH, OVERALL, Deliverer
from hoiio.server.notifications.egress import Guard
from hoiio.server.notifications.post import Attempt, Poster
from hoiio.server.storage.protocol import NotificationState
from hoiio.wire import MICROS, signature, webhook_signature
from integration.storage.store import a_shop, another, ask, change, in_a_shop

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NOW = 2_000_000_000 * MICROS
PENDING, DELIVERED, FAILED = NotificationState


def answer(status, *lines):
    return "\r\n".join([f"HTTP/1.1 {status} x", "Content-Length: 0", *lines, "", ""]).encode()


@contextlib.asynccontextmanager
async def receiver(answer, requests, host="127.0.0.1"):
    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        requests.append((head, await reader.readexactly(length)))
        try:
            if answer is None:
                await reader.read()  # until the other side gives up
            else:
                writer.write(answer.pop(0) if isinstance(answer, list) else answer)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0)
    async with server:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}/hook"
        await asyncio.sleep(0.05)  # let a hung connection see that the client is gone


@contextlib.asynccontextmanager
async def picky_receiver(slow, good):
    """A receiver that hangs on ``/slow`` and answers all else."""

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if head.startswith("POST /slow "):
            slow.append(head)
            await reader.read(1)
            await reader.read()
        else:
            good.append(head)
            writer.write(OK)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.sleep(0.05)


async def notify(shop, url, count=1):
    """Ended calls whose ends are to be told; their refs."""
    refs = []
    for _ in range(count):
        ref = (await shop.admit(notify_url=url, hold=0)).ref
        await shop.settle(ref, body=f"txn_ref={ref}&tag=x".encode())
        refs.append(ref)
    return refs


async def crowd(shop, urls):
    """As many notifications, written at once."""
    refs = await notify(shop, "http://127.0.0.1/", len(urls))
    for ref, url in zip(refs, urls, strict=True):
        change(shop.data, "UPDATE notifications SET url = ? WHERE call = ?", url, int(ref[5:]))
    return refs


@contextlib.asynccontextmanager
async def delivering(shop, clock=lambda: NOW, poster=None):
    """A deliverer on the shop's outbox."""
    real = Poster(Guard((ipaddress.ip_network("127.0.0.0/8"),)))
    deliverer = Deliverer(shop.storage, poster or real, clock, lambda: 0.0)
    deliverer.start()
    try:
        yield deliverer
    finally:
        await deliverer.stop()


async def until(true):
    async with asyncio.timeout(20):
        while not (found := true()):
            await asyncio.sleep(0.01)
        return found


class Resolved(Poster):
    """All names are this machine's."""

    def __init__(self):
        super().__init__(Guard((ipaddress.ip_network("127.0.0.0/8"),)))

    async def post(self, url, body, headers):
        port = url.rsplit(":", 1)[1]
        return await super().post(f"http://127.0.0.1:{port}", body, headers)


def rows(shop):
    """What is on record: state, tries, when it is due, and the latest answer."""
    return ask(
        shop.data,
        """SELECT state, tries, due_at, (SELECT coalesce(status, reason) FROM attempts
        WHERE notification = notifications.id ORDER BY id DESC LIMIT 1)
        FROM notifications ORDER BY id""",
    )


async def attempted(shop, times=1):
    """Wait until each was attempted so often; what is on record then."""
    return await until(lambda: all(row[1] >= times for row in rows(shop)) and rows(shop))


def test_a_notification_is_posted_once_with_both_signatures_over_its_raw_body(tmp_path):
    """And no secret in it."""

    async def test(shop):
        requests = []
        async with receiver(OK, requests) as url:
            (ref,) = await notify(shop, url)
            async with delivering(shop):
                assert await attempted(shop) == [("delivered", 1, 0, 200)]
        ((head, body),) = requests
        assert head.startswith("POST /hook ")
        lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        assert lines["content-type"] == "application/x-www-form-urlencoded"
        assert parse_qs(body.decode())["txn_ref"] == [ref]
        assert lines["x-hoiio-signature"] == signature(shop.app.access_token, body)
        message = f"msg_1_{ref}"
        assert lines["webhook-id"] == message.lower()
        assert lines["webhook-timestamp"] == str(NOW // MICROS)
        await shop.storage.replay_notification(ref)
        await shop.storage.queue_notifications(NOW, 9)
        (told,) = (await shop.storage.take_notifications(
            module.Wanted(NOW, NOW + 1, limit=1, each=1, busy={}))).deliveries  # fmt: skip
        signed = webhook_signature(told.signing_secrets, message, NOW // MICROS, body)
        assert f"webhook-signature: {signed}" in head
        assert shop.app.access_token not in head
        assert told.signing_secrets[0] not in head

    in_a_shop(test, tmp_path)


def test_what_fails_is_attempted_again_on_its_schedule_under_the_same_id(tmp_path):
    """Until it arrives; each attempt with its own time, and on record."""

    async def test(shop):
        requests, now = [], [NOW]
        answers = [answer(500), answer(302, "Location: http://127.0.0.1:1/"), answer(204)]
        async with receiver(answers, requests) as url:
            await notify(shop, url)
            async with delivering(shop, lambda: now[0]) as deliverer:
                for times, delay in ((1, 5), (2, 300)):
                    ((state, _, due, _),) = await attempted(shop, times)
                    assert state == "pending"
                    assert delay * MICROS <= due - now[0] < (delay + 2) * MICROS
                    now[0] = due - 1
                    deliverer.wake()
                    await asyncio.sleep(0.05)
                    assert len(requests) == times
                    now[0] = due
                    deliverer.wake()
                ((state, _, _, last),) = await attempted(shop, 3)
                assert (state, last) == ("delivered", 204)
        ids = {head.split("webhook-id: ")[1].split("\r\n")[0] for head, _ in requests}
        times = [head.split("webhook-timestamp: ")[1].split("\r\n")[0] for head, _ in requests]
        assert (len(ids), len(set(times))) == (1, 3)
        assert ask(shop.data, "SELECT status FROM attempts") == [(500,), (302,), (204,)]

    in_a_shop(test, tmp_path)


def test_gone_is_gone_and_the_last_attempt_is_the_last(tmp_path):
    """Both are given up; neither is posted again."""

    async def test(shop):
        requests = []
        async with receiver([answer(410), answer(503)], requests) as url:
            await notify(shop, url, 2)
            change(shop.data, "UPDATE notifications SET tries = 9 WHERE id = 2")
            async with delivering(shop) as deliverer:
                await until(lambda: len(requests) == 2 and {r[0] for r in rows(shop)} == {"failed"})
                deliverer.wake()
                await asyncio.sleep(0.05)
        assert len(requests) == 2

    in_a_shop(test, tmp_path)


def test_a_receiver_that_asks_for_patience_has_it(tmp_path):
    """In seconds or by a date, for any failure; up to a day."""

    async def test(shop):
        requests = []
        asks = [
            answer(429, "Retry-After: 1000"),
            answer(503, "Retry-After: 999999999"),
            answer(500, "Retry-After: Fri, 31 Dec 2199 23:59:59 GMT"),
            answer(503, "Retry-After: 1"),
        ]
        async with receiver(asks, requests) as url:
            await notify(shop, url, 4)
            async with delivering(shop):
                waits = sorted((due - NOW) // MICROS for _, _, due, _ in await attempted(shop))
        assert waits == [5, 1000, 86_400, 86_400]

    in_a_shop(test, tmp_path)


def test_no_answer_at_all_is_a_failure_with_its_reason(tmp_path):
    """A closed port and a URL that is none."""

    async def test(shop):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            await notify(shop, f"http://127.0.0.1:{unused.getsockname()[1]}/")
            await notify(shop, "http://127.0.0.1:port/")
            async with delivering(shop):
                done = await attempted(shop)
        assert [row[0] for row in done] == ["pending", "pending"]
        assert done[1][3] == "not a URL that can be notified"
        assert "cannot connect" in done[0][3]

    in_a_shop(test, tmp_path)


def test_five_hundred_for_a_receiver_that_hangs_delay_no_other(tmp_path):
    """Another's arrives while the first ones still hang; the rest never leave the database."""

    async def test(shop):
        slow, good = [], []
        async with receiver(None, slow) as slow_url, receiver(OK, good) as good_url:
            await notify(shop, slow_url, 500)
            async with delivering(shop) as deliverer:
                await until(lambda: len(slow) == EACH)
                await notify(shop, good_url)
                deliverer.wake()
                await until(lambda: good)
                assert len(deliverer._tasks) <= EACH + 1
                assert len(slow) == EACH
                # That the good one was answered may not be noted yet.
                leased = ask(
                    shop.data,
                    "SELECT url FROM notifications WHERE lease > 0 AND state = 'pending'",
                )
                assert leased.count((slow_url,)) == EACH

    in_a_shop(test, tmp_path)


def test_one_accounts_slow_path_delays_no_other_account_on_the_same_host(tmp_path):
    """What hangs takes its own account's places at that receiver, and nobody else's."""

    async def test(shop):
        slow, good = [], []
        bob = await another(shop, "bob")
        async with picky_receiver(slow, good) as base:
            await notify(shop, f"{base}/slow", 24)
            async with delivering(shop) as deliverer:
                await until(lambda: len(slow) == EACH)
                await notify(bob, f"{base}/ok")
                deliverer.wake()
                await until(lambda: good)
                assert len(slow) == EACH

    in_a_shop(test, tmp_path)


def test_an_account_whose_many_receivers_hang_leaves_room_for_every_other(tmp_path):
    """Two hundred hosts, four for each, take half of all the places; others come at once."""

    async def test(shop):
        slow, good = [], []
        bob = await another(shop, "bob")
        async with receiver(None, slow) as slow_url, receiver(OK, good) as good_url:
            hosts = [slow_url.replace("127.0.0.1", f"h{n}.example") for n in range(200)]
            await crowd(shop, hosts * EACH)
            async with delivering(shop, poster=Resolved()) as deliverer:
                await until(lambda: len(slow) == OVERALL // 2)
                await notify(bob, good_url, 3)
                deliverer.wake()
                await until(lambda: len(good) == 3)
                assert len(slow) == OVERALL // 2

    in_a_shop(test, tmp_path, credit=10**9)


def test_a_crowd_of_slow_receivers_delays_nobody_and_none_of_them_is_flooded(tmp_path):
    """A hundred and twenty hang, each by itself, and one more that has many waiting."""

    async def test(shop):
        slow, good = [], []
        async with receiver(None, slow) as slow_url, receiver(OK, good) as good_url:
            others = [slow_url.replace("127.0.0.1", f"h{n}.example") for n in range(120)]
            await crowd(shop, [*[slow_url] * 2 * EACH, *others, good_url])
            async with delivering(shop, poster=Resolved()):
                await until(lambda: good and len(slow) == EACH + len(others))

    in_a_shop(test, tmp_path, credit=10**9)


def test_thousands_that_are_due_are_never_in_memory_together(tmp_path, monkeypatch):
    """However many receivers they are for: so many at once, and all arrive in the end."""
    monkeypatch.setattr(module, "OVERALL", 8)
    most = [0]

    class Watched:
        async def post(self, url, body, headers):
            most[0] = max(most[0], len(deliverers[0]._tasks))
            await asyncio.sleep(0)
            return Attempt(200)

    deliverers = []

    async def test(shop):
        await crowd(shop, [f"http://h{n % 50}.example/" for n in range(1000)])
        async with delivering(shop, poster=Watched()) as deliverer:
            deliverers.append(deliverer)
            await until(lambda: rows(shop)[-1] and {r[0] for r in rows(shop)} == {"delivered"})
        assert most[0] == 4  # half of all, for it is of one account

    in_a_shop(test, tmp_path, credit=10**9)
    assert OVERALL == 256


def test_an_answer_has_fifteen_seconds_in_all_and_no_more(tmp_path, monkeypatch):
    """Each attempt its own; those that wait for room begin theirs when they have it."""
    monkeypatch.setattr(post, "TIMEOUT", 0.3)

    async def test(shop):
        slow = []
        async with receiver(None, slow) as url:
            await notify(shop, url, EACH + 1)
            async with delivering(shop):
                assert {row[3] for row in await attempted(shop)} == {"no answer within 0.3 s"}
        assert len(slow) == EACH + 1

    in_a_shop(test, tmp_path)


def test_a_receivers_cookies_are_not_kept(tmp_path):
    """Customers share the client."""

    async def test(shop):
        requests = []
        async with receiver(answer(200, "Set-Cookie: mine=1; Path=/"), requests) as url:
            await notify(shop, url, EACH + 1)
            async with delivering(shop):
                await attempted(shop)
        assert len(requests) == EACH + 1
        assert not any("cookie:" in head.lower() for head, _ in requests)

    in_a_shop(test, tmp_path)


def test_what_cannot_be_signed_is_not_posted_and_waits_for_the_right_secret(tmp_path):
    """The reason is on record, and its turn comes again."""

    async def test(shop):
        requests = []
        async with receiver(OK, requests) as url:
            await notify(shop, url)
            change(shop.data, "UPDATE applications SET sealed_token = ?", bytes(40))
            async with delivering(shop):
                ((state, _, due, reason),) = await attempted(shop)
        assert (state, requests) == ("pending", [])
        assert due > NOW
        assert "was not sealed with this secret" in reason

    in_a_shop(test, tmp_path)


def test_what_fails_on_our_side_is_told_and_loses_nothing(tmp_path, monkeypatch):
    """An outbox that cannot be read, a poster that raises, a note that cannot be written."""
    monkeypatch.setattr(module, "LOOK_EVERY", 0.05)
    failures = {"read": 1, "note": 1}

    async def test(shop):
        real_take, real_note = shop.storage.take_notifications, shop.storage.note_attempt

        async def take(wanted):
            if failures["read"]:
                failures["read"] -= 1
                raise OSError("disk on fire")
            return await real_take(wanted)

        async def note(*words):
            if failures["note"]:
                failures["note"] -= 1
                raise OSError("disk full")
            await real_note(*words)

        class Broken:
            async def post(self, url, body, headers):
                raise RuntimeError("a bug")

        monkeypatch.setattr(shop.storage, "take_notifications", take)
        monkeypatch.setattr(shop.storage, "note_attempt", note)
        now = [NOW]
        await notify(shop, "http://127.0.0.1/")
        async with delivering(shop, lambda: now[0], Broken()):
            await until(lambda: not failures["note"])
            assert rows(shop) == [("pending", 0, NOW + 60 * MICROS, None)]
            now[0] += 60 * MICROS
            ((state, _, _, reason),) = await attempted(shop)
        assert (state, reason) == ("pending", "RuntimeError")

    with capture_logs() as lines:
        in_a_shop(test, tmp_path)
    errors = [line["event"] for line in lines if line["log_level"] == "error"]
    assert errors == ["the outbox could not be read; trying again", *["notification"] * 3]


def test_a_lack_of_open_files_here_is_no_attempt_and_is_tried_again_soon(tmp_path):
    """Nothing on record, its place on the schedule kept; the next time it arrives."""
    answers = [Attempt(None, post.NO_FILES, ours=True)] * 2 + [Attempt(200)]

    class Short:
        async def post(self, url, body, headers):
            return answers.pop(0)

    async def test(shop):
        now = [NOW]
        await notify(shop, "http://127.0.0.1/")
        async with delivering(shop, lambda: now[0], Short()) as deliverer:
            for _ in range(2):
                due = now[0] + int(module.PUT_OFF * MICROS)
                await until(lambda due=due: rows(shop) == [("pending", 0, due, None)])
                now[0] = due
                deliverer.wake()
            assert (await attempted(shop))[0] == ("delivered", 1, 0, 200)
        assert ask(shop.data, "SELECT count(*) FROM attempts") == [(1,)]

    in_a_shop(test, tmp_path)


def test_what_the_stop_itself_settled_is_still_delivered(tmp_path):
    """And what is not answered by then is attempted in the next life."""

    async def test(shop):
        requests, slow = [], []
        async with receiver(OK, requests) as url, receiver(None, slow) as slow_url:
            async with delivering(shop) as deliverer:
                await asyncio.sleep(0.05)
                await notify(shop, url)
                await notify(shop, slow_url)
                assert not deliverer._tasks
            assert len(requests) == len(slow) == 1
            assert [row[0] for row in rows(shop)] == ["delivered", "pending"]
            async with delivering(shop):
                await until(lambda: len(slow) == 2)
            assert len(requests) == 1

    in_a_shop(test, tmp_path)


def test_a_token_rotated_meanwhile_signs_the_next_attempt(tmp_path):
    """Both signing secrets sign while they overlap."""

    async def test(shop):
        requests, now = [], [NOW]
        async with receiver([answer(500), OK], requests) as url:
            await notify(shop, url)
            async with delivering(shop, lambda: now[0]) as deliverer:
                ((_, _, due, _),) = await attempted(shop)
                await shop.storage.rotate_token(shop.app.app_id, "new-token", 0)
                await shop.storage.rotate_secret(shop.app.app_id, "whsec_bmV3", NOW * 2)
                now[0] = due
                deliverer.wake()
                await attempted(shop, 2)
        head, body = requests[1]
        assert f"x-hoiio-signature: {signature('new-token', body)}" in head.lower()
        signed = head.split("webhook-signature: ")[1].split("\r\n")[0].split(" ")
        message = head.split("webhook-id: ")[1].split("\r\n")[0]
        assert len(signed) == 2
        assert signed[0] == webhook_signature(["whsec_bmV3"], message, due // MICROS, body)

    in_a_shop(test, tmp_path)


def test_what_a_revoked_application_was_to_be_told_it_is_told(tmp_path):
    """Its calls ended all the same."""

    async def test():
        async with a_shop(tmp_path) as shop, receiver(OK, []) as url:
            await notify(shop, url)
            await shop.storage.revoke(shop.app.app_id)
            async with delivering(shop):
                assert (await attempted(shop))[0][0] == "delivered"

    asyncio.run(test())
