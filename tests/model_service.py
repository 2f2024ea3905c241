"""The service on simulated providers, in this process: over real HTTP outwards, with an embedded index."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from app.main import create_app
from app.settings import Settings
from tests.provider_simulator.handle import ProviderKey
from tests.what_left import recorded

SITE = Path(__file__).parent / "app" / "site"
QUESTION = "How do I deploy a release?"
Event = tuple[str, dict[str, Any]]


def service_settings(
    folder: Path, database: str, gemini: ProviderKey | None = None, cohere: ProviderKey | None = None, **more: Any
) -> Settings:
    """Gemini and Cohere are used as far as they have a key; waits are shorter than the product's."""
    given: dict[str, Any] = {"data_dir": folder, "docs": SITE, "database_url": database}
    if gemini:
        given |= {"gemini_api_key": gemini.key, "gemini_base_url": gemini.gemini_url}
    if cohere:
        given |= {"cohere_api_key": cohere.key, "cohere_base_url": cohere.cohere_url}
    given |= {"first_token_timeout": 1.5, "between_tokens_timeout": 1.5, "embed_timeout": 1.5}
    given |= {name: "none" for name in Settings.model_fields if name.startswith(("rate_", "budget_"))}
    return Settings(_env_file=None, **(given | more))  # type: ignore[call-arg]


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with running(create_app(settings)) as client:
        yield client


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """For who wants to look inside: `app.state.docent` is the service."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(recorded(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://docent", timeout=60) as client:
            for _ in range(300):
                if (await client.get("/api/health")).json()["status"] != "starting":
                    break
                await asyncio.sleep(0.1)
            yield client
            await client.get("/metrics", headers={"Authorization": f"Bearer {os.environ.get('ADMIN_TOKEN', '')}"})


async def ask(client: httpx.AsyncClient, question: str = QUESTION) -> dict[str, Any]:
    response = await client.post("/api/chat", json={"question": question}, headers={"Accept": "application/json"})
    reply: dict[str, Any] = response.json()
    return reply


async def heard(client: httpx.AsyncClient, question: str = QUESTION) -> list[Event]:
    response = await client.post("/api/chat", json={"question": question})
    return events_in(response.text)


def events_in(body: str) -> list[Event]:
    """Of a whole stream of server-sent events."""
    blocks = [block.splitlines() for block in body.split("\n\n") if "event:" in block]
    lines = [dict(line.split(": ", 1) for line in block if ": " in line) for block in blocks]
    return [(line["event"], json.loads(line["data"])) for line in lines]
