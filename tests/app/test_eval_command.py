"""`docent eval`: what is wrong with what was asked for is told before anything is measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.commands.evaluate import Asking, Wanted, run
from app.settings import Settings
from chains.errors import EvaluationError

NOTHING_WAS_MEASURED = Settings(data_dir=Path("/dev/null/never-opened"))


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "What?", "gold": "/a"}')
    return path


@pytest.mark.parametrize("wanted", ["save", "report", "baseline"])
@pytest.mark.parametrize("place", ["absent/file", "."])
def test_place_that_cannot_be_written_is_named_first(tmp_path: Path, questions: Path, wanted: str, place: str) -> None:
    with pytest.raises(EvaluationError, match="cannot be written"):
        run(NOTHING_WAS_MEASURED, Asking(questions), replace(Wanted(), **{wanted: tmp_path / place}))


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (Wanted(against=Path("absent.json")), "--save"),
        (Wanted(against=Path("absent.env")), "neither a saved run"),
        (Wanted(gate=Path("absent.json")), "not a baseline"),
    ],
)
def test_file_that_is_asked_for_is_looked_for_first(questions: Path, wanted: Wanted, complaint: str) -> None:
    with pytest.raises(EvaluationError, match=complaint):
        run(NOTHING_WAS_MEASURED, Asking(questions), wanted)


def test_set_that_cannot_be_read_is_named_first(tmp_path: Path, questions: Path) -> None:
    with pytest.raises(EvaluationError, match=r"without corpus\.jsonl"):
        run(NOTHING_WAS_MEASURED, Asking(tmp_path), Wanted())
    questions.write_text("{")
    with pytest.raises(EvaluationError, match=r"questions\.jsonl:1: not a question"):
        run(NOTHING_WAS_MEASURED, Asking(questions), Wanted())
