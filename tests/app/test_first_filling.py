"""An embedded index that could not be filled at the first start, because the embedding provider was away."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.settings import Settings
from tests.model_service import QUESTION, ask, service_settings, serving
from tests.provider_simulator.handle import ProviderKey

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

WITHIN = 30.0  # seconds; attempts are 2 and 4 s apart at first, and each takes 3 s to fail


def book(folder: Path, pages: int) -> Path:
    """One page more than a batch has chunks makes two requests of it."""
    docs = folder / "book"
    docs.mkdir()
    (docs / "deploy.md").write_text("# Deploying\n\nTo deploy a release, run `loom deploy` in the project's folder.\n")
    for number in range(pages - 1):
        (docs / f"page-{number:03}.md").write_text(f"# Page {number}\n\nLoom {number} weaves {number} mats.\n")
    return docs


async def qdrant(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get("/api/health")).json()["services"]["qdrant"]
    return found


async def connected(client: httpx.AsyncClient) -> dict[str, Any]:
    started = time.monotonic()
    while (found := await qdrant(client))["status"] != "connected":
        assert time.monotonic() - started < WITHIN, found
        await asyncio.sleep(0.1)
    return found


async def test_index_is_filled_once_the_provider_is_back(
    tmp_path: Path, database: str, provider_key: ProviderKey
) -> None:
    provider_key.fail("status", "gemini.embed", status=503, times=None)
    async with serving(service_settings(tmp_path, database, provider_key)) as client:
        report = (await client.get("/api/health")).json()
        assert report["status"] in ("degraded", "unhealthy")
        assert report["services"]["qdrant"]["status"] == "missing_collection"
        assert "tries again by itself" in report["services"]["qdrant"]["cause"]
        refused = await client.post("/api/chat", json={"question": QUESTION})
        assert "retrieval_unavailable" in refused.text

        provider_key.heal()

        assert (await connected(client))["vectors"] > 0
        assert (await ask(client))["outcome"] == "answered"


async def test_half_an_index_answers_nothing_and_is_completed(
    tmp_path: Path, database: str, provider_key: ProviderKey
) -> None:
    settings = service_settings(tmp_path, database, provider_key, docs=book(tmp_path, pages=80))
    provider_key.fail("status", "gemini.embed", status=503, skip=1, times=None)
    async with serving(settings) as client:
        assert (await qdrant(client))["status"] == "missing_collection"
        assert (await ask(client))["code"] == "retrieval_unavailable"
        provider_key.heal()
        assert (await connected(client))["vectors"] == 80
    calls = [record for record in provider_key.requests("gemini.embed") if not record["fault"]]
    embedded = [len(record["body"]["requests"]) for record in calls]
    assert sum(count for count in embedded if count > 1) == 80, "nothing was embedded twice"


async def test_restart_completes_what_an_earlier_start_began(
    tmp_path: Path, database: str, provider_key: ProviderKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the folder that DOCS means by default, which is not read again once an index is whole."""
    book(tmp_path, pages=80).rename(tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    given = service_settings(tmp_path, database, provider_key).model_dump(exclude_unset=True, exclude={"docs"})
    settings = Settings(_env_file=None, **given)  # type: ignore[call-arg]
    provider_key.fail("status", "gemini.embed", status=503, skip=1, times=None)
    async with serving(settings) as client:
        assert (await qdrant(client))["status"] == "missing_collection"
    provider_key.heal()
    async with serving(settings) as client:
        assert (await connected(client))["vectors"] == 80

    (tmp_path / "docs" / "deploy.md").unlink()
    async with serving(settings) as client:
        assert (await connected(client))["vectors"] == 80


async def test_earlier_index_serves_while_an_update_waits(
    tmp_path: Path, database: str, provider_key: ProviderKey
) -> None:
    docs = book(tmp_path, pages=3)
    settings = service_settings(tmp_path, database, provider_key, docs=docs)
    async with serving(settings) as client:
        assert (await connected(client))["vectors"] == 3
    (docs / "new.md").write_text("# Rollback\n\nTo roll back, run `loom back`.\n")
    provider_key.fail("status", "gemini.embed", status=503, times=5)  # one more than a call has attempts
    async with serving(settings) as client:
        found = await qdrant(client)
        assert (found["status"], found["vectors"], found["notes"]) == ("connected", 3, ["outdated"])
        assert (await ask(client))["outcome"] == "answered"
        started = time.monotonic()
        while (await qdrant(client)).get("notes"):
            assert time.monotonic() - started < WITHIN
            await asyncio.sleep(0.1)
        assert (await qdrant(client))["vectors"] == 4
