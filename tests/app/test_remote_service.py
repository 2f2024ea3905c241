"""The whole way to a remote index: served without one, copied to it, served from it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live_service import LiveService, clean_environment, start, stop

from tests.qdrant_server import QdrantServer

SITE = Path(__file__).parent / "site"
ROOT = SITE.parent.parent.parent
KEY = "canary-key-of-the-cluster"
DEPLOY = {"question": "How do I deploy a release?"}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[QdrantServer]:
    with QdrantServer(tmp_path / "cluster", api_key=KEY) as server:
        yield server


def docent(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment() | {"DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)} | settings
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def assert_calm(service: LiveService) -> None:
    answer = httpx.post(f"{service.url}/api/chat", json=DEPLOY, timeout=30)
    assert "retrieval_unavailable" in answer.text
    assert "not available right now" in answer.text
    for secret in ("127.0.0.1", "docusaurus-book", KEY):
        assert secret not in answer.text


def test_embedded_index_moves_to_a_cluster(tmp_path: Path, cluster: QdrantServer) -> None:
    remote = {"QDRANT_URL": cluster.url, "QDRANT_API_KEY": KEY}
    assert docent(tmp_path, "ingest", str(SITE)).returncode == 0

    service = start(tmp_path, SITE, **remote)
    try:
        qdrant = service.await_health("degraded")["services"]["qdrant"]
        assert qdrant["status"] == "missing_collection"
        assert "docent migrate-index" in qdrant["cause"]
        assert_calm(service)
        refused = docent(tmp_path, "migrate-index", **remote)
        assert (refused.returncode, "in use by `docent serve`" in refused.stderr) == (1, True)
        assert [call for call in cluster.calls if not call.startswith("GET ") and not call.endswith("/facet")] == []
    finally:
        stop(service)
    causes = [line["cause"] for line in service.log_lines() if line.get("service") == "qdrant"]
    assert causes == [qdrant["cause"]]
    assert KEY not in service.log.read_text()

    moved = json.loads(docent(tmp_path, "migrate-index", "--json", **remote).stdout)
    assert (moved["copied"] > 0, moved["present"]) == (True, 0)

    service = start(tmp_path, SITE, **remote)
    try:
        report = service.await_health()
        assert report["services"]["qdrant"]["vectors"] == moved["copied"]
        answer = httpx.post(
            f"{service.url}/api/chat", json=DEPLOY, headers={"Accept": "application/json"}, timeout=30
        ).json()
        assert (answer["outcome"], answer["grounded"]) == ("answered", True)
    finally:
        stop(service)


@pytest.mark.parametrize(
    ("command", "settings", "code", "says"),
    [
        (["migrate-index"], {}, 2, "QDRANT_URL"),
        (["migrate-index"], {"QDRANT_URL": "http://example.com"}, 2, "must be https"),
        (["ingest", str(SITE)], {"QDRANT_API_KEY": "of-another"}, 1, "Set QDRANT_API_KEY"),
        (["ingest", str(SITE)], {"QDRANT_URL": "http://127.0.0.1:9"}, 1, "cannot be reached"),
    ],
    ids=["no address", "plain text", "wrong key", "nobody there"],
)
def test_command_says_in_a_sentence_what_is_wrong(
    tmp_path: Path, cluster: QdrantServer, command: list[str], settings: dict[str, str], code: int, says: str
) -> None:
    where = {"QDRANT_URL": cluster.url} if "QDRANT_API_KEY" in settings else {}
    failed = docent(tmp_path, *command, **(where | settings))
    assert (failed.returncode, says in failed.stderr) == (code, True), failed.stderr
    assert "Traceback" not in failed.stderr
    assert "of-another" not in failed.stderr
