"""`/metrics` of a running service: who may read it, that it counts, and that it tells no secret."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from doors import ADMIN_TOKEN, JSON, ask, client_of
from live_service import LiveService
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.assembly import assemble
from app.settings import Settings

pytestmark = pytest.mark.anyio

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def samples_of(client: httpx.AsyncClient) -> Samples:
    response = await client.get("/metrics")
    assert response.status_code == 200, response.text
    families = text_string_to_metric_families(response.text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def total(samples: Samples, name: str, **labels: str) -> float:
    """Of all series of this name that bear these labels."""
    wanted = set(labels.items())
    return sum(value for (each, own), value in samples.items() if each == name and wanted <= set(own))


async def test_metrics_are_open_in_development_in_prometheus_format(client: httpx.AsyncClient) -> None:
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    samples = await samples_of(client)
    assert total(samples, "docent_ready") == 1
    assert total(samples, "docent_service_up", service="postgres") == 1
    assert total(samples, "docent_index_vectors") > 0
    assert total(samples, "process_resident_memory_bytes") > 50e6


async def test_metrics_count_turns_by_outcome_and_their_stages(client: httpx.AsyncClient) -> None:
    before = await samples_of(client)
    await ask(client, "How do I deploy a program?")
    await ask(client, "What is the capital of Mongolia?")
    after = await samples_of(client)

    def added(name: str, **labels: str) -> float:
        return total(after, name, **labels) - total(before, name, **labels)

    assert added("docent_turns_total", outcome="answered") == 1
    assert added("docent_turns_total", outcome="no_evidence") == 1
    assert added("docent_turns_total") == 2
    assert added("docent_stage_seconds_count", stage="total") == 2
    assert added("docent_stage_seconds_count", stage="retrieve") == 2
    assert 0 < added("docent_stage_seconds_sum", stage="total") < 60
    assert added("docent_stage_seconds_count", stage="rerank") == 0


async def test_metrics_count_failures_by_code(client: httpx.AsyncClient) -> None:
    before = await samples_of(client)
    await client.post("/api/chat", json={"question": "How do I deploy?!"}, headers=JSON)
    after = await samples_of(client)
    failed = [total(each, "docent_turns_total", outcome="failed") for each in (before, after)]
    codes = [total(each, "docent_turn_failures_total") for each in (before, after)]
    assert failed[1] - failed[0] == codes[1] - codes[0] == 1


async def test_metrics_count_refusals_by_code_and_door(client: httpx.AsyncClient) -> None:
    before = await samples_of(client)
    refused = await client.post("/api/chat", json={"question": "?"}, headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403
    after = await samples_of(client)
    labels = {"code": "forbidden_origin", "door": "/api/chat"}
    assert total(after, "docent_refusals_total", **labels) - total(before, "docent_refusals_total", **labels) == 1


async def test_metrics_hold_no_word_of_a_reader_and_few_series(client: httpx.AsyncClient) -> None:
    word = f"w{uuid4().hex}"
    await ask(client, f"How do I deploy {word}?")
    await client.get(f"/api/{word}")
    await client.post(f"/rag/{word}", json={})
    text = (await client.get("/metrics")).text
    assert word not in text
    assert text.count("\ndocent_") < 300


async def test_metrics_in_production_are_for_the_author_alone(deployed: LiveService) -> None:
    basic = "Basic " + b64encode(f"anybody:{ADMIN_TOKEN}".encode()).decode()
    async with client_of(deployed) as client:
        refused = await client.get("/metrics")
        wrong = await client.get("/metrics", headers={"Authorization": "Bearer something else"})
        shown = [
            await client.get("/metrics", headers={"Authorization": header})
            for header in (f"Bearer {ADMIN_TOKEN}", basic)
        ]
    assert (refused.status_code, wrong.status_code) == (401, 401)
    assert "docent_" not in refused.text + wrong.text
    assert [response.status_code for response in shown] == [200, 200]
    assert all("docent_ready 1.0" in response.text and ADMIN_TOKEN not in response.text for response in shown)


def test_metrics_in_production_without_admin_token_do_not_exist(tmp_path: Path) -> None:
    app = assemble(Settings(environment="production", data_dir=tmp_path, database_url=None))
    client = TestClient(app)  # its lifespan is not entered: no engine is needed to refuse
    assert client.get("/metrics").status_code == 404
