"""Whatever the OpenAPI document allows, and much that it does not, sent as Bob: nothing of Ada's comes back, no 5xx.

DOCENT_FUZZ_SEED and DOCENT_FUZZ_SECONDS take other cases and more of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import schemathesis
from doors import JSON, SITE
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from live_service import LiveService, serving
from schemathesis import GenerationMode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEED = int(os.environ.get("DOCENT_FUZZ_SEED", "20261121"))
SECONDS = float(os.environ.get("DOCENT_FUZZ_SECONDS", "45"))  # for all operations together
ROUNDS = 50  # of one operation at most, the first one however slow the machine is
CASES = settings(
    max_examples=6, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
CANARY = "wherewithal-of-ada"
QUESTION = f"How do I deploy a release? {CANARY}"


@dataclass(frozen=True)
class Someone:
    """A visitor with one conversation."""

    token: str
    conversation: str
    turn: str

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Docent-Visitor": self.token}


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """With the author's routes open to him, and to nobody else."""
    with serving(tmp_path_factory.mktemp("fuzzed"), SITE, ADMIN_TOKEN=uuid4().hex) as service:
        yield service


def someone(client: httpx.Client, question: str) -> Someone:
    token = client.post("/api/session").json()["visitor_token"]
    turn = {"question": question, "turn_id": str(uuid4()), "selected_text": question}
    reply = client.post("/api/chat", json=turn, headers={"X-Docent-Visitor": token, **JSON}).json()
    return Someone(token, reply["conversation_id"], turn["turn_id"])


@pytest.fixture(scope="module")
def client(fuzzed: LiveService) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=fuzzed.url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def ada(client: httpx.Client) -> Someone:
    return someone(client, QUESTION)


@pytest.fixture(scope="module")
def bob(client: httpx.Client) -> Someone:
    return someone(client, "How are backups restored?")


def aim(case: Any, ids: dict[str, str]) -> None:
    """Put a known conversation and turn where the operation has room for one."""
    for place in (case.path_parameters, case.query, case.body):
        for name, known in ids.items():
            if isinstance(place, dict) and name in place:
                place[name] = known
    body = case.body
    if isinstance(body, dict):
        turns = [body, body.get("input"), *(body["inputs"] if isinstance(body.get("inputs"), list) else [])]
        for turn in turns:
            if isinstance(turn, dict) and "question" in turn:
                turn.update(ids)


def strategy_of(operation: Any) -> st.SearchStrategy[Any]:
    """Cases that the document allows, and where there is anything to violate, cases that it does not."""
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    has_input = bool(operation.body or list(operation.query) or list(operation.path_parameters))
    return good | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE) if has_input else good


def fuzz(operation: Any, service: LiveService, ada: Someone, bob: Someone, seconds: float) -> int:
    """How many cases were sent. Raises AssertionError with the case that was answered wrongly."""
    targets = [None, *({"conversation_id": one.conversation, "turn_id": one.turn} for one in (ada, bob))]
    targets += [{"conversation_id": ada.conversation}, {"conversation_id": bob.conversation, "turn_id": ada.turn}]
    asked = strategy_of(operation), st.sampled_from(targets), st.sampled_from([bob.headers, bob.headers, {}])
    sent = 0

    def ask(case: Any, target: dict[str, str] | None, headers: dict[str, str]) -> None:
        nonlocal sent
        if target is not None:
            aim(case, target)
        response = case.call(base_url=service.url, headers=headers, timeout=60)
        sent += 1
        told = f"{operation.label} {response.status_code} {response.text[:500]}\n{case.as_curl_command()}"
        assert response.status_code < 500, told
        assert CANARY not in response.text + str(response.headers), told
        assert ada.token not in response.text + str(response.headers), told

    until = time.monotonic() + seconds
    for number in range(ROUNDS):
        seed(SEED + number)(CASES(given(*asked)(ask)))()
        if time.monotonic() > until:
            break
    return sent


def test_nothing_in_the_document_breaks_the_service_or_shows_another_visitor(
    fuzzed: LiveService, client: httpx.Client, ada: Someone, bob: Someone
) -> None:
    before = client.get(f"/api/conversation/{ada.conversation}", headers=ada.headers).json()
    assert CANARY in str(before)
    document = client.get("/openapi.json").json()
    operations = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]
    sent: dict[str, int] = {}
    for operation in operations:
        try:
            sent[operation.label] = fuzz(operation, fuzzed, ada, bob, SECONDS / len(operations))
        except Unsatisfiable:
            sent[operation.label] = 0
    assert min(sent.values()) > 0, sent
    assert client.get(f"/api/conversation/{ada.conversation}", headers=ada.headers).json() == before
    assert_calm(fuzzed.log)


def assert_calm(log: Path) -> None:
    """Nothing happened that nobody expected, and no question was written down."""
    text = log.read_text()
    assert "Traceback" not in text, text[text.index("Traceback") - 2_000 :][:6_000]
    assert '"level": "error"' not in text, [line for line in text.splitlines() if '"level": "error"' in line][:5]
    assert CANARY not in text
