"""What every response tells a browser to refuse."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.main import create_app
from app.settings import Settings

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}
PREFLIGHT = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
TRANSPORT = "strict-transport-security"


@asynccontextmanager
async def visiting(folder: Path, base_url: str = "http://docent", **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The doors alone: nothing is opened behind them."""
    transport = httpx.ASGITransport(create_app(Settings(data_dir=folder, **settings)))
    async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
        yield client


def policy_of(response: httpx.Response) -> dict[str, list[str]]:
    directives = [each.split() for each in response.headers["content-security-policy"].split(";")]
    return {name: values for name, *values in directives}


async def test_every_response_has_them(tmp_path: Path) -> None:
    async with visiting(tmp_path, admin_token="the author's own") as client:
        responses = [
            await client.get("/"), await client.get("/", headers=HTML), await client.get("/docs"),
            await client.get("/nowhere"),
            await client.get("/health/live"), await client.get("/static/chat.js"), await client.get("/rag/playground/"),
            await client.get("/", headers={"Origin": "https://evil.example"}),
            await client.post("/api/chat", content=b"x" * 200_000), await client.get("/api/conversations?token=x"),
            await client.options("/api/chat", headers=PREFLIGHT),
        ]  # fmt: skip
    for response in responses:
        headers = response.headers
        assert headers["x-content-type-options"] == "nosniff", response.url
        assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert "microphone=()" in headers["permissions-policy"]
        assert policy_of(response)["default-src"] == ["'none'"]
        assert "frame-ancestors" in policy_of(response)
        assert TRANSPORT not in headers


@pytest.mark.parametrize("path", ["/", "/docs", "/rag/playground/", "/chat/playground/"])
async def test_no_page_may_run_what_is_not_its_own(tmp_path: Path, path: str) -> None:
    async with visiting(tmp_path) as client:
        page = await client.get(path, headers=HTML)
    policy = policy_of(page)
    inline = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in inline]
    compiling = ["'unsafe-eval'"] if path.startswith("/rag") else []
    assert policy["script-src"] == ["'self'", *hashes, *compiling]
    assert bool(inline) == ("playground" in path)
    assert (policy["connect-src"], policy["base-uri"]) == (["'self'"], ["'none'"])
    assert "object-src" not in policy  # as default-src: none


async def test_hugging_face_may_show_our_pages_and_nobody_the_playground(tmp_path: Path) -> None:
    async with visiting(tmp_path) as client:
        ancestors = {
            path: policy_of(await client.get(path, headers=HTML))["frame-ancestors"]
            for path in ("/", "/docs", "/rag/playground/", "/chat/playground/", "/api/health")
        }
    assert ancestors["/"] == ancestors["/docs"] == ["'self'", "https://huggingface.co", "https://*.hf.space"]
    assert ancestors["/rag/playground/"] == ancestors["/chat/playground/"] == ["'self'"]
    assert ancestors["/api/health"] == ["'none'"]


@pytest.mark.parametrize(
    ("scheme", "proxies", "told", "strict"),
    [
        ("https", 0, None, True), ("http", 0, None, False), ("http", 1, "https", True), ("http", 1, "http", False),
        ("http", 0, "https", False), ("http", 1, "https, http", False), ("http", 1, "http, https", True),
    ],
)  # fmt: skip
async def test_strict_transport_is_asked_for_behind_https_alone(
    tmp_path: Path, scheme: str, proxies: int, told: str | None, *, strict: bool
) -> None:
    async with visiting(tmp_path, f"{scheme}://docent", trusted_proxies=proxies) as client:
        response = await client.get("/health/live", headers={"X-Forwarded-Proto": told} if told else {})
    assert (TRANSPORT in response.headers) == strict


async def test_what_is_personal_is_kept_by_no_cache(tmp_path: Path) -> None:
    async with visiting(tmp_path) as client:
        assert (await client.get("/api/conversations")).headers["cache-control"] == "no-store"
        assert "no-store" not in (await client.get("/static/chat.js")).headers.get("cache-control", "")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("book.example", 200), ("BOOK.example:7860", 200), ("a.book.example", 403), ("evil.example", 403),
        ("x.api.example", 200),
    ],
)  # fmt: skip
async def test_only_allowed_hosts_are_answered_and_health_always(tmp_path: Path, host: str, status: int) -> None:
    async with visiting(tmp_path, allowed_hosts="book.example, *.api.example") as client:
        assert (await client.get("/docs", headers={"Host": host})).status_code == status
        assert (await client.get("/health/live", headers={"Host": host})).status_code == 200
    async with visiting(tmp_path) as client:
        assert (await client.get("/docs", headers={"Host": host})).status_code == 200
