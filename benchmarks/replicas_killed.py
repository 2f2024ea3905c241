"""Two replicas behind haproxy, one killed with -9 every few seconds under fifty readers: nothing is lost.

PYTHONPATH=.:tests python -m benchmarks.replicas_killed [--seconds 180] [--readers 50] [--every 5]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from live_service import LiveService, free_port, stop

from benchmarks.live import SLOWLY, await_ready, haproxy, start_at
from chains.embedded_postgres import EmbeddedPostgres
from tests.faults.fleet import Told, ask, resume, stored

BUSY = (httpx.TransportError, AssertionError)


@dataclass
class Count:
    """What fifty readers met."""

    done: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


async def read(url: str, end: float, count: Count) -> None:
    """Ask one turn after the other; come back until each is complete, and compare it with what is stored."""
    async with httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(60, read=30)) as client:
        await persist(client, count)
        conversation = str(uuid4())
        turns = []
        while time.monotonic() < end:
            turn = {"question": SLOWLY, "turn_id": str(uuid4()), "conversation_id": conversation}
            text = await answered(client, turn, count)
            turns.append((turn, text))
            count.done += 1
        for turn, text in turns:
            await compare(client, turn, text, count)


async def persist(client: httpx.AsyncClient, count: Count) -> None:
    while True:
        try:
            response = await client.post("/api/session")
            client.headers["X-Docent-Visitor"] = response.json()["visitor_token"]
            return
        except (httpx.TransportError, KeyError, ValueError):
            count.kinds["no service"] += 1
            await asyncio.sleep(0.5)


async def answered(client: httpx.AsyncClient, turn: dict[str, str], count: Count) -> str:
    """The text that was told as whole."""
    while True:
        told = Told()
        await hear(client, turn, told, count)
        if told.types and told.types[-1] == "done":
            if hashlib.sha256(told.text.encode()).hexdigest() != told.data[-1]["answer_sha256"]:
                count.faults.append(f"false complete: {turn['turn_id']}")
            return told.text
        count.kinds["told partial"] += bool(told.types)
        await asyncio.sleep(random.uniform(0.2, 0.6))


async def hear(client: httpx.AsyncClient, turn: dict[str, str], told: Told, count: Count) -> None:
    """Until its last event; or until it has to be asked anew, if it was not accepted."""
    while not told.ended:
        try:
            if told.types:
                await resume(client, turn, told, params={"after": told.seqs[-1]})
            else:
                await ask(client, turn, told)
            if not told.ended:
                count.kinds["stream ended early"] += 1
        except httpx.TransportError:
            count.kinds["line cut"] += 1
        except AssertionError as refused:
            words = str(refused)
            if '"retryable":true' not in words:
                count.faults.append(f"{turn['turn_id']} after {told.seqs[-1:]}: {words[:300]}")
                return
            count.kinds["refused for now"] += 1
        if not told.ended:
            if not told.types:
                return
            await asyncio.sleep(random.uniform(0.1, 0.4))


async def compare(client: httpx.AsyncClient, turn: dict[str, str], text: str, count: Count) -> None:
    for _ in range(20):
        try:
            kept = await stored(client, turn)
        except BUSY:
            await asyncio.sleep(1)
            continue
        if (kept["state"], kept.get("answer")) != ("complete", text):
            count.faults.append(f"stored otherwise: {turn['turn_id']} {kept['state']}")
        return
    count.faults.append(f"lost: {turn['turn_id']}")


async def kill(replicas: list[LiveService], restart: Any, end: float, every: float) -> int:
    """One after the other, each when its neighbour is ready again."""
    kills = 0
    while time.monotonic() < end:
        await asyncio.sleep(every)
        number = kills % len(replicas)
        replicas[number].process.kill()
        replicas[number].process.wait()
        kills += 1
        replicas[number] = restart(number)
        await asyncio.to_thread(await_ready, replicas[number].url)
    return kills


async def run(folder: Path, database: str, arguments: argparse.Namespace) -> Count:
    ports = [free_port(), free_port()]

    def restart(number: int) -> LiveService:
        return start_at(folder / f"replica-{number}", ports[number], DATABASE_URL=database, TRUSTED_PROXIES="1")

    replicas, count = [restart(0), restart(1)], Count()
    try:
        for replica in replicas:
            await asyncio.to_thread(await_ready, replica.url)
        with haproxy(folder, ports) as url:
            await asyncio.to_thread(await_ready, url)
            end = time.monotonic() + arguments.seconds
            killing = asyncio.create_task(kill(replicas, restart, end, arguments.every))
            await asyncio.gather(*(read(url, end, count) for _ in range(arguments.readers)))
            count.kinds["kills"] = await killing
    finally:
        for replica in replicas:
            stop(replica)
    return count


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("seconds", 180.0), ("every", 5.0)):
        parser.add_argument(f"--{name}", type=float, default=default)
    parser.add_argument("--readers", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            count = asyncio.run(run(Path(folder), postgres.start(), arguments))
        finally:
            postgres.stop()
    print(f"{count.done} turns complete; {dict(count.kinds)}; faults: {len(count.faults)}")  # noqa: T201
    if count.faults:
        raise SystemExit("\n".join(count.faults[:20]))


if __name__ == "__main__":
    main()
