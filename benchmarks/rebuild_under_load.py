"""Searches and turns go on while the index is made anew again and again: none fails, none sees two indexes or none.

PYTHONPATH=.:tests python -m benchmarks.rebuild_under_load [--seconds 60] [--retrievals 50] [--turns 5] [--remote]

The service rebuilds its embedded index when its deploy hook asks for it. With --remote the index is on the Qdrant test
server, and `docent ingest --rebuild` in another process makes it anew. Every page of one index says how its loom is
cleaned, each index with another word; embeddings and answers are the provider simulator's.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from live_service import ROOT, LiveService, serving

from benchmarks.live import allow_many_files, share
from tests.provider_simulator.handle import running_simulator

TOKEN = "the author's own"
WORDS = ("soap", "vinegar", "wax", "sand")
Rebuild = Callable[[], Awaitable[None]]


@dataclass
class Seen:
    """`words` are those of the last whole index that was seen; `wrong` says what must not be."""

    milliseconds: list[float] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, texts: list[str], began: float) -> None:
        self.milliseconds.append((time.perf_counter() - began) * 1_000)
        found = {word for text in texts for word in WORDS if word in text}
        if len(found) != 1:
            self.wrong.append(f"{len(texts)} passages with {sorted(found) or 'no word'}")
        elif self.words[-1:] != [*found]:
            self.words += found

    def told(self) -> str:
        p50, p99 = share(self.milliseconds, 0.5), share(self.milliseconds, 0.99)
        return f"{len(self.milliseconds)} in p50/p99 {p50:.0f}/{p99:.0f} ms, {len(self.wrong)} wrong"


def write_book(docs: Path, pages: int, word: str) -> None:
    docs.mkdir(exist_ok=True)
    for number in range(pages):
        text = f"The loom number {number} is cleaned with {word}, and it takes {number} minutes of {word}. " * 4
        (docs / f"page-{number}.md").write_text(f"# Loom {number}\n\n{text}\n\n## After {number}\n\n{text}\n")


async def search(client: httpx.AsyncClient, number: int, seen: Seen) -> None:
    began = time.perf_counter()
    question = f"How is the loom number {number} cleaned?"
    response = await client.post("/retriever/invoke", json={"input": question})
    if response.status_code != 200 or len(response.json()["output"]) < 3:
        seen.wrong.append(f"{response.status_code}: {response.text[:300]}")
        return
    seen.add([passage["page_content"] for passage in response.json()["output"]], began)


async def ask(client: httpx.AsyncClient, number: int, seen: Seen) -> None:
    began = time.perf_counter()
    question = f"How is the loom number {number} cleaned?"
    response = await client.post("/api/chat", json={"question": question}, headers={"Accept": "application/json"})
    reply: dict[str, Any] = response.json()
    if response.status_code != 200 or reply["outcome"] != "answered":
        seen.wrong.append(f"{response.status_code}: {response.text[:300]}")
        return
    seen.add([reply["answer"], *(source["snippet"] for source in reply["sources"])], began)


async def offer(rate: float, one: Callable[[int], Awaitable[None]], seen: Seen, ended: asyncio.Event) -> None:
    """So many a second, whether answered or not."""
    tasks, began = set[asyncio.Task[None]](), time.monotonic()
    for number in itertools.count():
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        if ended.is_set():
            break
        task = asyncio.create_task(one(number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    for failure in await asyncio.gather(*tasks, return_exceptions=True):
        if failure is not None:
            seen.wrong.append(repr(failure))


@asynccontextmanager
async def load(service: LiveService, asked: argparse.Namespace) -> AsyncIterator[tuple[Seen, Seen]]:
    searches, turns, ended = Seen(), Seen(), asyncio.Event()
    limits = httpx.Limits(max_connections=500, max_keepalive_connections=100)
    async with httpx.AsyncClient(base_url=service.url, timeout=30, limits=limits) as client:
        running = asyncio.gather(
            offer(asked.retrievals, lambda n: search(client, n % asked.pages, searches), searches, ended),
            offer(asked.turns, lambda n: ask(client, 7 * n % asked.pages, turns), turns, ended),
        )
        yield searches, turns
        ended.set()
        await running


async def by_hook(service: LiveService) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=service.url, timeout=30, headers=headers) as client:
        run = (await client.post("/api/admin/ingest", json={"rebuild": True})).json()
        while run["status"] == "running":
            await asyncio.sleep(0.1)
            run = (await client.get(f"/api/admin/ingest/{run['id']}")).json()
    if run["status"] != "done":
        raise SystemExit(run["error"])


async def by_command(docs: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "app", "ingest", str(docs), "--rebuild", "--json"]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.DEVNULL)
    if await process.wait():
        raise SystemExit("docent ingest failed")


async def run(service: LiveService, docs: Path, rebuild: Rebuild, asked: argparse.Namespace) -> None:
    rebuilds, end = 0, time.monotonic() + asked.seconds
    async with load(service, asked) as (searches, turns):
        for word in itertools.cycle(WORDS[1:] + WORDS[:1]):
            write_book(docs, asked.pages, word)
            await rebuild()
            rebuilds += 1
            if time.monotonic() > end:
                break
        await asyncio.sleep(6)  # within which the last one is taken up
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        health = (await client.get("/api/health")).json()["services"]["qdrant"]
    told = f"searches: {searches.told()}; turns: {turns.told()}; indexes seen: {', '.join(searches.words)}"
    sys.stdout.write(f"{rebuilds} rebuilds of {asked.pages} pages under load. {told}\n")
    last = WORDS[rebuilds % len(WORDS)]
    stale = [] if searches.words[-1:] == [last] else [f"the last index, {last}, is not searched"]
    stale += [] if health["status"] == "connected" else [str(health)]
    if wrong := [*searches.wrong, *turns.wrong, *stale]:
        raise SystemExit("\n".join(wrong[:10]))


@contextmanager
def qdrant(folder: Path) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "tests.qdrant_server", "--port", "0", "--directory", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        yield {"QDRANT_URL": server.stdout.readline().split()[-1]}
        server.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--retrievals", type=float, default=50, help="a second")
    parser.add_argument("--turns", type=float, default=5, help="a second")
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--remote", action="store_true", help="another process makes the index anew")
    asked = parser.parse_args()
    allow_many_files()
    with (
        tempfile.TemporaryDirectory() as place,
        running_simulator() as simulator,
        qdrant(Path(place) / "cluster") if asked.remote else nullcontext({}) as index,
    ):
        folder, docs, key = Path(place), Path(place) / "docs", simulator.new_key()
        write_book(docs, asked.pages, WORDS[0])
        settings = {"GEMINI_API_KEY": key.key, "GEMINI_BASE_URL": key.gemini_url, "ADMIN_TOKEN": TOKEN, **index}
        environment = {"DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **settings}
        if asked.remote:
            asyncio.run(by_command(docs, environment))
        with serving(folder, docs, **settings) as service:
            rebuild = (lambda: by_command(docs, environment)) if asked.remote else (lambda: by_hook(service))
            asyncio.run(run(service, docs, rebuild, asked))


if __name__ == "__main__":
    main()
