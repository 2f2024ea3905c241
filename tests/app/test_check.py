"""`docent check` against a live service, and against services of which something is broken."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import READER
from live_service import ROOT, LiveService, clean_environment
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.check.asking import Answer, refusal_told
from app.check.finding import Finding, Group
from app.check.load import Load, Timing
from app.check.pictures import answers_picture, distribution_picture
from app.check.report import passed
from tests.hub.serving import listening

QUESTION = "How do I deploy a program?"


def check(url: str, *options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "check", url, *options]
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110)


def failed(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [each for each in json.loads(done.stdout)["checks"] if each["verdict"] == "failed"]


@pytest.mark.slow
def test_live_service_passes_every_check_and_the_report_stands_alone(service: LiveService, tmp_path: Path) -> None:
    options = ["--frontend", READER, "--turns", "6", "--max-seconds", "60", "--report", "check.html", "--json"]
    done = check(service.url, *options, folder=tmp_path)
    said = json.loads(done.stdout)
    assert (done.returncode, failed(done)) == (0, []), done.stderr
    assert all(f"{group.value}:" in done.stderr.splitlines() for group in Group)
    assert {each["group"] for each in said["checks"]} == {group.value for group in Group}
    assert [each["name"] for each in said["checks"] if each["verdict"] == "skipped"] == []
    assert len(said["load"]["answers"]) == 6
    assert set(said["load"]["percentiles"]["whole answer"]) == {"p50", "p90", "p95", "p99"}
    page = (tmp_path / "check.html").read_text()
    assert page.count("<svg") == 2
    assert not [word for word in ("<script", "<link", "src=", "@import") if word in page]


@pytest.mark.slow
def test_failing_answers_and_strange_sites_are_told(service: LiveService, tmp_path: Path) -> None:
    """The scripted model breaks on this question; the site is not among the allowed ones."""
    options = [
        "--question",
        "How do I deploy a program?!",
        "--frontend",
        "https://elsewhere.example",
        "--turns",
        "2",
        "--json",
    ]
    done = check(service.url, *options, folder=tmp_path)
    names = {each["name"] for each in failed(done)}
    assert done.returncode == 1
    assert names >= {"POST /api/chat as events", "POST /rag/invoke", "history over a reload", "2 answers"}
    assert "preflight from https://elsewhere.example" in names
    assert "GET /health/live" not in names


@pytest.mark.slow
def test_slow_median_fails_and_shows_the_provider_apart(service: LiveService, tmp_path: Path) -> None:
    options = ["--question", QUESTION, "--turns", "2", "--max-seconds", "0.001", "--json"]
    done = check(service.url, *options, folder=tmp_path)
    assert done.returncode == 1
    (slow,) = failed(done)
    assert slow["name"] == "median whole answer"
    assert all(word in slow["says"] for word in ("at most 0.001 s", "provider", "search"))


@pytest.fixture
def impostor() -> Iterator[str]:
    """Answers everything with 200 and the same words."""

    async def same(_: Request) -> JSONResponse:
        return JSONResponse({"status": "healthy", "services": {"qdrant": {"status": "disconnected"}}})

    with listening(Starlette(routes=[Route("/{path:path}", same, methods=["GET", "POST", "DELETE"])])) as url:
        yield url


@pytest.mark.slow
def test_service_that_is_none_fails_without_a_traceback(impostor: str, tmp_path: Path) -> None:
    done = check(impostor, "--turns", "1", "--json", folder=tmp_path)
    names = {each["name"] for each in failed(done)}
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert names >= {"GET /openapi.json", "health of qdrant", "connection", "1 answers", "GET /nothing-here"}
    away = check("http://127.0.0.1:9", folder=tmp_path)
    assert (away.returncode, "ConnectError" in away.stdout) == (1, True)
    assert check("book.example", folder=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"code": "starting", "message": "One moment.", "request_id": "7"}', "answered 503 starting: One moment."),
        ("<h1>Bad gateway</h1>", "answered 503: <h1>Bad gateway</h1>"),
        ("[]", "answered 503: []"),
    ],
)
def test_refusal_is_told_in_the_services_own_words(text: str, told: str) -> None:
    assert refusal_told(503, text) == told


def test_percentiles_are_answers_that_were_given() -> None:
    load = Load([Timing(float(number), 0.1, 0.5, 0.1) for number in range(1, 11)])
    assert load.percentiles("whole") == {"p50": 5.0, "p90": 9.0, "p95": 10.0, "p99": 10.0}
    assert [each.passed for each in load.findings(5.5)] == [True, True]
    assert [each.passed for each in load.findings(5.4)] == [True, False]
    load.failures.append("answered 500")
    assert [each.passed for each in load.findings(9.0)] == [False, True]


def test_time_of_an_answer_is_split_by_whose_it_was() -> None:
    timings = {"total": 900.0, "retrieve": 100.0, "embed": 50.0}
    timing = Timing.of(Answer(1.0, 0.7, [("done", {"timings": timings})]))
    assert (timing.provider, timing.search, round(timing.rest, 3)) == (0.8, 0.1, 0.1)


@pytest.mark.parametrize("number", [1, 16])
def test_pictures_are_well_formed_and_have_every_answer(number: int) -> None:
    load = Load([Timing(0.5 + at, 0.2, 0.1, 0.1) for at in range(number)])
    bars = ET.fromstring(answers_picture(load, 3.0))
    assert len(bars.findall("{*}rect")) == 3 * number + 3
    assert ET.fromstring(distribution_picture(load, 3.0)).findall("{*}path")


def test_nothing_found_is_no_pass() -> None:
    assert not passed([])
    assert passed([Finding(Group.LOAD, "x", None), Finding(Group.LOAD, "y", True)])
