"""A deploy hook: the index of a running service is brought up to date, one run at a time, while it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from doors import ADMIN_TOKEN, JSON, client_of
from live_service import LiveService, serving

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
PAGES = 30
QUESTION = "How is the loom number 7 cleaned?"


def write_book(docs: Path, word: str, pages: int = PAGES) -> None:
    docs.mkdir(exist_ok=True)
    for number in range(pages):
        text = f"The loom number {number} is cleaned with {word}. It takes {number} minutes. " * 4
        (docs / f"page-{number}.md").write_text(f"# Loom {number}\n\n{text}\n")


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    docs = tmp_path_factory.mktemp("site") / "docs"
    write_book(docs, "soap")
    return docs


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, docs: Path) -> Iterator[LiveService]:
    folder = tmp_path_factory.mktemp("service")
    with serving(folder, docs, ADMIN_TOKEN=ADMIN_TOKEN, CHAT_PROVIDER="local") as service:
        yield service


@pytest.fixture
async def client(service: LiveService) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(service) as client:
        yield client


async def start(client: httpx.AsyncClient, **asked: Any) -> str:
    response = await client.post("/api/admin/ingest", json=asked, headers=ADMIN)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


async def ended(client: httpx.AsyncClient, id: str) -> dict[str, Any]:
    while True:
        run: dict[str, Any] = (await client.get(f"/api/admin/ingest/{id}", headers=ADMIN)).json()
        if run["status"] != "running":
            return run
        await asyncio.sleep(0.05)


async def search(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    response = await client.post("/retriever/invoke", json={"input": QUESTION})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["output"]
    return found


async def test_only_the_author_may_ask(client: httpx.AsyncClient) -> None:
    for method, path in (("POST", "ingest"), ("GET", "status"), ("GET", "ingest/x")):
        assert (await client.request(method, f"/api/admin/{path}")).status_code == 401
    wrong = await client.get("/api/admin/status", headers={"Authorization": "Bearer wrong token"})
    assert wrong.status_code == 401


@pytest.mark.parametrize("body", ['{"source": "/etc"}', '{"sauce": 1}', "{", '{"rebuild": "perhaps"}'])
async def test_odd_requests_are_refused(client: httpx.AsyncClient, body: str) -> None:
    response = await client.post("/api/admin/ingest", content=body, headers=ADMIN)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_turn")


async def test_address_inside_the_network_is_not_read(client: httpx.AsyncClient, service: LiveService) -> None:
    run = await ended(client, await start(client, source=f"{service.url}/sitemap.xml"))
    assert run["status"] == "failed"
    assert "private network" in run["error"]


async def test_changed_pages_are_taken_up_and_status_tells(client: httpx.AsyncClient, docs: Path) -> None:
    (docs / "page-7.md").write_text("# Loom 7\n\nThe loom number 7 is cleaned with vinegar.\n")
    looked = await ended(client, await start(client, dry_run=True))
    assert looked["report"]["changes"] == {"updated": ["page-7.md"]}
    run = await ended(client, await start(client))
    assert (run["status"], run["report"]["updated"], run["report"]["unchanged"]) == ("done", 1, PAGES - 1)
    assert (run["done"], run["total"]) == (PAGES, PAGES)
    assert "vinegar" in (await search(client))[0]["page_content"]
    status = (await client.get("/api/admin/status", headers=ADMIN)).json()
    assert status["collection"] == "docusaurus-book"
    assert status["active"].startswith("docusaurus-book--")
    assert status["made_with"]["dimensions"] == 384
    assert status["ingest"]["id"] == run["id"]


async def test_unknown_run_is_not_found(client: httpx.AsyncClient) -> None:
    for id in ("x", "0b5c2f6e-3d5a-4c59-9a3e-111111111111"):
        assert (await client.get(f"/api/admin/ingest/{id}", headers=ADMIN)).status_code == 404


async def test_rebuild_is_never_seen_half_done(client: httpx.AsyncClient, docs: Path) -> None:
    """Searches and turns go on; each sees the whole index of before or of after. A second run is refused."""
    write_book(docs, "vinegar")
    await ended(client, await start(client))
    write_book(docs, "wax")
    id = await start(client, rebuild=True)
    second = await client.post("/api/admin/ingest", headers=ADMIN)
    assert (second.status_code, second.json()["code"]) == (409, "ingest_running")
    running = asyncio.create_task(ended(client, id))
    seen: list[set[str]] = []
    while not running.done():
        found, asked = await asyncio.gather(
            search(client), client.post("/api/chat", json={"question": QUESTION}, headers=JSON)
        )
        assert (asked.status_code, asked.json()["outcome"]) == (200, "answered"), asked.text
        assert len(found) >= 3
        seen.append({word for passage in found for word in ("vinegar", "wax") if word in passage["page_content"]})
    assert (await running)["report"]["added"] == PAGES
    assert all(len(words) == 1 for words in seen), seen
    assert {word for words in seen for word in words} >= {"vinegar"}
    assert "wax" in (await search(client))[0]["page_content"]
    health = (await client.get("/api/health")).json()["services"]["qdrant"]
    assert (health["status"], health["collection"]) == ("connected", "docusaurus-book")


async def test_removed_pages_are_never_cited_again(client: httpx.AsyncClient, docs: Path) -> None:
    """Page by page, down to the last."""
    write_book(docs, "wax", pages=4)
    await ended(client, await start(client, delete_most=True))
    for number in range(4, PAGES):
        (docs / f"page-{number}.md").unlink()
    await ended(client, await start(client, delete_most=True))
    for left in (3, 2, 1):
        (docs / f"page-{left}.md").unlink()
        assert (await ended(client, await start(client)))["report"]["deleted"] == 1
        cited = {source["url"] for question in (QUESTION, "Which loom takes 3 minutes?", "Loom 2?")
                 for source in await sources(client, question)}  # fmt: skip
        assert cited == {f"/docs/page-{number}" for number in range(left)}


async def sources(client: httpx.AsyncClient, question: str) -> list[dict[str, Any]]:
    response = await client.post("/api/chat", json={"question": question}, headers=JSON)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["sources"]
    return found
