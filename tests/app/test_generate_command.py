"""`docent eval --generate` with a hosted model: questions about one's own pages, which `docent eval` then asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.commands.evaluate import Asking, Wanted, run
from app.settings import Settings
from chains.edge import EdgeClient
from chains.errors import DocentError, EvaluationError
from chains.ingest import ingest_folder
from chains.providers import embeddings
from tests.provider_simulator.handle import ProviderKey

pytestmark = pytest.mark.slow

DRAFTED = {"question": "What do weavers look after?", "answer": "the loom"}


@pytest.fixture
def settings(tmp_path: Path, provider_key: ProviderKey) -> Settings:
    """Of an index with six pages."""
    (tmp_path / "docs").mkdir()
    for number in range(6):
        text = (
            f"Once a week the loom number {number} is cleaned with wax, and its {number} screws are made tight again."
        )
        (tmp_path / "docs" / f"page-{number}.md").write_text(f"# Loom {number}\n\n{text}\n")
    settings = Settings.load(
        data_dir=tmp_path / "data",
        docs=tmp_path / "docs",
        gemini_api_key=provider_key.key,
        gemini_base_url=provider_key.gemini_url,
    )
    model, client = embeddings(settings), EdgeClient(settings.data_dir / "qdrant")
    client.open()
    ingest_folder(settings.docs, settings, client, model)
    client.close()
    model.close()
    return settings


def figures(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What was printed, after the log's lines."""
    printed = capsys.readouterr().out
    found: dict[str, Any] = json.loads(printed[printed.index("{\n") :])
    return found


def test_questions_are_drafted_by_the_model_and_can_be_asked(
    settings: Settings, provider_key: ProviderKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = {"question": "Who won?", "answer": "not in the passage"}
    empty, again = {"question": "?", "answer": "the loom"}, DRAFTED | {"question": "what do weavers  look after?"}
    other = {"question": "Who tightens screws?", "answer": "the loom"}
    said = ["no JSON", *map(json.dumps, (elsewhere, empty)), f"Here it is: {json.dumps(DRAFTED)}"]
    said += [json.dumps(again), json.dumps(other)]
    provider_key.configure(answers=said)
    drafts = tmp_path / "drafts.jsonl"
    run(settings, Asking(drafts, generate=2), Wanted(), as_json=True)
    assert figures(capsys) == {"questions": 2, "silver": 0}
    rows = [json.loads(line) for line in drafts.read_text().splitlines()]
    assert [row["question"] for row in rows] == [DRAFTED["question"], other["question"]]
    assert len({row["gold"] for row in rows}) == 2, "of two pages"
    assert len(provider_key.requests("gemini.chat*")) == len(said)

    provider_key.configure(answers=[json.dumps({"question": "What gets wax?", "answer": "the loom"})])
    run(settings, Asking(drafts, generate=3), Wanted(), as_json=True)
    assert figures(capsys) == {"questions": 3, "silver": 0}, "the file is continued"
    run(settings, Asking(drafts, answers=False), Wanted(), as_json=True)
    assert figures(capsys)["questions"] == 3


def test_what_was_drafted_is_kept_when_the_model_fails(
    settings: Settings, provider_key: ProviderKey, tmp_path: Path
) -> None:
    provider_key.configure(answers=[json.dumps(DRAFTED)])
    provider_key.fail("status", "gemini.chat*", status=400, skip=1, times=None)
    drafts = tmp_path / "drafts.jsonl"
    with pytest.raises(DocentError):
        run(settings, Asking(drafts, generate=2), Wanted(), as_json=True)
    assert len(drafts.read_text().splitlines()) == 1
    drafts.write_text("not a question")
    with pytest.raises(EvaluationError, match=":1: not a question"):
        run(settings, Asking(drafts, generate=2), Wanted(), as_json=True)
