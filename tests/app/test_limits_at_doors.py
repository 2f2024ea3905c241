"""No limit can be passed by changing the door, a header's case, the address that one claims, or the batch's size."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import httpx
import pytest
from doors import ADMIN_TOKEN, SCRIPTED, SITE, socket_of
from limited_doors import BODIES, DOORS, OK, QUESTION, TURNS, ask_at, fresh_address, new_token
from live_service import LiveService, serving
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

OFF = dict.fromkeys(["RATE_VISITOR", "RATE_ADDRESS", "RATE_SITE", "BUDGET_VISITOR", "BUDGET_SITE"], "none")
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
PLAYGROUND = {"ADMIN_TOKEN": ADMIN_TOKEN, "LANGSERVE_PLAYGROUND": "true"}
BEHIND_ONE = {"ENVIRONMENT": "production", "TRUSTED_PROXIES": "1", **PLAYGROUND, **OFF}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """Three turns for a visitor, five for an address; a test takes addresses and visitors of its own."""
    rates = {**BEHIND_ONE, "RATE_VISITOR": "3/hour", "RATE_ADDRESS": "5/hour"}
    with serving(tmp_path_factory.mktemp("limited"), SITE, command=SCRIPTED, **rates) as service:
        yield service


@pytest.fixture(scope="module")
def budgeted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """Three turns a day for a visitor; twenty reads and sockets for an address."""
    budget = {**BEHIND_ONE, "BUDGET_VISITOR": "3 turns", "RATE_ADDRESS": "1/second"}
    with serving(tmp_path_factory.mktemp("budgeted"), SITE, command=SCRIPTED, **budget) as service:
        yield service


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """The author has closed the chat."""
    with serving(tmp_path_factory.mktemp("closed"), SITE, **(BEHIND_ONE | {"BUDGET_SITE": "0"})) as service:
        yield service


async def ask_everywhere(service: LiveService, doors: list[str], token: str) -> set[str]:
    return set(await asyncio.gather(*(ask_at(service, door, token) for door in doors)))


@pytest.mark.parametrize("door", DOORS)
async def test_turns_of_one_door_count_at_all_doors(limited: LiveService, door: str) -> None:
    token = await new_token(limited)
    assert [await ask_at(limited, door, token) for _ in range(3)] == [OK] * 3
    assert await ask_everywhere(limited, DOORS, token) == {"rate_limited"}


async def test_new_visitors_of_one_address_pass_no_door(limited: LiveService) -> None:
    address = fresh_address()
    spent = ["/ws/chat", "/chat/stream", "/rag/batch", "/retriever/invoke", "/rag/invoke"]
    assert [await ask_at(limited, door, address=address) for door in spent] == [OK] * 5
    told = await asyncio.gather(*(ask_at(limited, door, address=address) for door in DOORS))
    assert set(told) == {"rate_limited"}


async def test_turns_at_once_pass_no_limit(limited: LiveService) -> None:
    token = await new_token(limited)
    told = await asyncio.gather(*(ask_at(limited, door, token) for door in [*TURNS, *TURNS]))
    assert sorted(told) == [OK] * 3 + ["rate_limited"] * (2 * len(TURNS) - 3)


@pytest.mark.parametrize("forged", ["1.2.3.4", "1.2.3.4, 5.6.7.8", "::1", "unknown", ",,,", '"'])
async def test_forged_addresses_change_nothing(limited: LiveService, forged: str) -> None:
    """Their proxy adds the address that it saw; what stands before it is the reader's own invention."""
    address = fresh_address()
    async with httpx.AsyncClient(base_url=limited.url, timeout=60) as client:
        for number in range(5):
            headers = {"X-Forwarded-For": f"{forged}{number}, {address}"}
            assert (await client.post("/api/session", headers=headers)).status_code == 201
    assert await ask_at(limited, "/api/chat", address=f"{forged}, {address}") == "rate_limited"
    assert await ask_at(limited, "/ws/chat", address=f"{forged}, {address}") == "rate_limited"


@pytest.mark.parametrize("name", ["x-docent-visitor", "X-DOCENT-VISITOR", "x-DoCeNt-ViSiToR"])
async def test_case_of_a_header_changes_nothing(limited: LiveService, name: str) -> None:
    token = await new_token(limited)
    assert [await ask_at(limited, "/retriever/invoke", token) for _ in range(3)] == [OK] * 3
    assert await ask_at(limited, "/api/chat", **{name: token}) == "rate_limited"


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
async def test_way_of_showing_the_token_changes_nothing(limited: LiveService, scheme: str) -> None:
    token = await new_token(limited)
    assert [await ask_at(limited, "/retriever/invoke", token) for _ in range(3)] == [OK] * 3
    assert await ask_at(limited, "/rag/invoke", Authorization=f"{scheme}{token}") == "rate_limited"
    assert await ask_at(limited, "/ws/chat", token) == "rate_limited"


