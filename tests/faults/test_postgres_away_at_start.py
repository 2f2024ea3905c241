"""The service itself before a Postgres that refuses at first and then takes three seconds to wake."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from live_service import start, stop
from tcp_proxy import TcpProxy

pytestmark = pytest.mark.anyio

SITE = Path(__file__).parent.parent / "app" / "site"
TURN = {"question": "How do I deploy a release?"}


@pytest.mark.fault(18)
@pytest.mark.slow
async def test_18_service_starts_without_its_database_and_recovers_by_itself(
    far_database: str, line: TcpProxy, tmp_path: Path
) -> None:
    await line.refuse()
    service = start(tmp_path, SITE, DATABASE_URL=far_database)
    try:
        async with httpx.AsyncClient(
            base_url=service.url, timeout=60, headers={"Accept": "application/json"}
        ) as client:
            report = await asyncio.to_thread(service.await_health, "degraded")
            assert (await client.get("/api/health")).status_code == 503
            assert (await client.get("/health/ready")).status_code == 200
            assert report["services"]["postgres"]["status"] == "disconnected"
            line.delay = 0.5
            waiting = asyncio.create_task(client.post("/api/chat", json=TURN))
            await line.accept()
            assert (await waiting).json()["outcome"] == "answered"
            line.delay = 0.0
            recovered = await asyncio.to_thread(service.await_health)
            assert recovered["services"]["postgres"] == {"status": "connected"}
    finally:
        await asyncio.to_thread(stop, service)
    assert far_database not in service.log.read_text()
