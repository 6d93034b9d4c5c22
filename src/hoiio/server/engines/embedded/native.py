"""The SIP library's own C functions, the few that its Python face does not offer."""

from __future__ import annotations

import importlib
from typing import Any, Final

_module: Final[Any] = importlib.import_module("baresip._native")

lib: Final[Any] = _module.lib
ffi: Final[Any] = _module.ffi
