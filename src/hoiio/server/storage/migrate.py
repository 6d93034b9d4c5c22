"""The schema and how it grows: numbered SQL files, each applied once, in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from hoiio.server.storage.errors import StorageError
from hoiio.server.storage.queries import FOLDER


def migrations() -> list[str]:
    """The text of each migration; the first makes schema 1."""
    files = [f for f in (FOLDER / "migrations").iterdir() if f.name.endswith(".sql")]
    return [file.read_text("utf-8") for file in sorted(files, key=lambda file: file.name)]


def migrate(db: sqlite3.Connection) -> None:
    """Bring the schema up to date, all or nothing; another process may be doing the same.

    Raises ``StorageError`` for a database of a newer schema.
    """
    scripts = migrations()
    if _version(db) == len(scripts):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        _apply(db, scripts)
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _apply(db: sqlite3.Connection, scripts: list[str]) -> None:
    version = _version(db)
    if version > len(scripts):
        raise StorageError(
            f"the database was written by a newer version of hoiio "
            f"(schema {version}, this one knows {len(scripts)})"
        )
    if version == 0:
        db.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)")
    for number, script in enumerate(scripts[version:], version + 1):
        for statement in _statements(script):
            db.execute(statement)
        db.execute("INSERT INTO schema_version (version) VALUES (?)", (number,))


def _version(db: sqlite3.Connection) -> int:
    """The schema that the database has; 0 when it is new."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchone():
        return 0
    version: int | None = db.execute("SELECT max(version) FROM schema_version").fetchone()[0]
    return version or 0


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
