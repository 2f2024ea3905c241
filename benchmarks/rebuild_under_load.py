"""Searches and turns go on while the index is made anew again and again: none fails, none sees two indexes or none.

PYTHONPATH=.:tests python -m benchmarks.rebuild_under_load [--retrievals 50] [--turns 5] [--keyless] [--remote]

The service rebuilds its embedded index when its deploy hook asks for it. With --remote the index is on the Qdrant test
server, and `docent ingest --rebuild` in another process makes it anew. Every page of one index says how its loom is
cleaned, each index with another word; embeddings and answers are the provider simulator's, or the local models'.
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
MOST = 250  # requests under way
WORDS = ("soap", "vinegar", "wax", "sand")
Rebuild = Callable[[], Awaitable[None]]


@dataclass
class Seen:
    """`words` are those of the whole indexes that were seen; `mixed` says what was of none or of two of them, `failed`
    what was not answered. `left_out` were not asked, because too many were under way."""

    milliseconds: list[float] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left_out: int = 0

    def add(self, texts: list[str], began: float) -> None:
        self.milliseconds.append((time.perf_counter() - began) * 1_000)
        found = {word for text in texts for word in WORDS if word in text}
        if len(found) != 1:
            self.mixed.append(f"{len(texts)} passages with {sorted(found) or 'no word'}")
        elif self.words[-1:] != [*found]:
            self.words += found

    def told(self) -> str:
        p50, p99 = share(self.milliseconds, 0.5), share(self.milliseconds, 0.99)
        bad = f"{len(self.mixed)} mixed, {len(self.failed)} failed, {self.left_out} not asked"
        return f"{len(self.milliseconds)} in p50/p99 {p50:.0f}/{p99:.0f} ms, {bad}"


def write_book(docs: Path, pages: int, word: str) -> None:
    docs.mkdir(exist_ok=True)
    for number in range(pages):
        text = f"The loom number {number} is cleaned with {word}, and it takes {number} minutes of {word}. " * 4
        (docs / f"page-{number}.md").write_text(f"# Loom {number}\n\n{text}\n\n## After {number}\n\n{text}\n")


async def search(client: httpx.AsyncClient, number: int, seen: Seen) -> None:
    began = time.perf_counter()
    found = await answer(client, "/retriever/invoke", {"input": f"How is the loom number {number} cleaned?"}, seen)
    if found is not None:
        seen.add([passage["page_content"] for passage in found["output"]], began)


async def ask(client: httpx.AsyncClient, number: int, seen: Seen) -> None:
    began = time.perf_counter()
    reply = await answer(client, "/api/chat", {"question": f"How is the loom number {number} cleaned?"}, seen)
    if reply is not None and reply["outcome"] != "answered":
        seen.mixed.append(str(reply)[:300])
    elif reply is not None:
        seen.add([reply["answer"], *(source["snippet"] for source in reply["sources"])], began)


async def answer(client: httpx.AsyncClient, path: str, body: dict[str, str], seen: Seen) -> dict[str, Any] | None:
    """None: there was none."""
    try:
        response = await client.post(path, json=body, headers={"Accept": "application/json"})
    except httpx.TransportError as error:
        seen.failed.append(repr(error))
        return None
    if response.status_code != 200:
        seen.failed.append(f"{response.status_code}: {response.text[:300]}")
        return None
    found: dict[str, Any] = response.json()
    return found


async def offer(rate: float, one: Callable[[int], Awaitable[None]], seen: Seen, ended: asyncio.Event) -> None:
    """So many a second, whether answered or not, as long as not too many are under way."""
    tasks, began = set[asyncio.Task[None]](), time.monotonic()
    for number in itertools.count():
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        if ended.is_set():
            break
        if len(tasks) >= MOST:
            seen.left_out += 1
            continue
        task = asyncio.create_task(one(number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)


@asynccontextmanager
async def load(service: LiveService, asked: argparse.Namespace) -> AsyncIterator[tuple[Seen, Seen]]:
    searches, turns, ended = Seen(), Seen(), asyncio.Event()
    limits = httpx.Limits(max_connections=500, max_keepalive_connections=100)
    async with httpx.AsyncClient(base_url=service.url, timeout=30, limits=limits) as client:
        running = asyncio.gather(
            offer(asked.retrievals, lambda n: search(client, n % asked.pages, searches), searches, ended),
            offer(asked.turns, lambda n: ask(client, 7 * n % asked.pages, turns), turns, ended),
        )
        try:
            yield searches, turns
        finally:
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
    stale += [f"{left} not asked"] if (left := searches.left_out + turns.left_out) else []
    if wrong := [*searches.mixed, *turns.mixed, *stale, *searches.failed, *turns.failed]:
        raise SystemExit("\n".join(wrong[:10]))


@contextmanager
def qdrant(folder: Path) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "tests.qdrant_server", "--port", "0", "--directory", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        try:
            yield {"QDRANT_URL": server.stdout.readline().split()[-1]}
        finally:
            server.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--retrievals", type=float, default=50, help="a second")
    parser.add_argument("--turns", type=float, default=5, help="a second")
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--keyless", action="store_true", help="embeddings and answers are the local models'")
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
        provider = {} if asked.keyless else {"GEMINI_API_KEY": key.key, "GEMINI_BASE_URL": key.gemini_url}
        settings = {"ADMIN_TOKEN": TOKEN, **provider, **index}
        environment = {"DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **settings}
        if asked.remote:
            asyncio.run(by_command(docs, environment))
        with serving(folder, docs, **settings) as service:
            rebuild = (lambda: by_command(docs, environment)) if asked.remote else (lambda: by_hook(service))
            asyncio.run(run(service, docs, rebuild, asked))


if __name__ == "__main__":
    main()
