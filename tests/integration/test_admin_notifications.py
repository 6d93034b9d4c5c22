"""``hoiio admin notifications``: what arrived, what did not and why, and sending it again."""

import json

import pytest

from hoiio.server.storage.protocol import NotificationState
from integration.storage.store import START, ask, due, in_a_shop, noted
from support.admin import Admin, run

PENDING, DELIVERED, FAILED = NotificationState
COLUMNS = [
    "id",
    "ref",
    "app_id",
    "account",
    "receiver",
    "state",
    "attempts",
    "last_at",
    "last_answer",
    "next_at",
    "created_at",
]


@pytest.fixture
def admin(tmp_path):
    """With four notifications: one of each state, and one that nobody looked at yet."""
    admin = Admin(tmp_path)

    async def fill(shop):
        async def end():
            url = "http://h.example/?access_token=theirs&n=%2B6587654321"
            ref = (await shop.admit(notify_url=url)).ref
            await shop.settle(ref, body=b"dest1=%2B6587654321&access_token=theirs")

        for _ in range(3):
            await end()
        one, two, three = await due(shop.storage)
        await noted(shop.storage, one, DELIVERED, status=200)
        await noted(shop.storage, two, PENDING, reason="timeout", due_at=START)
        await noted(shop.storage, three, FAILED, status=410)
        await end()
        admin.app = shop.app

    in_a_shop(fill, admin.data)
    return admin


def ids(told):
    return [each["id"] for each in told["notifications"]]


def test_what_has_not_arrived_is_listed_newest_first(admin):
    """By default; by state, by account and by application."""
    told = admin("notifications", "list")
    assert ids(told) == [4, 3, 2]
    assert told["total"] == 3
    assert [list(each) for each in told["notifications"]] == [COLUMNS] * 3
    newest, failed, pending = told["notifications"]
    assert (newest["state"], newest["next_at"], newest["last_answer"]) == ("pending", "now", None)
    assert (failed["state"], failed["next_at"], failed["last_answer"]) == ("failed", None, "410")
    assert (pending["attempts"], pending["last_answer"]) == (1, "timeout")
    assert pending["next_at"] == pending["last_at"] == "2023-11-14T22:13:20.000000Z"
    assert pending["receiver"] == "h.example"
    assert ids(admin("notifications", "list", "--failed")) == [3]
    assert ids(admin("notifications", "list", "--pending")) == [4, 2]
    assert ids(admin("notifications", "list", "--all")) == [4, 3, 2, 1]
    some = admin("notifications", "list", "--all", "--limit", "1")
    assert (ids(some), some["total"]) == ([4], 4)
    admin("account", "create", "bob")
    for owner, found in (("ann", 3), ("AA-1", 3), (admin.app.app_id, 3), ("bob", 0)):
        assert admin("notifications", "list", owner)["total"] == found
    other = admin("app", "create", "ann")["app_id"]
    assert admin("notifications", "list", other) == {"total": 0, "notifications": []}


def test_one_is_shown_with_each_attempt_and_no_secret(admin):
    """The numbers in it are the operator's to see; tokens are not."""
    told = admin("notifications", "show", "2")
    assert told == admin("notifications", "show", told["ref"])
    assert told["attempts"] == [
        {"at": "2023-11-14T22:13:20.000000Z", "took_ms": 1, "answer": "timeout"}
    ]
    assert told["webhook_id"] == f"msg_2_{told['ref']}"
    assert told["body"] == "dest1=%2B6587654321&access_token=***"
    assert told["url"] == "http://h.example/?access_token=***&n=%2B6587654321"
    shown = json.dumps(told)
    assert admin.app.access_token not in shown
    assert "theirs" not in shown
    assert "whsec_" not in shown


def test_one_is_sent_again(admin):
    """Due now; what was attempted stays on record."""
    told = admin("notifications", "replay", "3")
    assert (told["state"], told["next_at"], told["attempts"]) == ("pending", "now", 1)
    assert ask(admin.data, "SELECT tries FROM notifications WHERE id = 3") == [(0,)]


def test_tables_for_people(admin):
    """A list's own columns, also when it is empty; a notification's attempts."""

    def shown(*words):
        words = ("notifications", *words, "--pretty", "--data", str(admin.data))
        return run(*words, folder=".").stdout.splitlines()

    assert [shown("list")[0].split(), len(shown("list"))] == [COLUMNS, 5]
    admin("account", "create", "bob")
    assert shown("list", "bob")[0].split() == COLUMNS
    assert shown("show", "2")[0].split() == ["at", "took_ms", "answer"]
    assert shown("show", "4")[0].split() == ["at", "took_ms", "answer"]
    assert shown("replay", "3")[0].split() == COLUMNS


def test_wrong_use_is_one_line(admin):
    """With what to do about it."""
    assert "no account 'nobody'" in admin.refused("notifications", "list", "nobody")
    assert "exclude each other" in admin.refused("notifications", "list", "--all", "--failed")
    assert "--limit" in admin.refused("notifications", "list", "--limit", "0")
    for name in ("99", "AA-C-1", "x"):
        assert "no notification" in admin.refused("notifications", "show", name)
        assert "no notification" in admin.refused("notifications", "replay", name)
    admin("purge", "--before", "2024-01-01")
    assert "were purged" in admin.refused("notifications", "replay", "1")
    assert admin("notifications", "show", "1")["masked"] is True
