"""Health: the contract's words and statuses, from the first moment on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from doors import ADMIN_TOKEN, SITE, client_of
from live_service import LiveService, start, stop

from app.main import create_app
from app.settings import Settings

pytestmark = pytest.mark.anyio

FIRST_ANSWER = 10.0  # seconds; two on an idle machine, of which the process's start takes most


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An app before its lifespan: nothing has started."""
    transport = httpx.ASGITransport(create_app(Settings(data_dir=tmp_path)))
    async with httpx.AsyncClient(transport=transport, base_url="http://docent") as client:
        yield client


async def test_report_names_every_configured_service(any_service: LiveService) -> None:
    """In production, an engine of this process that stands in for a server has a note."""
    stands_in = {"notes": ["embedded"]} if any_service.environment.get("ENVIRONMENT") == "production" else {}
    async with client_of(any_service) as client:
        response = await client.get("/api/health")
    assert response.status_code == 200
    assert response.json() == {
        "status": "healthy",
        "services": {
            "fastapi": "ok",
            "qdrant": {"status": "connected", "collection": "docusaurus-book", "vectors": 4, **stands_in},
            "postgres": {"status": "connected"},
            "local": {"status": "ok", "model": "local-extractive", "notes": ["extractive", "english_only"]},
        },
    }


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_probes_answer(any_service: LiveService, path: str) -> None:
    async with client_of(any_service) as client:
        response = await client.get(path)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_starting_service_is_alive_and_not_ready(closed: httpx.AsyncClient) -> None:
    live, ready, report = [await closed.get(path) for path in ("/health/live", "/health/ready", "/api/health")]
    assert live.status_code == 200
    assert (ready.status_code, report.status_code) == (503, 503)
    assert report.json()["status"] == "starting"
    assert int(ready.headers["Retry-After"]) > 0
    assert int(report.headers["Retry-After"]) > 0


async def test_head_and_pages_are_there_before_anything_has_started(closed: httpx.AsyncClient) -> None:
    page = await closed.get("/", headers={"Accept": "text/html"})
    information = (await closed.get("/")).json()
    assert "<html" in page.text
    assert information["name"] == "Docent"
    assert {information[name] for name in ("docs", "health", "chat", "websocket")} == {
        "/docs", "/api/health", "/api/chat", "/ws/chat",
    }  # fmt: skip
    assert (await closed.get("/docs")).status_code == 200
    assert (await closed.get("/openapi.json")).json()["info"]["title"] == "Docent"


def test_first_answer_comes_while_the_engines_still_start(tmp_path: Path) -> None:
    service = start(tmp_path, SITE)
    try:
        service.await_health("starting")
        assert httpx.get(f"{service.url}/health/live").status_code == 200
        assert httpx.get(f"{service.url}/health/ready").status_code == 503
    finally:
        assert stop(service) == 0


async def test_causes_are_for_the_author_in_production(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, environment="production", admin_token=ADMIN_TOKEN)
    app = create_app(settings)
    await app.state.docent.resources.health.refresh()  # nothing is open, so every service has a cause
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://docent") as client:
        public = (await client.get("/api/health")).json()["services"]
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        private = (await client.get("/api/health", headers=headers)).json()["services"]
    assert [name for name, service in public.items() if "cause" in service] == []
    assert {"qdrant", "postgres"} <= {name for name, service in private.items() if "cause" in service}
    assert public["postgres"]["status"] == private["postgres"]["status"] == "disconnected"
