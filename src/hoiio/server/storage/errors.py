"""What storage refuses, in words for an operator."""

from __future__ import annotations


class StorageError(Exception):
    """The data folder or its database cannot be used; the message is one line and says why."""


class Conflict(StorageError):
    """What is asked for does not go with what is there: a name or an application id is taken."""


class Unknown(StorageError):
    """What is asked for is not there."""
