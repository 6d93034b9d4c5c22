"""What is posted to a notify_url."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

_NOT_EVERYWHERE: Final = frozenset({"status", "room", "answered_date"})
"""Fields that only answers, or only some notifications have."""

_AS_GIVEN: Final = "surrogateescape"
"""Bytes of a URL that are no UTF-8 stay the bytes that they are."""


def body(fields: Mapping[str, str], notify_url: str) -> bytes:
    """A notification's form-encoded body: the transaction's fields, then the URL's own parameters.

    Parameters of the URL that bear a field's name are not copied, also where this notification has
    no such field, so that nothing can pose as a field of ours (api rule 23).
    """
    own = parse_qsl(urlsplit(notify_url).query, keep_blank_values=True, errors=_AS_GIVEN)
    ours = _NOT_EVERYWHERE | fields.keys()
    copied = [(name, value) for name, value in own if name not in ours]
    return urlencode([*fields.items(), *copied], errors=_AS_GIVEN).encode("ascii")
