"""The values that the deployment guide names, in the environment of a new deployment: models that were shut down."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from doors import JSON, SITE
from live_service import PLAIN_UVICORN, LiveService, serving
from remote_models import keys_of

from chains.embedded_postgres import EmbeddedPostgres
from tests.app.test_keys_alone import docent
from tests.provider_simulator.handle import ProviderKey, RunningSimulator
from tests.qdrant_server import QdrantServer

CHAT, SERVED_CHAT = "gemini-2.0-flash-exp", "gemini-3.5-flash"
EMBEDDING, SERVED_EMBEDDING = "text-embedding-004", "gemini-embedding-2"
pytestmark = pytest.mark.slow

GUIDE = {"GEMINI_MODEL": CHAT, "GEMINI_EMBEDDING_MODEL": EMBEDDING}
CLUSTERS_KEY = "a-key-of-this-cluster"


@pytest.fixture(scope="module")
def key(provider_simulator: RunningSimulator) -> ProviderKey:
    return provider_simulator.new_key()


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, apart: EmbeddedPostgres, key: ProviderKey
) -> Iterator[LiveService]:
    """A cluster, a database and a key elsewhere; indexed by `docent ingest`, served as the guide's Dockerfile does."""
    folder = tmp_path_factory.mktemp("guide")
    with QdrantServer(folder / "cluster", api_key=CLUSTERS_KEY) as cluster:
        settings = GUIDE | keys_of("gemini", key) | {"QDRANT_URL": cluster.url, "QDRANT_API_KEY": CLUSTERS_KEY}
        indexed = docent(folder, "ingest", str(SITE), "--json", PYTHONPATH=str(SITE.parent.parent.parent), **settings)
        assert indexed.returncode == 0, indexed.stderr
        settings |= {"DATABASE_URL": apart.dsn, "ENVIRONMENT": "production", "ALLOWED_ORIGINS": "https://book.example"}
        with serving(folder, SITE, command=PLAIN_UVICORN, **settings) as service:
            yield service


def test_guides_models_give_grounded_answers_of_their_successors(deployment: LiveService, key: ProviderKey) -> None:
    question = {"question": "How do I deploy a release?"}
    reply = httpx.post(f"{deployment.url}/api/chat", json=question, headers=JSON, timeout=30).json()
    assert (reply["outcome"], reply["grounded"], reply["model"]) == ("answered", True, SERVED_CHAT)
    asked = {record["path"].rpartition("/")[2].partition(":")[0] for record in key.requests("gemini.*")}
    assert asked == {SERVED_CHAT, SERVED_EMBEDDING}


def test_each_of_the_guides_models_is_warned_of_once(deployment: LiveService) -> None:
    warnings = [line["event"] for line in deployment.log_lines() if line["level"] == "warning"]
    for variable, old, new in (
        ("GEMINI_MODEL", CHAT, SERVED_CHAT),
        ("GEMINI_EMBEDDING_MODEL", EMBEDDING, SERVED_EMBEDDING),
    ):
        (warning,) = (text for text in warnings if old in text)
        assert warning.startswith(f"{variable}: {old} was shut down, its successor is {new}")


def test_health_names_both_chat_models(deployment: LiveService) -> None:
    report = deployment.await_health()
    gemini = report["services"]["gemini"]
    assert (gemini["status"], gemini["model"], gemini["replaces"]) == ("ok", SERVED_CHAT, CHAT)
