"""`docent eval --calibrate`: thresholds out of questions, kept where the service reads them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from live_service import clean_environment

from chains.collection_state import stored_gate
from chains.edge import EdgeClient

SITE = Path(__file__).parent / "site"
ROOT = SITE.parent.parent.parent
ASKED = {
    "deploy": "How do I deploy a release?",
    "rollback": "How do I roll back?",
    "backups": "Where are backups kept?",
}


def docent(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment() | {"DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_thresholds_are_printed_and_kept(tmp_path: Path) -> None:
    rows = [{"question": question, "page": page} for page, question in ASKED.items()] * 7
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert docent(tmp_path, "ingest", str(SITE)).returncode == 0

    run = docent(tmp_path, "eval", "questions.jsonl", "--calibrate", "--json")
    figures = json.loads(run.stdout)
    assert {"together", "together_auroc", "together_refused", "cosine", "coverage"} <= figures.keys()

    client = EdgeClient(tmp_path / "data" / "qdrant")
    client.open()
    kept = stored_gate(client.get_collection("docusaurus-book"))
    client.close()
    assert kept == {name: figures[name] for name in ("together", "cosine", "coverage")}


def test_benchmark_folder_is_not_calibrated_on(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text("{}")
    run = docent(tmp_path, "eval", str(tmp_path), "--calibrate")
    assert (run.returncode, "your own pages" in run.stderr) == (2, True)
