"""What must not be half done when the process forks: nobody would end it in the child."""

from __future__ import annotations

# A fork takes the locks of its hooks in the reverse order of their registration. Loading a library
# takes logging's too, so that has to be registered before.
import logging  # noqa: F401 # pyright: ignore[reportUnusedImport]
import os
import sys
import threading
from typing import Final

making: Final = threading.RLock()
"""Held while a library is loaded or a pool of connections is made. A fork waits for it."""
if sys.platform != "win32":
    os.register_at_fork(
        before=making.acquire, after_in_parent=making.release, after_in_child=making.release
    )
