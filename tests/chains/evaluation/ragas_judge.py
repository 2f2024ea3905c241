"""ragas, as `docent eval --judge` calls it, over the provider simulator. `.ci/judge` runs it: ragas is an extra."""

from __future__ import annotations

import json

import pytest

from chains.errors import EvaluationError
from chains.evaluation.judging import judge_rows
from chains.evaluation.metrics import Row
from chains.providers import chat_endpoints, embeddings
from chains.settings import ChainSettings
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.anyio

SAID = "Every joint has a torque limit of 12 Nm."


def said(*, true: bool) -> list[str]:
    """What ragas asks a judge for: an answer's statements, whether each holds, and the question that it answers."""
    verdict = {"statement": SAID, "reason": "It stands there.", "verdict": int(true)}
    question = {"question": "What is the torque limit of a joint?", "noncommittal": 0}
    return [json.dumps(each) for each in ({"statements": [SAID]}, {"statements": [verdict]}, question)]


@pytest.mark.parametrize("true", [True, False])
async def test_answers_are_judged(provider_key: ProviderKey, true: bool) -> None:
    settings = ChainSettings.load(gemini_api_key=provider_key.key, gemini_base_url=provider_key.gemini_url)
    vectors = embeddings(settings)
    model = chat_endpoints(settings, vectors)[0].model
    rows: dict[str, Row] = {
        "asked": {"question": "What is the torque limit of a joint?", "answer": SAID, "outcome": "answered",
                  "contexts": [SAID]},
        "refused": {"question": "Who won?", "answer": "Nobody says.", "outcome": "no_evidence", "contexts": []},
    }  # fmt: skip
    provider_key.configure(answers=said(true=true))
    figures = await judge_rows(rows, model, vectors)
    assert figures["faithfulness"] == rows["asked"]["faithfulness"] == float(true)
    assert figures["answer_relevancy"] > 0.9
    assert "faithfulness" not in rows["refused"]
    with pytest.raises(EvaluationError, match="nothing to judge"):
        await judge_rows({"refused": rows["refused"]}, model, vectors)
    await vectors.aclose()
