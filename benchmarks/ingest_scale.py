"""What a large index costs: a first run, a run over the same pages, and one with 1 % of them changed.

    python -m benchmarks.ingest_scale --pages 10000
    python -m benchmarks.ingest_scale --pages 20000 --sections 10 --remote --hashed    # 200,000 chunks

Vectors are the provider simulator's, over HTTP, or made of hashed words in this process. Seconds are of this process's
CPU and of the clock; memory is what this process holds at each tenth of a run.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from qdrant_client import QdrantClient

from chains.collection import Client
from chains.edge import EdgeClient
from chains.ingest import ingest, options_of, target_of
from chains.ingest.report import IndexReport
from chains.providers import PinnedEmbeddings, embeddings
from chains.settings import ChainSettings
from tests.chains.ingest.hashed import HashedEmbeddings
from tests.provider_simulator.handle import running_simulator

STEMS, ENDS = ("robot", "arm", "torque", "joint", "sensor"), ("ing", "ed", "er", "s", "ly")
WORDS = [stem + end for stem in STEMS for end in ENDS]


def write_page(docs: Path, number: int, sections: int, word: str) -> None:
    chance = random.Random(number)
    parts = [
        f"## Part {part} of {number}\n\n{word} {' '.join(chance.choices(WORDS, k=90))}." for part in range(sections)
    ]
    file = docs / f"part-{number // 200}" / f"page-{number}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"---\ntitle: Page {number}\n---\n\n" + "\n\n".join(parts) + "\n")


class Clock:
    """Seconds of the clock and of this process's CPU since it was made, and the memory at tenths of a run."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()
        self.memory: dict[int, float] = {}

    def hear(self, done: int, total: int) -> None:
        if (tenth := 10 * done // max(total, 1)) not in self.memory:
            self.memory[tenth] = psutil.Process().memory_info().rss / 1e6

    @property
    def cpu(self) -> float:
        return time.process_time() - self._cpu

    def tell(self, label: str, report: IndexReport) -> None:
        rate = report.embedded / self.cpu
        memory = ", ".join(f"{tenth * 10} %: {size:.0f} MB" for tenth, size in sorted(self.memory.items()))
        sys.stdout.write(
            f"{label}: {report}\n  {self.cpu:.1f} s of CPU, {time.monotonic() - self._wall:.1f} s of the clock, "
            f"{rate:.0f} chunks a second and core\n  memory {memory}\n"
        )
        sys.stdout.flush()


def measure(docs: Path, client: Client, model: PinnedEmbeddings, settings: ChainSettings, label: str) -> float:
    clock = Clock()
    target = target_of(str(docs), settings, client, model)
    report = ingest(str(docs), target, options_of(settings), clock.hear)
    clock.tell(label, report)
    return clock.cpu


@contextmanager
def engine(folder: Path, *, remote: bool) -> Iterator[Client]:
    if remote:
        command = [sys.executable, "-m", "tests.qdrant_server", "--port", "0", "--directory", str(folder / "cluster")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            client = QdrantClient(server.stdout.readline().split()[-1], check_compatibility=False, timeout=60)
            yield client
            client.close()
            server.terminate()
        return
    embedded = EdgeClient(folder / "qdrant")
    embedded.open()
    yield embedded
    embedded.close()


@contextmanager
def model_of(*, hashed: bool) -> Iterator[tuple[PinnedEmbeddings, ChainSettings]]:
    if hashed:
        yield HashedEmbeddings(), ChainSettings(_env_file=None)  # type: ignore[call-arg]
        return
    with running_simulator() as running:
        key = running.new_key()
        given = {"gemini_api_key": key.key, "gemini_base_url": key.gemini_url, "embed_timeout": 60}
        settings = ChainSettings(_env_file=None, **given)  # type: ignore[call-arg]
        model = embeddings(settings)
        yield model, settings
        model.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--sections", type=int, default=6)
    parser.add_argument("--remote", action="store_true", help="the Qdrant test server instead of the embedded engine")
    parser.add_argument("--hashed", action="store_true", help="vectors without a simulator")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, model_of(hashed=asked.hashed) as (model, settings):
        folder = Path(place)
        for number in range(asked.pages):
            write_page(folder / "docs", number, asked.sections, "old")
        with engine(folder, remote=asked.remote) as client:
            full = measure(folder / "docs", client, model, settings, "first")
            measure(folder / "docs", client, model, settings, "same")
            for number in range(0, asked.pages, 100):
                write_page(folder / "docs", number, asked.sections, "new")
            again = measure(folder / "docs", client, model, settings, "1 % changed")
    sys.stdout.write(f"1 % changed costs {100 * again / full:.1f} % of the first run's CPU\n")


if __name__ == "__main__":
    main()
