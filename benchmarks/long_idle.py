"""A WebSocket behind haproxy that says nothing for a quarter of an hour still answers a turn.

PYTHONPATH=.:tests python -m benchmarks.long_idle [--minutes 15]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

from live_service import free_port, stop
from websockets.asyncio.client import connect

from benchmarks.live import await_ready, haproxy, start_at


async def run(url: str, minutes: float) -> None:
    async with connect(f"{url.replace('http', 'ws')}/ws/chat", ping_interval=None) as socket:
        await asyncio.sleep(minutes * 60)
        await socket.send(json.dumps({"type": "turn", "question": "How do I deploy a release?"}))
        event = {"type": ""}
        while event["type"] not in ("done", "error"):
            event = json.loads(await socket.recv())
    print(f"after {minutes:g} idle minutes: {event['type']}")  # noqa: T201
    if event["type"] != "done":
        raise SystemExit(json.dumps(event))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        service = start_at(Path(folder) / "replica", port, TRUSTED_PROXIES="1")
        try:
            service.await_health()
            with haproxy(Path(folder), [port]) as url:
                await_ready(url)
                asyncio.run(run(url, arguments.minutes))
        finally:
            stop(service)


if __name__ == "__main__":
    main()
