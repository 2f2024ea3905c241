"""An answer's time without the provider's own: python -m benchmarks.turn_cost [TURNS] [READERS]

A model that answers at once stands for the provider, so that what is left is Docent's: the gate, storing the question,
embedding and search on the embedded engines, citations, storing the reply. Asked over HTTP, whole answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
import uvicorn

from app.main import create_app
from app.resources import Chain, Resources
from app.settings import Settings
from chains.full_chain import build_full_chain
from tests.chains.scripted import scripted

ROOT = Path(__file__).parents[1]
ROWS = map(json.loads, (ROOT / "tests/docs/questions.jsonl").read_text().splitlines())
QUESTIONS = [row["question"] for row in ROWS if not row.get("unanswerable")]
ANSWER = "To start it, run| `make serve` in the| folder of the repository. [1]| It listens on port| 7860. [2]| " * 4
TARGET = 100.0  # milliseconds


class InstantModel(Resources):
    """The real engines and every stage; the model's words are there at once, as many at a time as Gemini's."""

    async def chain(self) -> Chain:
        await super().chain()
        ending = {"response_metadata": {"finish_reason": "STOP", "model_name": "instant"}}
        return build_full_chain(self.search.retriever(), scripted(ANSWER, **ending), find=self.search.find)


async def main(turns: int, readers: int) -> int:
    with TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), docs=ROOT / "docs", port=0, host="127.0.0.1", log_level="ERROR")
        app = create_app(settings, InstantModel(settings))
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve())
        await app.state.docent.resources._started.wait()
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            alone = await _ask(client, turns, readers=1)
            together = await _ask(client, turns, readers)
        server.should_exit = True
        await serving
    _report("one after another", alone)
    _report(f"{readers} at once", together)
    return 0 if median(alone[0]) < TARGET else 1


async def _ask(client: httpx.AsyncClient, turns: int, readers: int) -> tuple[list[float], float]:
    """Milliseconds of each answer, after one that is not counted; and of CPU an answer, the client's included."""
    await _answer(client, QUESTIONS[0])
    spent = time.process_time()
    todo = iter(range(turns))
    times: list[float] = []

    async def reader() -> None:
        for number in todo:
            times.append(await _answer(client, QUESTIONS[number % len(QUESTIONS)]))

    await asyncio.gather(*(reader() for _ in range(readers)))
    return times, (time.process_time() - spent) * 1_000 / turns


async def _answer(client: httpx.AsyncClient, question: str) -> float:
    began = time.perf_counter()
    response = await client.post("/api/chat", json={"question": question}, headers={"Accept": "application/json"})
    response.raise_for_status()
    assert response.json()["outcome"] in ("answered", "no_evidence")
    return (time.perf_counter() - began) * 1_000


def _report(name: str, measured: tuple[Sequence[float], float]) -> None:
    times, cpu = measured
    ordered = sorted(times)
    at = {share: ordered[min(int(len(ordered) * share), len(ordered) - 1)] for share in (0.5, 0.95, 0.99)}
    shown = ", ".join(f"p{share:.0%}".rstrip("%") + f" {figure:.0f} ms" for share, figure in at.items())
    machine = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    print(f"{name}: {len(times)} answers, {shown}, CPU {cpu:.0f} ms each; {machine}")  # noqa: T201


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    raise SystemExit(asyncio.run(main(*(arguments + [200, 20][len(arguments) :]))))
