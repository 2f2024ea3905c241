"""Each remote provider's answer, usage, sources and citations are the same whatever door they leave by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from doors import ask, client_of, folded, remote, send, socket_of, stream
from live_service import LiveService
from remote_models import SUITE, serving_on

from chains.embedded_postgres import EmbeddedPostgres
from chains.turn import Reply
from tests.provider_simulator.handle import ProviderKey, RunningSimulator

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

QUESTION = "How do I deploy a release?"
OWN = {"conversation_id", "turn_id", "visitor_token", "timings"}  # differ from turn to turn
CHAT = "*.chat_stream"


@dataclass
class Served:
    provider: str
    key: ProviderKey
    service: LiveService


@pytest.fixture(scope="module", params=SUITE)
def served(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    apart: EmbeddedPostgres,
    provider_simulator: RunningSimulator,
) -> Iterator[Served]:
    key = provider_simulator.new_key()
    with serving_on(request.param, key, tmp_path_factory.mktemp(request.param), apart.dsn) as service:
        yield Served(request.param, key, service)


async def through_every_door(service: LiveService, question: str) -> dict[str, dict[str, Any]]:
    """By the door's name, without what differs from turn to turn."""
    async with client_of(service) as client, socket_of(service) as socket:
        replies = {
            "SSE": (await stream(client, question)).reply(),
            "WebSocket": (await send(socket, question)).reply(),
            "JSON": await ask(client, question),
            "invoke": await remote(service).ainvoke({"question": question}),
        }
    parts = [part async for part in remote(service).astream({"question": question})]
    replies["stream"] = Reply.model_validate(folded(parts)).model_dump(mode="json")
    shown = {door: Reply.model_validate(reply).model_dump(mode="json") for door, reply in replies.items()}
    return {door: {name: each for name, each in reply.items() if name not in OWN} for door, reply in shown.items()}


async def test_every_door_gives_a_providers_reply(served: Served) -> None:
    replies = await through_every_door(served.service, QUESTION)
    whole = replies["JSON"]
    assert replies == dict.fromkeys(replies, whole)
    assert (whole["outcome"], whole["grounded"], whole["partial"]) == ("answered", True, False)
    assert min(whole["usage"].values()) > 0
    assert whole["sources"]
    for citation in whole["citations"]:
        assert whole["answer"][citation["start"] : citation["end"]] == f"[{citation['n']}]"
        assert citation["quote"]
    assert whole["citations"]
    assert whole["model"] == served.key.last_request(CHAT)["body"].get("model", whole["model"])
    assert len(served.key.requests(CHAT)) == len(replies)


@pytest.mark.parametrize(("fault", "outcome"), [("safety", "blocked"), ("max_tokens", "truncated")])
async def test_every_door_gives_the_same_unfinished_reply(served: Served, fault: str, outcome: str) -> None:
    served.key.fail(fault, CHAT, times=None, after=4)
    try:
        replies = await through_every_door(served.service, QUESTION)
    finally:
        served.key.heal()
    assert replies == dict.fromkeys(replies, replies["JSON"])
    assert replies["JSON"]["outcome"] == outcome
    assert min(replies["JSON"]["usage"].values()) > 0
