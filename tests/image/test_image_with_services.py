"""Images with the variables of the guide and of the specification, and services that these name."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from container import Image, Running, healthy, mounted
from debian_postgres import TlsServer, tls_server
from live_service import ROOT, clean_environment, free_port

from tests.provider_simulator.handle import ProviderKey, RunningSimulator
from tests.qdrant_server import QdrantServer

pytestmark = [pytest.mark.image, pytest.mark.timeout(900)]

SITE = "https://your-app.vercel.app"
PAGES = ROOT / "tests/app/site"
QUESTION = {"question": "How do I deploy a release?"}
JSON = {"Accept": "application/json"}
CLUSTERS_KEY = "a-key-of-this-cluster"
GUIDES_COMMAND = "uvicorn app.main:app --host 0.0.0.0 --port {port}"
COLLECTION = "docusaurus-book"


@dataclass(frozen=True)
class Stack:
    """What a deployment has elsewhere: a cluster, a database with TLS, and keys."""

    cluster: QdrantServer
    database: TlsServer
    key: ProviderKey

    @property
    def guide(self) -> dict[str, str]:
        """All variables of the guide, and where its provider stands in for Google."""
        return {
            "GEMINI_API_KEY": self.key.key,
            "GEMINI_MODEL": "gemini-2.0-flash-exp",
            "GEMINI_EMBEDDING_MODEL": "text-embedding-004",
            "GEMINI_BASE_URL": self.key.gemini_url,
            "QDRANT_URL": f"{self.cluster.url} ",  # the guide's blank
            "QDRANT_API_KEY": CLUSTERS_KEY,
            "QDRANT_COLLECTION": COLLECTION,
            "DATABASE_URL": self.database.url("sslmode=require", host="127.0.0.1"),
            "ALLOWED_ORIGINS": SITE,
            "LOG_LEVEL": "INFO",
        }

    @property
    def specification(self) -> dict[str, str]:
        """All variables of the specification but PORT, and where its provider stands in for Cohere."""
        return {
            "QDRANT_URL": self.cluster.url,
            "QDRANT_API_KEY": CLUSTERS_KEY,
            "QDRANT_COLLECTION": "physical-ai",
            "COHERE_API_KEY": self.key.key,
            "COHERE_BASE_URL": self.key.cohere_url,
        }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, provider_simulator: RunningSimulator) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    with tls_server(folder) as database, QdrantServer(folder / "cluster", api_key=CLUSTERS_KEY) as cluster:
        stack = Stack(cluster, database, provider_simulator.new_key())
        for variables in (stack.guide, stack.specification):
            command = [sys.executable, "-m", "app", "ingest", str(PAGES)]
            environment = clean_environment() | variables | {"PYTHONPATH": str(ROOT), "DATA_DIR": str(folder / "data")}
            subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        yield stack


def ask(url: str) -> dict[str, Any]:
    reply: dict[str, Any] = httpx.post(f"{url}/api/chat", json=QUESTION, headers=JSON, timeout=60).json()
    return reply


def preflight(url: str, origin: str) -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return httpx.options(f"{url}/api/chat", headers=asked, timeout=30)


@pytest.mark.parametrize(("tag", "command"), [("docent-guide", GUIDES_COMMAND), ("docent-remote", None)])
def test_image_without_engines_serves_with_the_guides_variables(
    tag: str, command: str | None, data: Path, stack: Stack
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with mounted(tag) as image:
        settings = stack.guide | {"PORT": str(port)}
        writable = tag == "docent-guide"  # its Dockerfile sets no DATA_DIR: embedded stores would be beside the sources
        running = image.start(data, command.format(port=port) if command else None, read_only=not writable, **settings)
        try:
            report = healthy(url, running)
            assert set(report["services"]) == {"fastapi", "qdrant", "postgres", "gemini"}
            assert report["services"]["gemini"]["replaces"] == "gemini-2.0-flash-exp"
            reply = ask(url)
            assert (reply["outcome"], reply["grounded"]) == ("answered", True)
            assert preflight(url, SITE).headers["access-control-allow-origin"] == SITE
            assert preflight(url, "https://elsewhere.example").headers.get("access-control-allow-origin") is None
            assert "QDRANT_URL has blanks or quotes" in running.log.read_text()
        finally:
            assert running.terminate() == 0
    with psycopg.connect(stack.database.url("sslmode=require", host="127.0.0.1")) as database:
        stored = database.execute("SELECT reply FROM turn WHERE id = %s", [reply["turn_id"]]).fetchone()
    assert stored is not None
    assert stored[0]["answer"] == reply["answer"]


def test_image_serves_with_the_specifications_variables(image: Image, data: Path, stack: Stack) -> None:
    """History is then in the container, which health says of a Space."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    running = image.start(data, **stack.specification, PORT=str(port), SPACE_ID="reader/book")
    try:
        services = healthy(url, running)["services"]
        assert set(services) == {"fastapi", "qdrant", "postgres", "cohere"}
        assert services["postgres"]["notes"] == ["not_persistent"]
        assert "notes" not in services["qdrant"]
        reply = ask(url)
        assert (reply["outcome"], reply["grounded"]) == ("answered", True)
    finally:
        assert running.terminate() == 0


def test_signal_in_the_middle_of_a_stream_loses_nothing(image: Image, data: Path, stack: Stack) -> None:
    """The answer takes four seconds; the signal comes at its first words."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    stack.key.configure(tokens=40, between_tokens=0.1)
    running = image.start(data, **stack.guide, PORT=str(port))
    try:
        healthy(url, running)
        events = _stream_through_sigterm(url, running)
    finally:
        stack.key.configure(tokens=None, between_tokens=0)
        assert running.terminate() == 0
    kinds = [kind for kind, _ in events]
    assert kinds[-1] == "done"
    told = "".join(event["text"] for kind, event in events if kind == "token")
    assert hashlib.sha256(told.encode()).hexdigest() == events[-1][1]["answer_sha256"]
    with psycopg.connect(stack.database.url("sslmode=require", host="127.0.0.1")) as database:
        stored = database.execute("SELECT reply FROM turn WHERE id = %s", [events[0][1]["turn_id"]]).fetchone()
    assert stored is not None
    assert (stored[0]["answer"], stored[0]["outcome"]) == (told, events[-1][1]["outcome"])


def _stream_through_sigterm(url: str, running: Running) -> list[tuple[str, dict[str, Any]]]:
    """All events of a turn; the process was asked to end at its first token."""
    events: list[tuple[str, dict[str, Any]]] = []
    with httpx.stream("POST", f"{url}/api/chat", json=QUESTION, timeout=60) as response:
        kind = ""
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                events.append((kind, json.loads(value)))
                if kind == "token" and [each for each, _ in events].count("token") == 1:
                    running.ask_to_end()
    return events
