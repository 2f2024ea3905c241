"""The log as the service writes it, for whoever wants to see what stands in it."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from app.logs import CleanFormatter, configure_logs
from app.redaction import redactor
from app.settings import Settings

CANARIES = {
    name: f"LEAK-CANARY-{name}" for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "SECRET_KEY", "ADMIN_TOKEN")
}


@contextmanager
def logging_as_in_service(*, redact: bool = True) -> Iterator[io.StringIO]:
    """The log of the product's own making; the process's logging is put back."""
    root = logging.getLogger()
    handlers, level, hooks = list(root.handlers), root.level, (sys.excepthook, threading.excepthook)
    configure_logs(Settings(_env_file=None, log_format="json"), redact=redact)  # type: ignore[call-arg]
    structlog.configure(**{**structlog.get_config(), "cache_logger_on_first_use": False})
    written = io.StringIO()
    (own,) = root.handlers
    assert isinstance(own, logging.StreamHandler)
    own.setStream(written)
    outer = [each for each in handlers if isinstance(each.formatter, CleanFormatter)]
    root.handlers[:] = [*(each for each in handlers if each not in outer), own]
    try:
        yield written
    finally:
        root.handlers[:] = [*(each for each in root.handlers if each is not own), *outer]
        root.setLevel(level)
        sys.excepthook, threading.excepthook = hooks
        structlog.reset_defaults()
        redactor.enabled = True
