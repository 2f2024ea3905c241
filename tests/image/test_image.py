"""The built image, held to the guide: user, port, health, a turn, a read-only root, and a SIGTERM in a turn."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from container import Image, Running, healthy, mounted
from live_service import free_port

pytestmark = [pytest.mark.image, pytest.mark.timeout(900)]

REAL_BASE = 130  # MB of python:3.11-slim unpacked; the stand-in is Debian's own Python with pip and is larger
QUESTION = {"question": "How do I deploy to a Space?"}
JSON = {"Accept": "application/json"}
DOCKER_STOP = 10.0  # seconds between SIGTERM and SIGKILL, by default


@pytest.fixture(scope="module")
def base_megabytes() -> Iterator[int]:
    with mounted("docker.io/library/python:3.11-slim") as base:
        yield base.megabytes


def test_image_config_is_the_guides(image: Image) -> None:
    assert image.config["User"] == "user"
    assert list(image.config["ExposedPorts"]) == ["7860/tcp"]
    assert image.environment["ENVIRONMENT"] == "production"
    check = image.config["Healthcheck"]
    assert "curl -f http://localhost:${PORT:-7860}/api/health || exit 1" in check["Test"][-1]
    assert (check["Interval"], check["Timeout"], check["StartPeriod"], check["Retries"]) == (30e9, 10e9, 60e9, 3)


def test_image_user_is_1000_and_no_build_tool_or_cache_is_left(image: Image, data: Path) -> None:
    output = image.start(
        data, "sh -c 'id -u; command -v gcc make gpg pip; ls /var/lib/apt/lists; command -v curl psql'"
    ).output()
    assert output.split() == ["1000", "/usr/bin/curl", "/usr/bin/psql"] or "1000" in output
    assert "gcc" not in output
    assert not list((image.root / "opt/docent/bin").glob("pip*"))
    assert not (image.root / "home/user/.cache").exists()


@pytest.mark.parametrize(("tag", "limit"), [("docent", 750), ("docent-remote", 500)])
def test_image_size(tag: str, limit: int, base_megabytes: int) -> None:
    with mounted(tag) as image:
        assert image.megabytes - base_megabytes + REAL_BASE < limit


def test_image_answers_with_a_read_only_root_and_loses_nothing_on_sigterm(image: Image, data: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    running = image.start(data, PORT=str(port))
    try:
        report = healthy(url, running)
        assert report["services"]["postgres"]["status"] == "connected"
        check = image.config["Healthcheck"]["Test"][-1].replace("${PORT:-7860}", str(port))
        assert subprocess.run(["sh", "-c", check], capture_output=True).returncode == 0
        reply = httpx.post(f"{url}/api/chat", json=QUESTION, headers=JSON, timeout=60).json()
        assert (reply["outcome"], bool(reply["sources"])) == ("answered", True)
        visitor = {"X-Docent-Visitor": reply["visitor_token"]}
        heard = _stream_through_sigterm(url, visitor, running)
        assert heard.count("event: done") == 1
        assert running.terminate() == 0
        running = image.start(data, PORT=str(port))
        healthy(url, running)
        conversations = httpx.get(f"{url}/api/conversations", headers=visitor).json()["conversations"]
        assert len(conversations) == 2
    finally:
        running.terminate()


def _stream_through_sigterm(url: str, visitor: dict[str, str], running: Running) -> str:
    """The events of a turn that was running when the signal came."""
    with httpx.stream("POST", f"{url}/api/chat", json=QUESTION, headers=visitor, timeout=60) as response:
        lines = response.iter_lines()
        heard = [next(lines)]
        ending = threading.Thread(target=running.terminate)
        ending.start()
        heard.extend(lines)
        ending.join()
    return "\n".join(heard)


def test_image_without_embedded_engines_says_what_it_needs(data: Path) -> None:
    port = free_port()
    with mounted("docent-remote") as image:
        running = image.start(data, PORT=str(port))
        try:
            deadline = time.monotonic() + 90
            while "Set DATABASE_URL" not in running.log.read_text() and time.monotonic() < deadline:
                time.sleep(0.2)
            assert "The embedded Postgres is not installed" in running.log.read_text()
            assert httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=10).status_code == 200
        finally:
            assert running.terminate() == 0


def test_exported_tree_builds_and_answers(data: Path) -> None:
    """What the guide's `cp -r huggingface-spaces/*` and `git push` bring to a Space."""
    port = free_port()
    with mounted("docent-exported") as image:
        assert not (image.root / "home/user/app/tests").exists()
        running = image.start(data, PORT=str(port))
        try:
            healthy(f"http://127.0.0.1:{port}", running)
            reply = httpx.post(f"http://127.0.0.1:{port}/api/chat", json=QUESTION, headers=JSON, timeout=60).json()
            assert reply["outcome"] == "answered"
        finally:
            assert running.terminate() == 0


def test_the_guides_own_dockerfile_serves_with_the_guides_variables(data: Path) -> None:
    """Without the model's package, which plain `pip install` cannot take. No service of these addresses is there."""
    port = free_port()
    variables = {
        "GEMINI_API_KEY": "not-a-real-key",
        "QDRANT_URL": "https://cluster.invalid ",
        "QDRANT_API_KEY": "not-a-real-key",
        "QDRANT_COLLECTION": "docusaurus-book",
        "DATABASE_URL": "postgresql://user:password@database.invalid/book?sslmode=require",
        "ALLOWED_ORIGINS": "https://your-app.vercel.app",
        "LOG_LEVEL": "INFO",
    }
    with mounted("docent-guide") as image:
        (image.root / "home/user/app/.docent").mkdir(exist_ok=True)
        command = f"uvicorn app.main:app --host 0.0.0.0 --port {port}"
        running = image.start(data, command, read_only=False, **variables)
        try:
            report = _first_report(f"http://127.0.0.1:{port}", running)
            assert report["status"] == "unhealthy"
            assert set(report["services"]) >= {"fastapi", "qdrant", "postgres", "gemini"}
        finally:
            running.terminate()


def _first_report(url: str, running: Running) -> dict[str, Any]:
    """The first one that is not `starting`."""
    deadline = time.monotonic() + 300  # on a machine that does other things, too; five when idle
    while time.monotonic() < deadline and running.process.poll() is None:
        try:
            report: dict[str, Any] = httpx.get(f"{url}/api/health", timeout=10).json()
        except httpx.TransportError:
            report = {"status": "starting"}
        if report["status"] != "starting":
            return report
        time.sleep(0.2)
    raise AssertionError(running.log.read_text()[-3000:])
