"""Every remote service is tried once at the start, at the same time; none waits for one that hangs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tcp_proxy import TcpProxy

from app.resources import Resources
from tests.model_service import service_settings
from tests.provider_simulator.handle import ProviderKey
from tests.qdrant_server import Fault, QdrantServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

HANGS = ["gemini", "qdrant", "postgres"]


async def started(resources: Resources) -> dict[str, Any]:
    """The first report of a service that has started."""
    await resources.chain()
    services: dict[str, Any] = resources.health.report(causes=True)["services"]
    return services


@pytest.mark.parametrize("hanging", HANGS)
async def test_one_that_hangs_delays_no_other(
    tmp_path: Path, database: str, provider_key: ProviderKey, hanging: str
) -> None:
    parameters = parse_qs(urlsplit(database).query)
    socket = Path(parameters["host"][0]) / f".s.PGSQL.{parameters['port'][0]}"
    with QdrantServer(tmp_path / "cluster") as cluster:
        async with TcpProxy(socket) as line:
            far = f"postgresql://docent@127.0.0.1:{line.port}{urlsplit(database).path}"
            if hanging == "gemini":
                provider_key.fail("hang", times=20)
            elif hanging == "qdrant":
                cluster.faults.add(Fault(hang=True))
            line.silent = hanging == "postgres"
            resources = Resources(service_settings(tmp_path, far, provider_key, qdrant_url=cluster.url))
            await resources.search.providers.open()  # the packages; an idle machine imports them in two seconds
            began = time.monotonic()
            await resources.open()
            services = await started(resources)
            took = time.monotonic() - began
            await resources.close()
    up = {name for name in HANGS if services[name]["status"] in ("ok", "connected", "missing_collection")}
    assert up == set(HANGS) - {hanging}, services
    assert services[hanging]["cause"]
    assert took < 5
