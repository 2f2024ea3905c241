"""Reading a resilient model as a reader sees it."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.messages import BaseMessage
from played_model import PlayedModel, endpoint

from chains.errors import DocentError
from chains.resilience import Count, Guard, ResilientModel, Restart, resilient


def now() -> float:
    return asyncio.get_running_loop().time()


def count(guard: Guard, what: str, provider: str = "first", kind: str = "") -> int:
    return guard.counts[Count(what, provider, "chat", kind)]


async def said(model: ResilientModel) -> list[str]:
    """What a reader sees, each restart as `!reason`."""
    return [_shown(chunk) async for chunk in model.astream("?")]


def _shown(chunk: BaseMessage) -> str:
    return f"!{chunk.response_metadata['restart']}" if isinstance(chunk, Restart) else chunk.text


async def said_until_failure(model: ResilientModel) -> tuple[list[str], DocentError]:
    seen: list[str] = []
    try:
        async for chunk in model.astream("?"):
            seen.append(_shown(chunk))
    except DocentError as failure:
        return seen, failure
    pytest.fail("it did not fail")


def pair(first: PlayedModel, second: PlayedModel, guard: Guard) -> ResilientModel:
    return resilient(endpoint(first), fallback=endpoint(second, "second"), guard=guard)
