"""Many answers streamed at once, evenly begun: python -m benchmarks.open_streams [--embedded] [PROVIDER ...]

`docent serve` in a process of its own, the simulated provider in another, a Qdrant server in a third; this one reads.
With `--embedded` the index is in the service, which searches in a thread. The added time to the first token is what a
reader waits for it less what the provider takes. Linux alone: threads are read from /proc.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import psutil

from chains.embedded_postgres import EmbeddedPostgres
from tests.live_service import ROOT, LiveService, clean_environment, serving
from tests.provider_simulator.handle import ProviderKey, RunningSimulator, running_simulator

SITE = Path(__file__).parent.parent / "tests" / "app" / "site"
PYTHON = (sys.executable, "-m")
EMBEDDED = "--embedded"
PROVIDERS = ("gemini", "cohere", "openai_compatible")
FIRST_TOKEN = 0.4  # seconds that the provider takes for it
BODY = json.dumps({"question": "How do I deploy a release?"}).encode()
REQUEST = (
    b"POST /api/chat HTTP/1.1\r\nHost: docent\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


@dataclass(frozen=True)
class Load:
    """`streams` answers of `tokens` tokens, `gap` seconds apart. The first ones end when the last one begins."""

    streams: int = 200
    tokens: int = 50
    gap: float = 0.4

    @property
    def seconds(self) -> float:
        return FIRST_TOKEN + self.tokens * self.gap


@dataclass
class Stream:
    """`first`: seconds until its first token; `words`: how many came; `end`: its last event."""

    first: float = 0.0
    words: int = 0
    end: str = ""
    outcome: str = ""


@dataclass(frozen=True)
class Figures:
    """`added`: seconds until each first token, less the provider's. CPU in seconds; `wakes`: how often threads other
    than the event loop's woke up while the answers streamed, by the names that the system has for them."""

    streams: list[Stream]
    added: list[float]
    cpu: float
    wakes: Counter[str]
    load: float

    def failed(self, tokens: int) -> int:
        """Markers of sources may stand as words of their own."""
        whole = [each for each in self.streams if (each.end, each.outcome) == ("done", "answered")]
        good = [each for each in whole if each.words >= tokens]
        return len(self.streams) - len(good)

    @property
    def p99(self) -> float:
        return quantiles(self.added, n=100)[98]


def settings_of(provider: str, key: ProviderKey) -> dict[str, str]:
    """Its own embeddings; with the third, which has none, Cohere's: a model in the process needs a thread."""
    gemini = {"GEMINI_API_KEY": key.key, "GEMINI_BASE_URL": key.gemini_url}
    cohere = {"COHERE_API_KEY": key.key, "COHERE_BASE_URL": key.cohere_url}
    openai = {"OPENAI_BASE_URL": key.openai_url, "OPENAI_API_KEY": key.key, "OPENAI_MODEL": "qwen3:8b"}
    of_chat = {"gemini": gemini, "cohere": cohere, "openai_compatible": cohere | openai}
    return {"CHAT_PROVIDER": provider, "MAX_RUNNING_TURNS": "1000", **of_chat[provider]}


@contextmanager
def serving_load(
    provider: str, key: ProviderKey, load: Load, folder: Path, dsn: str, *, embedded: bool = False
) -> Iterator[LiveService]:
    key.configure(tokens=load.tokens, between_tokens=load.gap, first_token=FIRST_TOKEN)
    settings = settings_of(provider, key) | {"DATABASE_URL": dsn}
    if embedded:
        with serving(folder, SITE, **settings) as service:
            yield service
        return
    with filled_qdrant(folder, settings) as url, serving(folder, SITE, QDRANT_URL=url, **settings) as service:
        yield service


@contextmanager
def filled_qdrant(folder: Path, settings: dict[str, str]) -> Iterator[str]:
    """The address of a Qdrant server with the site's pages."""
    command = [*PYTHON, "tests.qdrant_server", "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().split()[-1] if server.stdout else ""
        environment = clean_environment() | settings | {"QDRANT_URL": url, "DATA_DIR": str(folder / "ingest")}
        ingest = [*PYTHON, "app", "ingest", str(SITE)]
        subprocess.run(ingest, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        yield url
    finally:
        server.terminate()
        server.communicate(timeout=10)


async def read_stream(service: LiveService) -> Stream:
    host, _, port = service.host.partition(":")
    stream, started = Stream(), time.perf_counter()
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(REQUEST)
    event = ""
    async for line in reader:
        if line.startswith(b"event: "):
            event = line[7:].decode().strip()
        elif line.startswith(b"data: "):
            take(stream, event, json.loads(line[6:]), time.perf_counter() - started)
    writer.close()
    return stream


def take(stream: Stream, event: str, data: dict[str, str], seconds: float) -> None:
    if event == "token":
        stream.first = stream.first or seconds
        stream.words += len(data["text"].split())
    elif event in ("done", "error"):
        stream.end, stream.outcome = event, data.get("outcome", data.get("code", ""))


def wakes_of_other_threads(process: int) -> Counter[str]:
    """Those of the event loop's, which is the first one, are left out. A thread that waits in a pool never wakes."""
    wakes: Counter[str] = Counter()
    for task in Path(f"/proc/{process}/task").iterdir():
        told = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        if task.name != str(process):
            wakes[told["Name"].strip()] += int(told["voluntary_ctxt_switches"])
    return wakes


async def run(service: LiveService, load: Load) -> Figures:
    """One answer first, which imports and connects; then all of them."""
    await read_stream(service)
    process = psutil.Process(service.process.pid)
    before, wakes = process.cpu_times(), wakes_of_other_threads(process.pid)

    async def arrive(number: int) -> Stream:
        await asyncio.sleep(number * load.seconds / load.streams)
        return await read_stream(service)

    streams = await asyncio.gather(*map(arrive, range(load.streams)))
    after = process.cpu_times()
    return Figures(
        streams=streams,
        added=[stream.first - FIRST_TOKEN for stream in streams],
        cpu=after.user + after.system - before.user - before.system,
        wakes=wakes_of_other_threads(process.pid) - wakes,
        load=os.getloadavg()[0],
    )


def measure(
    provider: str, simulator: RunningSimulator, load: Load, folder: Path, dsn: str, *, embedded: bool = False
) -> Figures:
    with serving_load(provider, simulator.new_key(), load, folder, dsn, embedded=embedded) as service:
        return asyncio.run(run(service, load))


def told(figures: Figures, load: Load) -> str:
    middle = quantiles(figures.added, n=2)[0]
    woken = ", ".join(f"{name} {number}" for name, number in figures.wakes.most_common() if number) or "none"
    return (
        f"{load.streams} streams of {load.seconds:.0f} s, {figures.failed(load.tokens)} failed, first token "
        f"later by {middle * 1000:.0f} ms (median), {figures.p99 * 1000:.0f} ms (p99), {figures.cpu:.1f} s of CPU, "
        f"{figures.wakes.total()} wakes of other threads ({woken}), machine load {figures.load:.1f}"
    )


def main() -> None:
    load, embedded = Load(), EMBEDDED in sys.argv
    with tempfile.TemporaryDirectory() as folder, running_simulator() as simulator:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        dsn = postgres.start()
        for provider in [name for name in sys.argv[1:] if name != EMBEDDED] or PROVIDERS:
            own = Path(folder) / provider
            own.mkdir()
            figures = measure(provider, simulator, load, own, dsn, embedded=embedded)
            sys.stdout.write(f"{provider}: {told(figures, load)}\n")
        postgres.stop()


if __name__ == "__main__":
    main()
