"""Secrets at rest: tokens and signing secrets are sealed with a key that lies beside the database.

They must be readable to sign notifications, so they are encrypted (AES-256-GCM), not hashed.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hoiio.server.storage.errors import StorageError

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_KNOWN: Final = "hoiio"
"""What is sealed only to see, by opening it, whether a secret is the right one."""


class Purpose(StrEnum):
    """What a sealed text is for; one cannot be passed off as the other."""

    TOKEN = "token"  # noqa: S105 - a word
    SIGNING = "signing secret"
    DATABASE = "database"


class Sealer:
    """Seals secrets and opens them again, each bound to its application and its purpose."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, text: str, app_id: str, purpose: Purpose = Purpose.TOKEN) -> bytes:
        """Encrypt a text under a fresh nonce."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), _bound_to(app_id, purpose))

    def open(self, sealed: bytes, app_id: str, purpose: Purpose = Purpose.TOKEN) -> str:
        """Decrypt a text; raises ``StorageError`` when it was sealed otherwise or elsewhere."""
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, text, _bound_to(app_id, purpose)).decode()
        except (InvalidTag, ValueError) as error:
            raise StorageError(
                f"the {purpose} of application {app_id} was not sealed with this secret"
            ) from error

    def opens(self, sealed: bytes, app_id: str, purpose: Purpose = Purpose.TOKEN) -> bool:
        """Whether a text was sealed with this key, for this application and purpose."""
        try:
            self.open(sealed, app_id, purpose)
        except StorageError:
            return False
        return True

    def mark(self) -> bytes:
        """A seal for a database, by which this key is known again."""
        return self.seal(_KNOWN, "", Purpose.DATABASE)

    def made(self, mark: bytes) -> bool:
        """Whether a database's seal is of this key."""
        return self.opens(mark, "", Purpose.DATABASE)


def _bound_to(app_id: str, purpose: Purpose) -> bytes:
    """An id has no space in it, so no two pairs are alike."""
    whole = app_id if purpose is Purpose.TOKEN else f"{purpose} of {app_id}"
    return whole.encode()


def load_sealer(path: Path, *, create: bool) -> Sealer:
    """The sealer whose key is the file at ``path``, made on first use if ``create``.

    Raises ``StorageError`` when the file is missing, malformed, or readable by others.
    """
    if create and not path.exists():
        _write_key(path)
    return Sealer(_read_key(path))


def _write_key(path: Path) -> None:
    """Put a complete key in place at once; a process that does the same meanwhile may win."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    key = base64.b64encode(os.urandom(KEY_BYTES)) + b"\n"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(descriptor)
        _link(draft, path)
        draft.unlink()
    except OSError as error:
        raise StorageError(f"cannot write the secret {path}: {error.strerror}") from error


def _link(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return


def _read_key(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        text = path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read the secret {path}: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise StorageError(f"the secret {path} is open to others: chmod 600 it")
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise StorageError(f"the secret {path} is malformed: expected 32 bytes in base64")
    return key