@pytest.mark.parametrize("path", ["/rag", "/chat"])
@pytest.mark.parametrize("steps", ["stream_log", "stream_events"])
async def test_steps_of_a_playground_are_turns_and_their_refusals_are_answers(
    limited: LiveService, path: str, steps: str
) -> None:
    headers = {"X-Docent-Visitor": await new_token(limited), "X-Forwarded-For": fresh_address(), **ADMIN}
    async with httpx.AsyncClient(base_url=limited.url, timeout=60, headers=headers) as client:
        body = BODIES[f"{path}/invoke"] | {"include_types": ["chain"]}
        told = [(await client.post(f"{path}/{steps}", json=body)).text for _ in range(4)]
    assert ["too fast" in each for each in told] == [False] * 3 + [True]
    assert await ask_at(limited, "/ws/chat", headers["X-Docent-Visitor"]) == "rate_limited"


async def test_members_of_a_batch_are_turns(limited: LiveService) -> None:
    headers = {"X-Docent-Visitor": await new_token(limited), "X-Forwarded-For": fresh_address()}
    async with httpx.AsyncClient(base_url=limited.url, timeout=60, headers=headers) as client:
        batch = await client.post("/rag/batch", json={"inputs": [{"question": QUESTION}] * 8})
        searches = await client.post("/retriever/batch", json={"inputs": [QUESTION] * 8})
    errors = [reply.get("error", {}).get("code", OK) for reply in batch.json()["output"]]
    assert sorted(errors) == [OK] * 3 + ["rate_limited"] * 5
    assert (searches.status_code, searches.json()["code"]) == (429, "rate_limited")


async def test_new_sessions_are_not_free(limited: LiveService) -> None:
    headers = {"X-Forwarded-For": fresh_address()}
    async with httpx.AsyncClient(base_url=limited.url, timeout=60, headers=headers) as client:
        told = [(await client.post("/api/session")).status_code for _ in range(7)]
    assert told == [201] * 5 + [429] * 2


async def test_refused_turns_can_be_read_by_the_page(limited: LiveService) -> None:
    """The reader's page shows when to come back, so CORS lets it read the header."""
    headers = {"X-Forwarded-For": fresh_address(), "Origin": "http://localhost:3000"}
    async with httpx.AsyncClient(base_url=limited.url, timeout=60, headers=headers) as client:
        responses = [await client.post("/api/chat", json=BODIES["/api/chat"]) for _ in range(6)]
    refused = responses[-1]
    assert refused.status_code == 429
    assert 3_500 <= int(refused.headers["Retry-After"]) <= 3_600
    assert "retry-after" in refused.headers["access-control-expose-headers"].lower()


async def test_health_is_never_limited(limited: LiveService) -> None:
    headers = {"X-Forwarded-For": fresh_address()}
    async with httpx.AsyncClient(base_url=limited.url, timeout=60, headers=headers) as client:
        assert {(await client.get("/health/live")).status_code for _ in range(150)} == {200}
        reads = [(await client.get("/")).status_code for _ in range(110)]
    assert reads == [200] * 100 + [429] * 10, "a read is a twentieth of a turn"


@pytest.mark.parametrize("name", ["token", "visitor_token", "X-Docent-Visitor"])
async def test_token_in_an_address_is_refused_and_never_logged(limited: LiveService, name: str) -> None:
    token = await new_token(limited)
    headers = {"X-Forwarded-For": fresh_address()}
    async with httpx.AsyncClient(base_url=limited.url, timeout=60, headers=headers) as client:
        refused = await client.get(f"/api/conversations?{name}={token}")
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    with pytest.raises(InvalidStatus) as socket_refused:
        await connect(f"ws://{limited.host}/ws/chat?{name}={token}", additional_headers=headers)
    assert socket_refused.value.response.status_code == 401
    assert token not in limited.log.read_text()


@pytest.mark.parametrize("door", TURNS)
async def test_budget_of_a_visitor_holds_at_all_doors(budgeted: LiveService, door: str) -> None:
    token = await new_token(budgeted)
    assert [await ask_at(budgeted, door, token) for _ in range(3)] == [OK] * 3
    assert await ask_everywhere(budgeted, TURNS, token) == {"budget_exhausted"}


async def test_sockets_of_one_address_leave_room_for_others(budgeted: LiveService) -> None:
    headers = {"X-Forwarded-For": fresh_address()}
    async with AsyncExitStack() as stack:
        opened = 0
        while True:
            try:
                socket = await stack.enter_async_context(socket_of(budgeted, additional_headers=headers))
            except InvalidStatus as refused:  # twenty a second
                await asyncio.sleep(int(refused.response.headers["Retry-After"]))
                continue
            try:
                await socket.send('{"type":"ping"}')
                await socket.recv()
            except ConnectionClosed:
                break
            opened += 1
        assert (opened, socket.close_code) == (20, 1013)
        assert await ask_at(budgeted, "/ws/chat") == OK


@pytest.mark.parametrize("door", DOORS)
async def test_closed_chat_is_closed_at_every_door(closed: LiveService, door: str) -> None:
    assert await ask_at(closed, door, await new_token(closed)) == "budget_exhausted"


async def test_closed_chat_can_still_be_read(closed: LiveService) -> None:
    async with httpx.AsyncClient(base_url=closed.url, timeout=60) as client:
        token = {"X-Docent-Visitor": await new_token(closed)}
        assert (await client.get("/api/conversations", headers=token)).json() == {"conversations": []}
        assert (await client.get("/", headers={"Accept": "text/html"})).status_code == 200
