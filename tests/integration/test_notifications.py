"""Notifications of a real ``hoiio serve``: through crashes, replays and changed credentials."""

import asyncio

import httpx2
import pytest

from hoiio.server.storage.data import open_data
from hoiio.server.storage.errors import StorageError
from hoiio.wire import webhook_signature
from integration.storage.store import Shop, ask, change
from support.receiver import receiving
from support.service import Service, admin, wait_until


def end_call(service, url):
    """A call of the service's application that ends now, whose end is to be told; its ref."""

    async def work():
        storage = open_data(service.data, create=False)
        try:
            shop = Shop(service.data, storage, await storage.application(service.app_id))
            ref = (await shop.admit(notify_url=url)).ref
            await shop.settle(ref, body=f"txn_ref={ref}&tag=x".encode())
            return ref
        finally:
            await storage.close()

    return asyncio.run(work())


def state(service, ref):
    return admin(service.data, "notifications", "show", ref)["state"]


def test_a_notification_survives_kill_9_in_the_middle_of_its_delivery(tmp_path):
    """It arrives after the restart, under the id that it had before."""
    with receiving(None, 200) as receiver, Service(tmp_path / "data").provision() as service:
        service.start()
        ref = end_call(service, receiver.url)
        wait_until(lambda: receiver.posts, what="the first attempt")
        service.kill()
        assert state(service, ref) == "pending"
        service.start()
        wait_until(lambda: len(receiver.posts) == 2, what="the second attempt")
        assert receiver.ids == [f"msg_1_{ref}"] * 2
        assert receiver.posts[0][1] == receiver.posts[1][1]
        wait_until(lambda: state(service, ref) == "delivered", what="the note of it")
        shown = admin(service.data, "notifications", "show", ref)
        assert [each["answer"] for each in shown["attempts"]] == ["200"]
        assert service.stop() == 0
        logged = service.log.read_text()
        assert "Traceback" not in logged
        assert service.token not in logged


def test_a_replay_is_noticed_by_the_running_service(tmp_path):
    """After it was given up; with a fresh schedule and the same id."""
    with receiving(410, 500, 200) as receiver, Service(tmp_path / "data").provision() as service:
        service.start()
        ref = end_call(service, receiver.url)
        wait_until(lambda: state(service, ref) == "failed", what="the end")
        assert admin(service.data, "notifications", "replay", ref)["next_at"] == "now"
        wait_until(lambda: len(receiver.posts) == 2, what="the replay")
        wait_until(lambda: ask(service.data, "SELECT tries FROM notifications") == [(1,)])
        change(service.data, "UPDATE notifications SET due_at = 1")
        wait_until(lambda: state(service, ref) == "delivered", what="the retry")
        assert receiver.ids == [f"msg_1_{ref}"] * 3


def test_credentials_change_at_once_for_the_service_that_runs(tmp_path):
    """Rotated, kept for a while, revoked; what is posted is signed with the newest."""

    def ask_api(token):
        form = {"app_id": service.app_id, "access_token": token}
        return httpx2.post(service.base_url + "user/get_balance", data=form).json()["status"]

    with receiving() as receiver, Service(tmp_path / "data").provision() as service:
        service.start()
        first = service.token
        rotated = admin(service.data, "app", "rotate", service.app_id)
        second = rotated["access_token"]
        assert rotated["old_token_until"] is None
        assert ask_api(second) == "success_ok"
        assert ask_api(first) == "error_invalid_access_token"
        third = admin(service.data, "app", "rotate", service.app_id, "--keep-old", "1")
        assert third["old_token_until"]
        for token in (second, third["access_token"]):
            assert ask_api(token) == "success_ok"
        assert ask_api(first) == "error_invalid_access_token"
        change(service.data, "UPDATE applications SET former_token_until = 1")
        assert ask_api(second) == "error_invalid_access_token"
        assert ask_api(third["access_token"]) == "success_ok"

        secret = admin(service.data, "app", "rotate", service.app_id, "--signing-secret")
        end_call(service, receiver.url)
        wait_until(lambda: receiver.posts, what="the notification")
        headers, body = receiver.posts[0]
        new, old = headers["webhook-signature"].split(" ")
        stamp = int(headers["webhook-timestamp"])
        assert new == webhook_signature(
            [secret["signing_secret"]], headers["webhook-id"], stamp, body
        )
        assert old != new
        admin(service.data, "app", "revoke", service.app_id)
        assert ask_api(third["access_token"]) == "error_invalid_app_id"


def test_a_copy_of_the_database_alone_opens_nothing(tmp_path):
    """No token or signing secret, old or new, is in its bytes; another secret reads none of it."""
    service = Service(tmp_path / "data").provision()
    made = admin(service.data, "app", "create", "acme")
    rotated = admin(service.data, "app", "rotate", service.app_id, "--keep-old", "1")
    changed = admin(service.data, "app", "rotate", service.app_id, "--signing-secret")
    with receiving(500) as receiver, service:
        service.start()
        end_call(service, receiver.url)
        wait_until(lambda: ask(service.data, "SELECT tries FROM notifications") == [(1,)])
        files = list(service.data.glob("hoiio.db*"))
        assert {file.name for file in files} >= {"hoiio.db", "hoiio.db-wal"}
        raw = b"".join(file.read_bytes() for file in files)
    secrets = [
        service.token,
        rotated["access_token"],
        changed["signing_secret"],
        made["access_token"],
        made["signing_secret"],
    ]
    for secret in secrets:
        bare = secret.removeprefix("hoiio_").removeprefix("whsec_")
        assert bare.encode() not in raw
    assert service.app_id.encode() in raw
    (service.data / "secret").write_text("B" * 43 + "=\n")

    async def opens():
        storage = open_data(service.data, create=False)
        try:
            await storage.application(service.app_id)
        finally:
            await storage.close()

    with pytest.raises(StorageError, match="this secret did not seal this database"):
        asyncio.run(opens())
