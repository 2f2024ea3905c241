"""Playgrounds and step streams show prompts and passages: open in development, the author's alone in production."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import httpx
import pytest
from doors import ADMIN_TOKEN, client_of, remote
from live_service import LiveService

from app.main import create_app
from app.settings import Settings

pytestmark = pytest.mark.anyio

QUESTION = "How do I deploy a release?"
INPUTS = {"rag": {"question": QUESTION}, "chat": {"messages": [{"type": "human", "content": QUESTION}]}}
PAGES = ["/rag/playground", "/rag/playground/", "/chat/playground/x.js", "/rag/c/x/input_schema"]
STREAMS = [f"/{path}/{verb}" for path in INPUTS for verb in ("stream_log", "stream_events")]
BASIC = "Basic " + base64.b64encode(f"anyone:{ADMIN_TOKEN}".encode()).decode()


async def follow(client: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    return await client.post(path, json={"input": INPUTS[path.split("/")[1]]}, headers=headers)


@pytest.mark.parametrize("path", STREAMS)
async def test_steps_are_shown_in_development(client: httpx.AsyncClient, path: str) -> None:
    response = await follow(client, path)
    assert response.status_code == 200
    assert "loom deploy" in response.text
    assert "Retrieve" in response.text  # the steps of the chain, not only its answer
    assert "event: error" not in response.text


async def test_remote_runnable_follows_the_steps(service: LiveService) -> None:
    names = {event["name"] async for event in remote(service).astream_events(INPUTS["rag"], version="v2")}
    assert {"Retrieve", "Gate", "Cite"} <= names


@pytest.mark.parametrize("path", ["/rag/playground/", "/chat/playground/"])
async def test_playground_is_open_in_development(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 200
    assert "<html" in response.text


@pytest.mark.parametrize("switched_on", [True, False])
async def test_production_without_switch_or_admin_token_has_no_playground(tmp_path: Path, switched_on: bool) -> None:
    token: dict[str, Any] = {} if switched_on else {"admin_token": ADMIN_TOKEN}
    settings = Settings(environment="production", data_dir=tmp_path, langserve_playground=switched_on, **token)
    transport = httpx.ASGITransport(create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://docent") as client:
        visitor = {"X-Docent-Visitor": "", "Authorization": f"Bearer {ADMIN_TOKEN}"} if token else {}
        closed = [await client.get(path, headers=visitor) for path in PAGES]
    assert {(response.status_code, response.json()["code"]) for response in closed} == {(404, "not_found")}


async def test_production_opens_the_playground_to_the_author(deployed: LiveService) -> None:
    async with client_of(deployed) as client:
        for path in STREAMS:
            assert (await follow(client, path)).status_code == 401
            assert (await follow(client, path, Authorization=f"Bearer {ADMIN_TOKEN}")).status_code == 200
            assert (await follow(client, path, Authorization="Bearer wrong")).status_code == 401
        for credentials in (f"Bearer {ADMIN_TOKEN}", BASIC):
            page = await client.get("/rag/playground/", headers={"Authorization": credentials})
            assert page.status_code == 200
        refused = await client.get("/chat/playground/")
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        assert "Basic" in refused.headers["WWW-Authenticate"]  # else no browser asks for it
