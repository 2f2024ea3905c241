"""Each of the nine packages of the stack does a part of the work of a running service's turn, or of its index."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from doors import SITE, ask, client_of, remote
from live_service import ROOT, serving
from remote_models import keys_of
from traced_service import PARTS

from tests.provider_simulator.handle import ProviderKey

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

QUESTION = "How do I deploy a release?"
TRACED = [sys.executable, str(SITE.parent / "traced_service.py"), "--port", "{port}"]
BY_ONE_PROVIDER = {"langchain", "langchain_cohere", "langchain_google_genai"}


async def called_in_turns(
    folder: Path, database: str, key: ProviderKey, failing: str = "", **settings: str
) -> set[str]:
    """One turn that the first provider answers; with one that is to fail, one more that its stand-in answers."""
    with serving(folder, SITE, command=TRACED, DATABASE_URL=database, **settings) as service:
        async with client_of(service) as client:
            replies = [await ask(client, QUESTION), await remote(service).ainvoke({"question": QUESTION})]
            if failing:
                key.fail("status", failing, status=500)
                replies.append(await ask(client, QUESTION))
    assert [reply["outcome"] for reply in replies] == ["answered"] * len(replies)
    assert len({reply["model"] for reply in replies}) == (2 if failing else 1)
    return set((folder / "data" / "called").read_text().splitlines())


async def test_turn_with_gemini_calls_the_stack(tmp_path: Path, database: str, provider_key: ProviderKey) -> None:
    called = await called_in_turns(tmp_path, database, provider_key, **keys_of("gemini", provider_key))
    assert called == PARTS.keys() - BY_ONE_PROVIDER | {"langchain_google_genai"}


async def test_turns_with_the_other_two_call_the_rest(tmp_path: Path, database: str, provider_key: ProviderKey) -> None:
    settings = keys_of("cohere", provider_key) | keys_of("openai_compatible", provider_key)
    called = await called_in_turns(tmp_path, database, provider_key, "openai.chat_stream", **settings)
    assert called == PARTS.keys() - BY_ONE_PROVIDER | {"langchain", "langchain_cohere"}


def test_every_package_is_imported_by_product_code() -> None:
    """And none of them by tests alone."""
    imported: set[str] = set()
    for path in [*(ROOT / "app").rglob("*.py"), *(ROOT / "chains").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported.update(name.name.partition(".")[0] for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    assert imported >= PARTS.keys()
