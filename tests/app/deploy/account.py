"""Somebody who deploys: a folder, an environment, a token, and a Hub that stands in for Hugging Face's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from live_service import ROOT, clean_environment
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.hub.api import TOKEN, Hub
from tests.hub.serving import listening

SPACE = "reader-of-books/my-book"
SITE = "https://my-app.vercel.app"
VALUES = {
    "GEMINI_API_KEY": "AIza-canary-key-0123456789",
    "QDRANT_URL": "https://canary.eu-central-1.aws.cloud.qdrant.io",
    "QDRANT_API_KEY": "canary-eyJ-0123456789",
    "DATABASE_URL": "postgresql://docent:canary-password@ep-1.neon.tech/book?sslmode=require",
    "QDRANT_COLLECTION": "my-book",
}
HEALTHY = {"status": "healthy", "services": {"fastapi": "ok", "qdrant": {"status": "connected"}}}


@dataclass
class Account:
    """The stand-in, and a folder with what a person has there."""

    hub: Hub
    url: str
    folder: Path
    health: dict[str, object] = field(default_factory=lambda: dict(HEALTHY))
    asked: list[str] = field(default_factory=list)

    def environment(self, **values: str) -> dict[str, str]:
        own = {name: value for name, value in clean_environment().items() if not name.startswith(("HF_", "HUGGING"))}
        hub = {"HF_ENDPOINT": self.url, "HF_TOKEN": TOKEN, "HF_HOME": str(self.folder / "hf")}
        return own | hub | {"PYTHONPATH": str(ROOT), "DATA_DIR": str(self.folder / "data")} | values

    def deploy(self, *options: str, frontend: str = SITE, **values: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app", "deploy", "--space", SPACE, "--frontend", frontend, *options]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment(**values), capture_output=True, text=True, timeout=90,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert "canary" not in done.stdout + done.stderr
        assert TOKEN not in done.stdout + done.stderr
        return done


@contextmanager
def opened(folder: Path) -> Iterator[Account]:
    account = Account(Hub(), "", folder)

    async def health(request: Request) -> JSONResponse:
        account.asked.append(request.headers.get("authorization", ""))
        return JSONResponse(account.health)

    with (
        listening(Starlette(routes=[Route("/api/health", health)])) as host,
        listening(account.hub.app) as account.url,
    ):
        account.hub.host = host
        yield account
