"""What storage refuses, in words for an operator."""

from __future__ import annotations


class StorageError(Exception):
    """The data folder or its database cannot be used; the message is one line and says why."""


class Conflict(StorageError):
    """What is to be added is there already: a name, an application id."""


class Unknown(StorageError):
    """What is asked for is not there."""
