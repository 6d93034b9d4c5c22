"""A CSV file of calls: whole, or not there at all. What is no file gets the rows as they come."""

from __future__ import annotations

import csv
import errno
import os
import re
import stat
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from typing import Self

    from hoiio.answer import Answer

COLUMNS: Final = (
    *("txn_ref", "date", "dest1", "call_status_dest1", "dest2", "call_status_dest2", "room"),
    *("answered_date", "duration", "currency", "rate", "debit", "tag"),
)
"""As the API has them: dates in GMT+8, money as the service wrote it."""

_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")
"""What a spreadsheet may take a cell for a formula by, if it begins so."""

_STREAM: Final = re.compile(r"/dev/(?:stdout|stderr|fd/([0-9]{1,9}))|/proc/self/fd/([0-9]{1,9})")
_NAMED: Final = {"/dev/stdout": 1, "/dev/stderr": 2}
_SHORT: Final = 50


def cells(entry: Answer) -> Iterable[str]:
    """One call's row. Text is taken from the answer as it came, so no amount is rounded.

    Only a tag, which may be anybody's words, is kept from being a formula in a spreadsheet: by an
    apostrophe before it. A number begins with a plus, and programs read it back.
    """
    for name in COLUMNS:
        value = entry.json.get(name)
        text = "" if value is None else str(value)
        yield f"'{text}" if name == "tag" and text.startswith(_FORMULA) else text


def open_already(path: Path) -> int | None:
    """Which of those that are open already a path names; None where it names none of them."""
    found = _STREAM.fullmatch(str(path))
    return None if found is None else _NAMED.get(found[0]) or int(found[1] or found[2])


class Table:
    """Rows go into a file beside the one that they will be, which takes its place at the end.

    A link stays one, to what is written. A pipe, a device or standard output is written straight
    into: after a failure it has had the rows until then. A pipe is waited for until it is read.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = Path(path)
        self._part: Path | None = None
        self.rows = 0
        """How many were written, the names of the columns not counted."""

    def __enter__(self) -> Self:
        with self._named():
            descriptor = self._open()
        # Half a character, which JSON can escape, has no bytes of its own.
        self._file: IO[str] = os.fdopen(
            descriptor, "w", encoding="utf-8", errors="backslashreplace", newline=""
        )
        self._csv = csv.writer(self._file)
        self._csv.writerow(COLUMNS)
        return self

    def _open(self) -> int:
        if (number := open_already(self._path)) is not None:
            return _again(number)
        if not _is_file_or_nothing(self._path):
            return os.open(self._path, os.O_WRONLY)
        self._target = Path(os.path.realpath(self._path))
        # Shortened, as a name may be as long as one can be; a character takes up to four bytes.
        short = self._target.name[:_SHORT]
        part = self._target.with_name(f".{short}.{os.urandom(4).hex()}.part")
        try:
            old = self._target.stat()
        except FileNotFoundError:
            old = None
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(part, flags, 0o666 if old is None else 0o600)
        self._part = part
        if old is not None and sys.platform != "win32":
            # Its group may read the new one, too; where that cannot be, its owner alone may.
            with suppress(OSError):
                os.chown(part, -1, old.st_gid)
                part.chmod(stat.S_IMODE(old.st_mode) & 0o777)
        return descriptor

    @property
    def is_file(self) -> bool:
        """Whether the rows are in a file of their own, not in a pipe or the like."""
        return self._part is not None

    def add(self, entry: Answer) -> None:
        """Write one call."""
        with self._named():
            self._csv.writerow(cells(entry))
        self.rows += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with self._named():
                with self._file:
                    if error is None and self._part is not None:
                        self._file.flush()
                        os.fsync(self._file.fileno())
                if error is None and self._part is not None:
                    self._part.replace(self._target)
        finally:
            if self._part is not None:
                self._part.unlink(missing_ok=True)

    @contextmanager
    def _named(self) -> Generator[None]:
        """What fails here is told of the file that is wanted, as nobody knows of the other."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from None


def _again(number: int) -> int:
    """The same once more, as a file may have been written there, and will be further.

    A number that nobody opened may be that of a connection of the client's own by now.
    """
    mode = os.fstat(number).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
    return os.dup(number)


def _is_file_or_nothing(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True
