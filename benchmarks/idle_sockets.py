"""Thousands of idle WebSockets, and 200 that ask: memory of each, and the time to the first token with and without.

PYTHONPATH=.:tests python -m benchmarks.idle_sockets [--idle 5000] [--active 200]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

import psutil
from live_service import LiveService, serving
from raw_socket import RawSocket

from benchmarks.live import SLOWLY, allow_many_files, share
from tests.app.doors import SCRIPTED, SITE

AT_ONCE = 100  # sockets that are being opened
ROUNDS = 3
SPREAD = 20.0  # seconds over which the active ones begin to ask


async def open_all(service: LiveService, count: int) -> list[RawSocket]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one() -> RawSocket:
        async with limit:
            return await RawSocket.open(service.host)

    return await asyncio.gather(*(one() for _ in range(count)))


async def answer_pings(sockets: list[RawSocket]) -> None:
    await asyncio.gather(*(socket.events() for socket in sockets))


async def first_token(host: str, pause: float) -> float:
    """Milliseconds, on a socket of its own; reads the turn to its end."""
    await asyncio.sleep(pause)
    socket = await RawSocket.open(host)
    began, first = time.perf_counter(), 0.0
    await socket.say(type="turn", question=SLOWLY)
    while (event := await socket.event()) is not None:
        if event["type"] == "token" and not first:
            first = (time.perf_counter() - began) * 1000
        if event["type"] in ("done", "error"):
            assert event["type"] == "done", json.dumps(event)
            socket.writer.close()
            return first
    raise AssertionError(socket.code)


async def round_of(host: str, count: int) -> list[float]:
    return await asyncio.gather(*(first_token(host, SPREAD * number / count) for number in range(count)))


async def run(service: LiveService, idle: int, active: int) -> None:
    process = psutil.Process(service.process.pid)
    await round_of(service.host, active)  # warm
    alone = [took for _ in range(ROUNDS) for took in await round_of(service.host, active)]
    before = process.memory_info().rss
    sleeping = await open_all(service, idle)
    each = (process.memory_info().rss - before) / idle / 1024
    pings = asyncio.create_task(answer_pings(sleeping))
    crowded = [took for _ in range(ROUNDS) for took in await round_of(service.host, active)]
    pings.cancel()
    ratio = share(crowded, 0.99) / share(alone, 0.99)
    print(  # noqa: T201
        f"{idle} idle: {each:.1f} KB each; first token p50/p99 {share(alone, 0.5):.0f}/{share(alone, 0.99):.0f} ms"
        f" alone, {share(crowded, 0.5):.0f}/{share(crowded, 0.99):.0f} ms among them: {ratio:.2f} times"
    )
    if each >= 35 or ratio > 2:
        raise SystemExit("over the bound of 35 KB each, or of twice the time")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--active", type=int, default=200)
    arguments = parser.parse_args()
    allow_many_files()
    with tempfile.TemporaryDirectory() as folder:
        more = {"MAX_RUNNING_TURNS": str(arguments.active + 50)}
        with serving(Path(folder), SITE, command=SCRIPTED, **more) as service:
            asyncio.run(run(service, arguments.idle, arguments.active))


if __name__ == "__main__":
    main()
