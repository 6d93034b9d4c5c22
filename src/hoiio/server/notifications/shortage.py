"""Tells our own lack of open files from what a receiver or a resolver did. Pure."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Final, cast

_CODES: Final = (errno.EMFILE, errno.ENFILE)


class OutOfFiles(Exception):
    """No more files can be opened here: no fault of anybody asked."""


def is_shortage(error: BaseException) -> bool:
    """Whether a lack of open files is what an error comes from."""
    return any(
        isinstance(each, OSError) and each.errno in _CODES for each in _origins(error, set())
    )


def _origins(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    """An error and all that it comes from, however the libraries keep it."""
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    parts: list[object] = [error.__cause__, error.__context__]
    kept: object = getattr(error, "kwargs", None)
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        parts += group.exceptions
    # dnspython keeps what went wrong with each name server in a list of tuples.
    if isinstance(kept, dict):
        tried = cast("dict[str, object]", kept).get("errors")
        if isinstance(tried, list):
            parts += [part for each in cast("list[tuple[object, ...]]", tried) for part in each]
    for part in parts:
        if isinstance(part, BaseException):
            yield from _origins(part, seen)
