"""Places in conference rooms: taken at admission, given back as each participant ends."""

from __future__ import annotations

import sqlite3

from hoiio import wire
from hoiio.server.storage.queries import SQL
from hoiio.server.storage.rows import must, one


def take(db: sqlite3.Connection, application: int, name: str, people: int) -> str | None:
    """Take places for people in a room, made if need be; its name, None when they do not fit.

    Without a name a room of a name that is not in use is made.
    """
    if people > wire.ROOM_SIZE:
        return None
    if not name:
        return _open(db, application, people)
    taken = one(
        db, "take_places", application=application, name=name, people=people, size=wire.ROOM_SIZE
    )
    return None if taken is None else name


def _open(db: sqlite3.Connection, application: int, people: int) -> str:
    while True:
        (number,) = must(db, "next_value", name="room")
        name = f"R{number}"
        # An application may have used such a name for a room of its own.
        if one(db, "open_room", application=application, name=name, people=people) is not None:
            return name


def leave(db: sqlite3.Connection, application: int, name: str) -> None:
    """Give one place back; a room that is empty is free again."""
    (people,) = must(db, "leave_room", application=application, name=name)
    if people == 0:
        db.execute(SQL["close_room"], {"application": application, "name": name})
