"""Replicas of the whole service, each a process, over one Postgres."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from live_service import LiveService, start, stop
from websockets.asyncio.client import ClientConnection

from tests.app.doors import SCRIPTED, SITE, events

SLOWLY = "How do I deploy a release slowly?"  # its model takes a second and a half


@dataclass
class Fleet:
    """A replica is started when it is first asked for, and again after its end."""

    folder: Path
    database: str
    settings: dict[str, str]
    services: dict[int, LiveService] = field(default_factory=dict)

    def service(self, number: int) -> LiveService:
        service = self.services.get(number)
        if service is None or service.process.poll() is not None:
            folder = self.folder / f"replica-{number}"
            folder.mkdir(exist_ok=True)
            service = start(folder, SITE, command=SCRIPTED, DATABASE_URL=self.database, **self.settings)
            self.services[number] = service
            service.await_health()
        return service

    def kill(self, number: int) -> None:
        self.services[number].process.kill()
        self.services[number].process.wait()

    def close(self) -> None:
        for service in self.services.values():
            if service.process.poll() is None:
                service.process.send_signal(signal.SIGTERM)
        for service in self.services.values():
            stop(service)


@dataclass
class Told:
    """What one reader had of a turn."""

    types: list[str] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Of the tokens since the last restart."""
        since = max((place for place, kind in enumerate(self.types) if kind == "restart"), default=0)
        return "".join(data.get("text", "") for data in self.data[since:])

    @property
    def ended(self) -> bool:
        return bool(self.types) and self.types[-1] in ("done", "error")

    def add(self, kind: str, data: dict[str, Any], seq: int) -> None:
        assert not self.seqs or seq == self.seqs[-1] + 1, (self.seqs, seq)
        assert not self.ended, "an event after the last one"
        self.types.append(kind)
        self.data.append(data)
        self.seqs.append(seq)


def new_turn(question: str = SLOWLY) -> dict[str, str]:
    return {"question": question, "turn_id": str(uuid4()), "conversation_id": str(uuid4())}


@asynccontextmanager
async def visiting(service: LiveService, token: str = "") -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        token = token or (await client.post("/api/session")).json()["visitor_token"]
        client.headers["X-Docent-Visitor"] = token
        yield client


async def ask(client: httpx.AsyncClient, turn: dict[str, str], told: Told | None = None, count: int = 0) -> Told:
    """By server-sent events: all of them, or leave after `count`."""
    async with client.stream("POST", "/api/chat", json=turn) as response:
        return await _hear(response, told or Told(), count)


async def resume(client: httpx.AsyncClient, turn: dict[str, str], told: Told, **options: Any) -> Told:
    path = f"/api/chat/{turn['turn_id']}/events"
    async with client.stream("GET", path, **options) as response:
        return await _hear(response, told, 0)


async def _hear(response: httpx.Response, told: Told, count: int) -> Told:
    if response.status_code != 200:
        raise AssertionError((await response.aread()).decode())
    async for kind, data, event_id in events(response.aiter_lines()):
        told.add(kind, data, int(event_id.rpartition(":")[2]))
        if len(told.types) == count:
            break
    return told


async def hear_frames(socket: ClientConnection, turn: dict[str, str], told: Told, count: int = 0) -> Told:
    """This turn's frames, to the last one."""
    while not told.ended and len(told.types) != (count or -1):
        frame = json.loads(await asyncio.wait_for(socket.recv(), 60))
        if frame.get("turn_id") == turn["turn_id"]:
            told.add(frame.pop("type"), frame, frame.pop("seq"))
    return told


async def stored(client: httpx.AsyncClient, turn: dict[str, str]) -> dict[str, Any]:
    """The turn as its conversation shows it, once it has ended."""
    for _ in range(600):
        response = await client.get(f"/api/conversation/{turn['conversation_id']}")
        assert response.status_code == 200, response.text
        found = [each for each in response.json()["messages"] if each["turn_id"] == turn["turn_id"]]
        if found and found[0]["state"] != "running":
            assert len(found) == 1
            return dict(found[0])
        await asyncio.sleep(0.1)
    raise AssertionError(response.text)
