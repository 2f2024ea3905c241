"""What a start imports: to answer health almost nothing, and of the providers those alone that have a key."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from live_service import ROOT, clean_environment

HEAVY = {
    "fastapi", "langserve", "langchain", "langchain_core", "numpy", "onnxruntime", "tokenizers", "qdrant_client",
    "qdrant_edge", "psycopg", "sqlalchemy", "alembic", "httpx", "huggingface_hub", "prometheus_client",
    "google.genai", "langchain_google_genai", "cohere", "langchain_cohere", "langchain_openai",
}  # fmt: skip
VENDORS = {"google.genai", "langchain_google_genai", "cohere", "langchain_cohere", "openai", "langchain_openai"}
LOCAL = {"onnxruntime", "tokenizers"}

MODELS = """
from chains.providers import chat_endpoints, embeddings, reranker
from chains.settings import ChainSettings
settings = ChainSettings.load()
chat_endpoints(settings, embeddings(settings))
reranker(settings)
"""


def imported_by(code: str, folder: Path, **settings: str) -> set[str]:
    """The modules that a fresh process has after `code`."""
    script = f"{code}\nimport json, sys\nprint(json.dumps([*sys.modules]))"
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)} | settings
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_health_answers_before_any_large_package_is_imported(tmp_path: Path) -> None:
    modules = imported_by("import app.cli, app.commands.serve, app.main", tmp_path)
    assert modules & HEAVY == set()
    assert "app.front" in modules


def test_doors_are_put_together_without_any_provider_or_engine(tmp_path: Path) -> None:
    code = "from app.settings import Settings\nfrom app.main import create_app\ncreate_app(Settings())"
    modules = imported_by(code, tmp_path)
    engines = {"qdrant_client", "qdrant_edge", "sqlalchemy", "alembic"}
    assert modules & (VENDORS | LOCAL | engines) == set()
    assert "langserve" in modules


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "unwanted", "wanted"),
    [
        ({}, VENDORS, "chains.providers.local_chat"),
        ({"GEMINI_API_KEY": "a-key"}, LOCAL | {"cohere", "langchain_cohere", "openai"}, "langchain_google_genai"),
        ({"COHERE_API_KEY": "a-key"}, {"onnxruntime", "google.genai", "langchain_google_genai", "openai"}, "cohere"),
    ],
    ids=["no key", "gemini", "cohere"],
)
def test_only_the_keyed_providers_packages_are_imported(
    tmp_path: Path, settings: dict[str, str], unwanted: set[str], wanted: str
) -> None:
    modules = imported_by(MODELS, tmp_path, **settings)
    assert wanted in modules
    assert modules & unwanted == set()
