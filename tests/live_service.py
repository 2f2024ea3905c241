"""Docent in a process of its own, as a reader has it: started, asked, killed, and its log read."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from app.settings import Settings
from tests.what_left import left

ROOT = Path(__file__).parent.parent
STARTS_WITHIN = 180.0  # seconds; on a machine with fifteen others at work the pages take a minute to embed
COMMAND = [sys.executable, "-m", "app", "serve", "--host", "127.0.0.1", "--port", "{port}"]
PLAIN_UVICORN = [sys.executable, "-m", "uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "{port}"]

# Tests ask more in a minute than readers do, all from one address. The gate counts nevertheless, also in production.
WIDE = {
    "RATE_VISITOR": "100000/minute; 1000000/hour",
    "RATE_ADDRESS": "100000/minute; 1000000/hour",
    "RATE_SITE": "100000/minute; 1000000/hour",
    "BUDGET_VISITOR": "1000000 turns; 1000000000 tokens",
    "BUDGET_SITE": "1000000 turns; 1000000000 tokens",
}


@dataclass(frozen=True)
class LiveService:
    """`environment` is what a command needs to find the service."""

    url: str
    data_dir: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def log_lines(self, request_id: str | None = None) -> list[dict[str, Any]]:
        """The lines in JSON so far; those of one request, if given."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if request_id in (None, line.get("request_id"))]

    def postgres_pid(self) -> int:
        """Of the embedded server."""
        return int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])

    def await_health(self, status: str = "healthy") -> dict[str, Any]:
        """The report with this status, at once or later."""
        deadline = time.monotonic() + STARTS_WITHIN
        report: dict[str, Any] = {}
        while time.monotonic() < deadline and self.process.poll() is None and not self._failed_to_start():
            report = self._report()
            if report.get("status") == status:
                return report
            time.sleep(0.1)
        raise AssertionError(f"not {status}: {report}\n{self.log.read_text()[-4000:]}")

    def _failed_to_start(self) -> bool:
        return '"start_failed"' in self.log.read_text()

    def _report(self) -> dict[str, Any]:
        try:
            report: dict[str, Any] = httpx.get(f"{self.url}/api/health", timeout=5).json()
        except httpx.TransportError:
            return {}
        return report


def clean_environment() -> dict[str, str]:
    """This process's, without any of Docent's own variables."""
    return {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(folder: Path, docs: Path, *, command: Sequence[str] = COMMAND, **settings: str) -> LiveService:
    """Start and return at once; `{port}` in the command is a free one, `folder` holds DATA_DIR and the log."""
    port = free_port()
    own = {"DATA_DIR": str(folder / "data"), "DOCS": str(docs), "LOG_FORMAT": "json", "PYTHONPATH": str(ROOT)}
    environment = clean_environment() | WIDE | own | settings
    log = folder / "service.log"
    left.logs.append(log)
    with log.open("ab") as output:
        arguments = [argument.format(port=port) for argument in command]
        process = subprocess.Popen(arguments, cwd=folder, env=environment, stdout=output, stderr=output)
    return LiveService(f"http://127.0.0.1:{port}", folder / "data", environment, process, log)


@contextmanager
def serving(folder: Path, docs: Path, *, command: Sequence[str] = COMMAND, **settings: str) -> Iterator[LiveService]:
    """A healthy service, stopped at the end."""
    service = start(folder, docs, command=command, **settings)
    try:
        service.await_health()
        yield service
    finally:
        stop(service)


def stop(service: LiveService) -> int:
    """Ask it to end, as a platform does; its exit code."""
    if service.process.poll() is None:
        service.process.send_signal(signal.SIGTERM)
    return service.process.wait(timeout=30)
