"""A machine that cannot write, settings that cannot be, and pages that are indexed again while readers ask.

Numbers are those of the fault list.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from live_service import STARTS_WITHIN, clean_environment, free_port, start, stop

from app.health import Health
from app.search import Search
from app.settings import Settings
from chains.ingest import ingest_folder
from chains.providers.local_embeddings import LocalEmbeddings
from chains.remote_qdrant import remote_client
from tests.app.doors import SITE
from tests.qdrant_server import QdrantServer

SECRET = "hunter2-hunter2"


@pytest.mark.fault(48)
def test_48_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """The disk of the log is full from the start: every line of it fails."""
    command = [sys.executable, str(SITE.parent / "full_disk.py"), "--port", "{port}"]
    service = start(tmp_path, SITE, command=command)
    try:
        service.await_health()
        assert service.log.read_text() == ""
        turn = {"question": "How do I deploy a release?"}
        reply = httpx.post(f"{service.url}/api/chat", json=turn, headers={"Accept": "application/json"}, timeout=60)
        assert reply.json()["outcome"] == "answered"
        refused = httpx.post(f"{service.url}/api/chat", json={}, timeout=60)
        assert refused.status_code == 422
    finally:
        stop(service)


@pytest.mark.fault(49)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", f"mysql://docent:{SECRET}@db.example/docent"),
        ("DATABASE_URL", f"postgresql://docent:{SECRET}@db.example:port/docent"),
        ("RATE_VISITOR", f"{SECRET} a minute"),
        ("REDIS_URL", f"http://:{SECRET}@cache.example"),
        ("PORT", SECRET),
    ],
)
def test_49_setting_that_cannot_be_is_named_without_its_value(tmp_path: Path, name: str, value: str) -> None:
    settings = {"DATA_DIR": str(tmp_path), "HOST": "127.0.0.1", "PORT": str(free_port()), name: value}
    done = subprocess.run(
        [sys.executable, "-m", "app", "serve"],
        cwd=tmp_path,
        env=clean_environment() | {"PYTHONPATH": str(Path(__file__).parents[2])} | settings,
        capture_output=True,
        text=True,
        timeout=STARTS_WITHIN,
    )
    assert done.returncode == 2
    assert name in done.stderr
    assert SECRET not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def index(settings: Settings, docs: Path) -> None:
    """As `docent ingest` does, from elsewhere."""
    client, model = remote_client(settings), LocalEmbeddings()
    ingest_folder(docs, settings, client, model)
    client.close()
    model.close()


@pytest.mark.fault(50)
@pytest.mark.anyio
async def test_50_pages_are_indexed_again_while_readers_ask(tmp_path: Path) -> None:
    """Every page changes three times; no question finds nothing meanwhile."""
    docs = tmp_path / "docs"
    shutil.copytree(SITE, docs)
    with QdrantServer(tmp_path / "cluster", api_key=SECRET) as server:
        settings = Settings(qdrant_url=server.url, qdrant_api_key=SECRET, data_dir=tmp_path / "data")
        await asyncio.to_thread(index, settings, docs)
        search = Search(settings, Health())
        await search.open()
        try:
            indexing = asyncio.create_task(asyncio.to_thread(index_again, settings, docs))
            found = [await search.find("How do I deploy a release?")]
            while not indexing.done():
                found.append(await search.find("How do I deploy a release?"))
            await indexing
            found.append(await search.find("How do I deploy a release?"))
        finally:
            await search.close()
    assert all("loom deploy" in str(passages) for passages in found)
    assert "Said for the third time." in str(found[-1])


def index_again(settings: Settings, docs: Path) -> None:
    for time in ("first", "second", "third"):
        for page in docs.rglob("*.md"):
            page.write_text(f"{page.read_text()}\nSaid for the {time} time.\n")
        index(settings, docs)
