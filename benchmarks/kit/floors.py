"""Raw floors: what the same rows cost with nothing but ``sqlite3``."""

import sqlite3
import time

SCHEMA = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, up INTEGER NOT NULL);
CREATE TABLE calls (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE entries (id INTEGER PRIMARY KEY, call INTEGER NOT NULL, amount INTEGER NOT NULL);
INSERT INTO accounts VALUES (1, 1000000000000000, 0);
"""


def bare_sqlite(folder, seconds, units_a_commit):
    """Charges with a record each, a second: one update and two inserts, this many to a commit."""
    path = folder / f"bare-{time.monotonic_ns()}.db"
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(SCHEMA)
    done, began = 0, time.perf_counter()
    while time.perf_counter() < began + seconds:
        db.execute("BEGIN IMMEDIATE")
        for _ in range(units_a_commit):
            db.execute("UPDATE accounts SET balance = balance - 18000, up = up + 1 WHERE id = 1")
            call = db.execute("INSERT INTO calls (body) VALUES (?)", ("x" * 400,)).lastrowid
            db.execute("INSERT INTO entries (call, amount) VALUES (?, 18000)", (call,))
        db.execute("COMMIT")
        done += units_a_commit
    rate = done / (time.perf_counter() - began)
    db.close()
    return rate
