"""Named queries, read from the ``.sql`` files beside this module.

A file is a list of ``-- name: x`` lines, each followed by its text. ``{y}`` stands for the text of
``y`` in the same file, for column lists that several queries share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_PART: Final = re.compile(r"\{(\w+)\}")

FOLDER: Final[Traversable] = resources.files("hoiio.server.storage")


def parse(text: str) -> dict[str, str]:
    """The queries of one file by name."""
    _, *parts = _NAME.split(text)
    queries = {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}

    def whole(body: str) -> str:
        return _PART.sub(lambda part: whole(queries[part[1]]), body)

    return {name: whole(body) for name, body in queries.items()}


def _load() -> dict[str, str]:
    queries: dict[str, str] = {}
    for file in (FOLDER / "sql").iterdir():
        if file.name.endswith(".sql"):
            queries |= parse(file.read_text("utf-8"))
    return queries


SQL: Final[Mapping[str, str]] = _load()
"""Every query's text by its name."""
