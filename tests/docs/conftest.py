"""A running Docent over its own pages, as a reader of the README has it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pages import DOCS, ROOT

from app.settings import Settings
from chains.data_dir import DataDirHolder

START_LIMIT = 90.0  # seconds; indexing the pages and making a database takes a tenth of it on an idle machine


@dataclass(frozen=True)
class LiveService:
    url: str
    environment: dict[str, str]


@pytest.fixture(scope="session")
def live_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    folder = tmp_path_factory.mktemp("live")
    environment = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    environment |= {"DATA_DIR": str(folder / "data"), "DOCS": str(DOCS)}
    with (folder / "service.log").open("w") as log:
        command = [sys.executable, "-m", "app", "serve", "--host", "127.0.0.1", "--port", "0"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            yield LiveService(_await_ready(process, folder), environment)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _await_ready(process: subprocess.Popen[bytes], folder: Path) -> str:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        holder = DataDirHolder(folder / "data").holder()
        if holder and holder.url and _is_ready(holder.url):
            assert httpx.get(f"{holder.url}/api/health").json()["status"] == "healthy"
            return holder.url
        time.sleep(0.1)
    pytest.fail(f"Docent did not start:\n{(folder / 'service.log').read_text()}")


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready").status_code == 200
    except httpx.TransportError:
        return False
