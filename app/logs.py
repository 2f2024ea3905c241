"""Log lines a person can read on a terminal and a machine elsewhere. No key, password or token is ever in them.

A question's words are written at DEBUG alone.
"""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path

import structlog
from structlog.typing import Processor

from app.redaction import RedactionFilter, clean_uncaught, redactor
from app.settings import Settings

OWN_HANDLERS = ("uvicorn", "uvicorn.access", "uvicorn.error")  # of `uvicorn app.main:app`, made before we are asked
NOISY = ("httpx", "httpcore", "alembic", "sse_starlette", "psycopg.pool", "langchain_core", "watchfiles")


def place_of(error: BaseException) -> str:
    """Where it was raised, innermost last. Say this instead of an exception's words, which may quote the question."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)


class CleanFormatter(structlog.stdlib.ProcessorFormatter):
    """Cleans the finished line once more: objects are turned into text as late as there."""

    def format(self, record: logging.LogRecord) -> str:
        return redactor.clean(super().format(record))


def configure_logs(settings: Settings, *, redact: bool = True) -> None:
    """Send structlog and the standard library's loggers through one renderer: console on a terminal, JSON otherwise.

    Without `redact` secrets stay in: for the test that proves that others would find them.
    """
    redactor.learn(settings.secrets)
    redactor.enabled = redact
    clean_uncaught()
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    renderer: Processor = _console_renderer() if console else structlog.processors.JSONRenderer()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redactor.process,
    ]
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not console:
        final.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(CleanFormatter(foreign_pre_chain=shared, processors=[*final, renderer]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for own in (handler for name in OWN_HANDLERS for handler in logging.getLogger(name).handlers):
        own.addFilter(RedactionFilter())


def _console_renderer() -> structlog.dev.ConsoleRenderer:
    """Rich would draw a frame around each local variable, and break a secret in it over two lines."""
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
