"""The service's log: structured lines on stderr, with phone numbers masked and no tokens."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from hoiio.server.config import Log, LogFormat
from hoiio.server.mask import mask


def masked(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask every text of a line, its traceback included."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = mask(value)
    return event


def configure(settings: Log, stream: TextIO | None = None) -> None:
    """Send the service's own lines and those of libraries to ``stream``, stderr by default."""
    output = sys.stderr if stream is None else stream
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        masked,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(settings.format, output),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Its warnings are one line for each request that is no HTTP: whoever likes could fill a disk.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    for library in ("httpx2", "httpcore2", "asyncio"):
        logging.getLogger(library).setLevel(max(level, logging.WARNING))


def _renderer(chosen: LogFormat, output: TextIO) -> Processor:
    on_terminal = output.isatty()
    if chosen is LogFormat.JSON or (chosen is LogFormat.AUTO and not on_terminal):
        return structlog.processors.JSONRenderer()
    # Never the formatter with local variables: a token may be among them.
    return structlog.dev.ConsoleRenderer(
        colors=on_terminal, exception_formatter=structlog.dev.plain_traceback
    )
