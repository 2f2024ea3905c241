"""What LangServe opens, to the last route: what it would add by itself shows prompts, costs money or forges runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from doors import ADMIN_TOKEN
from fastapi import FastAPI
from starlette.routing import BaseRoute

from app.main import create_app
from app.settings import Settings

pytestmark = pytest.mark.anyio

OPEN = {
    *(("POST", f"/rag/{verb}") for verb in ("invoke", "stream", "batch")),
    *(("POST", f"/retriever/{verb}") for verb in ("invoke", "batch")),
    *(("POST", f"/chat/{verb}") for verb in ("invoke", "stream")),
    *(
        ("GET", f"/{path}/{kind}_schema")
        for path in ("rag", "retriever", "chat")
        for kind in ("input", "output", "config")
    ),
}
GUARDED = {
    *(("POST", f"/{path}/{verb}") for path in ("rag", "chat") for verb in ("stream_log", "stream_events")),
    *(("GET", f"/{path}/c/{{config_hash}}/{{kind}}") for path in ("rag", "chat")),
    *(("GET", f"/{path}/playground{rest}") for path in ("rag", "chat") for rest in ("", "/", "/{file_path:path}")),
}
NEVER = [
    f"/{path}/{route}"
    for path in ("rag", "retriever", "chat")
    for route in ("feedback", "token_feedback", "public_trace_link", "astream_events", "c/x/invoke", "c/x/batch")
] + ["/chat/batch", "/retriever/stream", "/retriever/stream_log", "/retriever/stream_events", "/retriever/playground/"]
ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "development": {},
    "production": {"environment": "production"},
    "production with a token": {"environment": "production", "admin_token": ADMIN_TOKEN},
    "production with a playground": {
        "environment": "production", "admin_token": ADMIN_TOKEN, "langserve_playground": True,
    },
}  # fmt: skip
GUARDS = dict(zip(ENVIRONMENTS, (200, 404, 404, 401), strict=True))
LIMITLESS = {"rate_address": "none", "secret_key": "of these tests alone"}  # no database is asked for it


def routes_of(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in routes:
        if (router := getattr(route, "original_router", None)) is not None:
            yield from routes_of(router.routes)
        for method in getattr(route, "methods", None) or ():
            yield method, str(getattr(route, "path", ""))


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, environment: str) -> FastAPI:
    return create_app(Settings(data_dir=tmp_path_factory.mktemp("data"), **LIMITLESS, **ENVIRONMENTS[environment]))


@pytest.fixture
def visitor(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://docent")


def test_routes_are_these_and_no_others(app: FastAPI) -> None:
    langserve = {route for route in routes_of(app.routes) if route[1].startswith(("/rag", "/retriever", "/chat"))}
    assert langserve == OPEN | GUARDED


async def test_guard_of_what_shows_prompts(visitor: httpx.AsyncClient, environment: str) -> None:
    status = {}
    for method, path in GUARDED:
        place = path.replace("{config_hash}", "x").replace("{kind}", "input_schema")
        place = place.replace("{file_path:path}", "index.html")
        status[path] = (await visitor.request(method, place, json={})).status_code
    expected = GUARDS[environment]
    if expected != 200:
        assert status == dict.fromkeys(status, expected)
        return
    assert 404 not in status.values()
    assert 401 not in status.values()
    assert {path for path, code in status.items() if code == 422} == {
        path for method, path in GUARDED if method == "POST"
    }


async def test_rest_of_langserve_is_not_there(visitor: httpx.AsyncClient) -> None:
    for path in NEVER:
        for method in ("GET", "POST", "PUT", "PATCH"):
            status = (await visitor.request(method, path, json={"input": "x"})).status_code
            assert status in (401, 404, 405, 422), (method, path, status)


async def test_wrong_or_partial_admin_tokens_open_nothing(visitor: httpx.AsyncClient, environment: str) -> None:
    if GUARDS[environment] != 401:
        return
    for value in ("Basic", "Basic !", "Basic OjA=", f"Basic {ADMIN_TOKEN}", f"Bearer {ADMIN_TOKEN[:-1]}", "Bearer"):
        response = await visitor.get("/rag/playground/", headers={"Authorization": value})
        assert response.status_code == 401, value
        assert ADMIN_TOKEN not in response.text


async def test_playground_files_that_are_none_are_not_found(visitor: httpx.AsyncClient, environment: str) -> None:
    """LangServe's own handler answers a folder and a NUL with a 500."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"} if "playground" in environment else {}
    for name in ("assets", "%00", "none.js", "..%2f..%2fplayground.py", "%2e%2e/x"):
        for path in ("rag", "chat"):
            response = await visitor.get(f"/{path}/playground/{name}", headers=headers)
            assert response.status_code == 404, (name, response.text)


def test_bodies_are_described(app: FastAPI) -> None:
    document = app.openapi()
    described = {
        path: operations["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
        for path, operations in document["paths"].items()
        if path.startswith(("/rag/", "/retriever/", "/chat/")) and "post" in operations
    }
    assert set(described) == {path for method, path in OPEN | GUARDED if method == "POST"}
    assert "question" in described["/rag/invoke"]["input"]["properties"]
    assert described["/rag/batch"]["inputs"]["maxItems"] == described["/retriever/batch"]["inputs"]["maxItems"] == 8
    assert described["/retriever/invoke"]["input"]["type"] == "string"
    assert "messages" in described["/chat/stream"]["input"]["properties"]
    assert "$ref" not in str(described)
