"""The hook for a proof of work or a CAPTCHA: asked of new visitors alone, at every door that makes one."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.gate.newcomers import PROOF_LIMIT, Newcomers, load_check
from app.main import create_app
from app.settings import Settings
from chains.errors import SettingsError, Unauthorized

pytestmark = pytest.mark.anyio

RIGHT = "a proof"
asked: list[tuple[str, str]] = []


async def knows_the_word(proof: str, address: str) -> bool:
    asked.append((proof, address))
    return proof == RIGHT


async def test_without_a_check_everybody_is_let_in() -> None:
    for proof in (None, "", "x"):
        await Newcomers().admit(proof, "1.1.1.1")


async def test_right_proof_is_let_in() -> None:
    await Newcomers(knows_the_word).admit(RIGHT, "1.1.1.1")


@pytest.mark.parametrize("proof", [None, "", "wrong", 7, ["a proof"], "x" * (PROOF_LIMIT + 1)], ids=str)
async def test_other_proofs_are_not(proof: object) -> None:
    with pytest.raises(Unauthorized, match="new visitors"):
        await Newcomers(knows_the_word).admit(proof, "1.1.1.1")


@pytest.mark.parametrize("name", ["nowhere:check", "app.gate.newcomers:nothing", "app.gate.newcomers", ":x", "a b"])
def test_check_that_is_none_ends_the_start(name: str) -> None:
    with pytest.raises(SettingsError, match="NEWCOMER_CHECK"):
        load_check(name)


async def test_doors_ask_new_visitors_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(Settings(data_dir=tmp_path, secret_key="of this test alone", rate_address="none"))
    monkeypatch.setattr(app.state.docent.newcomers, "_check", knows_the_word)
    asked.clear()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://docent") as client:
        proof = {"X-Docent-Proof": RIGHT}
        refused = [
            await client.post(path, json={}) for path in ("/api/session", "/api/chat", "/rag/invoke", "/chat/stream")
        ]
        made = await client.post("/api/session", headers=proof)
        token = {"X-Docent-Visitor": made.json()["visitor_token"]}
        known = await client.post("/api/chat", json={}, headers=token)
    assert {(response.status_code, response.json()["code"]) for response in refused} == {(401, "unauthorized")}
    assert made.status_code == 201
    assert known.status_code == 422, "its visitor is known, the turn is empty"
    assert asked == [(RIGHT, "127.0.0.1")]
