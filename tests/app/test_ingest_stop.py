"""A service that ends does not wait for a website that a run is reading."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from app import ingests
from app.health import Health
from app.ingests import Ingests
from app.search import Search
from app.settings import Settings
from chains.edge import EdgeClient
from chains.providers import PinnedEmbeddings
from tests.chains.ingest.hashed import HashedEmbeddings
from tests.chains.ingest.website_double import website

pytestmark = pytest.mark.anyio


class SearchOf:
    """What a run takes of a service's search."""

    embeddings: PinnedEmbeddings = HashedEmbeddings()

    def __init__(self, engine: EdgeClient) -> None:
        self.engine = engine
        self.indexing = threading.Lock()


async def test_run_that_waits_for_a_website_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingests, "STOPS_WITHIN", 0.1)
    client = EdgeClient(tmp_path / "qdrant")
    client.open()
    with website() as site:
        site.text("/robots.txt", "User-agent: *\nCrawl-delay: 30\n")
        site.sitemap("/a")
        settings = cast(Any, Settings)(site_url=site.origin, data_dir=tmp_path)
        runs = Ingests(settings, cast(Search, SearchOf(client)), Health())
        run = runs.start(f"{site.origin}/sitemap.xml", {})
        while True:
            assert run.status == "running", run.error
            if "/sitemap.xml" in site.asked:
                break
            await asyncio.sleep(0.01)
        async with asyncio.timeout(15):
            await runs.close()
    client.close()
