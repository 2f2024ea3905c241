"""One question through each door, and what came back in one shape."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

import httpx
from langserve import RemoteRunnable
from live_service import LiveService
from websockets.asyncio.client import ClientConnection, connect

from chains.turn import ReplyPart

SITE = Path(__file__).parent / "site"
SCRIPTED = [sys.executable, str(SITE.parent / "scripted_service.py"), "--port", "{port}"]
JSON = {"Accept": "application/json"}
TERMINAL = ("done", "error")
READER = "https://book.example"  # the site that is allowed to ask from a browser
ADMIN_TOKEN = "the author's own"


@dataclass
class Heard:
    """What a stream told: the contract's events, in order, without their `seq`, and the gapless `seq` apart."""

    types: list[str] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    headers: httpx.Headers = field(default_factory=httpx.Headers)

    def add(self, kind: str, data: dict[str, Any], seq: int) -> None:
        self.types.append(kind)
        self.data.append(data)
        self.seqs.append(seq)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [data for each, data in zip(self.types, self.data, strict=True) if each == kind]

    @property
    def last(self) -> dict[str, Any]:
        return self.data[-1]

    @property
    def text(self) -> str:
        return "".join(token["text"] for token in self.of("token"))

    def reply(self) -> dict[str, Any]:
        """As the doors that answer at once have it."""
        digest = {"answer_sha256"}
        done = {name: value for name, value in self.last.items() if name not in digest}
        return done | {"answer": self.text, "sources": self.of("sources")[-1]["sources"]}


def client_of(service: LiveService, token: str | None = None) -> httpx.AsyncClient:
    headers = {"X-Docent-Visitor": token} if token else {}
    return httpx.AsyncClient(base_url=service.url, headers=headers, timeout=60)


async def ask(client: httpx.AsyncClient, question: str, **fields: Any) -> dict[str, Any]:
    """The whole reply at once."""
    response = await client.post("/api/chat", json={"question": question, **fields}, headers=JSON)
    assert response.status_code == 200, response.text
    reply: dict[str, Any] = response.json()
    return reply


async def stream(client: httpx.AsyncClient, question: str, **fields: Any) -> Heard:
    """By server-sent events."""
    heard = Heard()
    async with client.stream("POST", "/api/chat", json={"question": question, **fields}) as response:
        if response.status_code != 200:
            raise AssertionError((await response.aread()).decode())
        heard.headers = response.headers
        async for kind, data, event_id in events(response.aiter_lines()):
            heard.add(kind, data, int(event_id.rpartition(":")[2]))
    return heard


async def events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, dict[str, Any], str]]:
    """Each event's type, data and id; comments are left out."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields and not line:
            yield fields["event"], json.loads(fields["data"]), fields["id"]
            fields = {}


def socket_of(service: LiveService, query: str = "", **options: Any) -> connect:
    return connect(f"ws://{service.host}/ws/chat{query}", max_size=None, **options)


async def send(socket: ClientConnection, question: str, **fields: Any) -> Heard:
    """One turn over an open socket, to its end."""
    await socket.send(json.dumps({"type": "turn", "question": question, **fields}))
    heard = Heard()
    while not heard.types or heard.types[-1] not in TERMINAL:
        frame = json.loads(await socket.recv())
        heard.add(frame.pop("type"), frame, frame.pop("seq", 0))
    return heard


def remote(service: LiveService, path: str = "rag", token: str | None = None) -> RemoteRunnable:
    headers = {"X-Docent-Visitor": token} if token else {}
    return RemoteRunnable(f"{service.url}/{path}", headers=headers, timeout=60)


def folded(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return dict(reduce(ReplyPart.__add__, map(ReplyPart, parts), ReplyPart()))


def ask_by_command(service: LiveService, question: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "app", "ask", question, "--json", *options]
    done = subprocess.run(command, cwd=service.data_dir, env=service.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    reply: dict[str, Any] = json.loads(done.stdout)
    return reply
