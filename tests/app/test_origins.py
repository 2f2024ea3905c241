"""Who may talk to the service from a browser: the listed sites and its own page, over HTTP and over the WebSocket."""

from __future__ import annotations

import httpx
import pytest
from doors import READER, client_of, send, socket_of
from live_service import LiveService
from websockets.exceptions import InvalidStatus

pytestmark = pytest.mark.anyio

QUESTION = {"question": "How do I deploy a release?"}
EXPOSED = {"x-docent-visitor", "x-request-id", "retry-after"}


def exposed(response: httpx.Response) -> set[str]:
    return {name.strip().lower() for name in response.headers["access-control-expose-headers"].split(",")}


async def test_listed_origin_may_read_the_answer_and_its_headers(any_service: LiveService) -> None:
    async with client_of(any_service) as client:
        for path, body in {"/api/chat": QUESTION, "/rag/invoke": {"input": QUESTION}}.items():
            response = await client.post(path, json=body, headers={"Origin": READER})
            assert response.status_code == 200
            assert response.headers["access-control-allow-origin"] == READER
            assert exposed(response) == EXPOSED
            assert response.headers["x-docent-visitor"]


async def test_listed_origin_may_read_a_refusal(any_service: LiveService) -> None:
    """Else the page of a reader could only say that something failed."""
    async with client_of(any_service) as client:
        origin = {"Origin": READER}
        refused = [
            await client.post("/api/chat", json={"question": ""}, headers=origin),
            await client.post("/api/chat", json=QUESTION, headers={**origin, "X-Docent-Visitor": "forged"}),
            await client.post("/api/chat", content=b"x" * 200_000, headers=origin),
            await client.get("/api/conversations", headers=origin),
            await client.get("/nowhere", headers=origin),
        ]
    assert [response.status_code for response in refused] == [422, 401, 413, 401, 404]
    for response in refused:
        assert response.headers.get("access-control-allow-origin") == READER, response.json()
        assert exposed(response) == EXPOSED


async def test_preflight_admits_what_a_page_sends(any_service: LiveService) -> None:
    asked = {
        "Origin": READER,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-docent-visitor,authorization",
    }
    async with client_of(any_service) as client:
        allowed = await client.options("/api/chat", headers=asked)
        foreign = await client.options("/api/chat", headers=asked | {"Origin": "https://evil.example"})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == READER
    assert "POST" in allowed.headers["access-control-allow-methods"]
    assert "x-docent-visitor" in allowed.headers["access-control-allow-headers"].lower()
    assert (foreign.status_code, foreign.json()["code"]) == (403, "forbidden_origin")
    assert "access-control-allow-origin" not in foreign.headers


async def test_own_page_and_programs_are_let_in(any_service: LiveService) -> None:
    async with client_of(any_service) as client:
        for headers in ({"Origin": any_service.url}, {"Origin": any_service.url.upper().replace("HTTP", "http")}, {}):
            assert (await client.post("/api/session", headers=headers)).status_code == 201


@pytest.mark.parametrize("path", ["/api/health", "/health/live", "/health/ready"])
async def test_health_is_open_to_any_origin(client: httpx.AsyncClient, path: str) -> None:
    for origin in ("https://evil.example", "null"):
        assert (await client.get(path, headers={"Origin": origin})).status_code == 200
    assert (await client.get(path, headers={"X-Docent-Visitor": "forged"})).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_socket_of_a_foreign_origin_is_refused(any_service: LiveService, origin: str) -> None:
    def refusals() -> int:
        lines = any_service.log_lines()
        return sum(line.get("code") == "forbidden_origin" and line["path"] == "/ws/chat" for line in lines)

    before = refusals()
    with pytest.raises(InvalidStatus) as refused:
        async with socket_of(any_service, origin=origin):
            pass
    assert refused.value.response.status_code == 403
    assert refusals() == before + 1


async def test_socket_is_open_to_the_book_and_to_the_own_page(any_service: LiveService) -> None:
    for origin in (READER, any_service.url, None):
        async with socket_of(any_service, origin=origin) as socket:
            assert (await send(socket, QUESTION["question"])).types[-1] == "done"
