"""The dashboard and the alert rules ask for metrics and labels that a running service has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from live_service import LiveService
from pages import DOCS, ROOT, anchors
from prometheus_client.parser import text_string_to_metric_families

from app.docent import Docent
from app.metrics.meter import OUTCOMES, STAGES
from app.settings import Settings

FOLDER = DOCS / "operations"
METRIC = re.compile(r"\b((?:docent|process|up)(?:_\w+)?)(?=[{\[ )=]|$)")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"([^\"]*)\"")
GROUPED = re.compile(r"\b(?:by|without) \(([^)]*)\)")
SCRAPERS = {"job", "instance", "le"}  # of Prometheus itself, and of histograms
PROMETHEUS = {"up"}


def dashboard() -> dict[str, Any]:
    board: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    return board


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[str]:
    for panel in dashboard()["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    yield from (rule["expr"] for rule in rules())


EXPRESSIONS = sorted(set(expressions()))


@cache
def labels_of_metrics() -> dict[str, set[str]]:
    """Each family with the names of its labels, from what the service registers: many have no series yet."""
    registry = Docent(Settings(data_dir=Path("never-opened"))).meter.registry
    found = {}
    for collector in registry._collector_to_names:
        for family in collector.collect():
            own = set(getattr(family, "_labelnames", ())) | set(getattr(collector, "_labelnames", ()))
            found[family.name] = own.union(*(sample.labels for sample in family.samples))
    return found


def family_of(metric: str) -> str:
    return re.sub(r"_(total|bucket|count|sum)$", "", metric)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression_asks_for_metrics_and_labels_that_exist(expression: str) -> None:
    known = labels_of_metrics()
    metrics = set(METRIC.findall(expression)) - PROMETHEUS
    assert metrics or expression.startswith("up{")
    families = {family_of(metric) if family_of(metric) in known else metric for metric in metrics}
    assert families <= known.keys()
    allowed = SCRAPERS.union(*(known[family] for family in families))
    named = {label for label, _ in LABEL.findall(expression)}
    named |= {label.strip() for group in GROUPED.findall(expression) for label in group.split(",")}
    assert named <= allowed, expression


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is missing; Debian has it in prometheus")
def test_prometheus_takes_the_rules_and_the_dashboards_expressions(tmp_path: Path) -> None:
    panels = [{"record": f"panel:{number}", "expr": _filled(each)} for number, each in enumerate(EXPRESSIONS)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": panels}]}))
    command = ["promtool", "check", "rules", str(FOLDER / "alerts.yml"), str(tmp_path / "panels.yml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == 2


def _filled(expression: str) -> str:
    """With Grafana's own variables put in."""
    return re.sub(r"\$__\w+", "5m", re.sub(r"\$(instance|job)\b", ".*", expression))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression_is_closed_and_names_values_that_occur(expression: str) -> None:
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing)
    named = LABEL.findall(expression)
    assert {value for label, value in named if label == "outcome"} <= OUTCOMES
    assert {value for label, value in named if label == "stage"} <= set(STAGES)


def test_live_service_shows_what_dashboard_and_alerts_ask_for(live_service: LiveService) -> None:
    text = httpx.get(f"{live_service.url}/metrics", timeout=30).text
    served = {family.name for family in text_string_to_metric_families(text)}
    asked = {metric for expression in EXPRESSIONS for metric in METRIC.findall(expression)} - PROMETHEUS
    assert {metric for metric in asked if metric not in served and family_of(metric) not in served} == set()


def test_every_metric_of_ours_is_on_the_monitoring_page() -> None:
    page = (FOLDER / "monitoring.md").read_text()
    assert {name for name in labels_of_metrics() if name.startswith("docent_") and name not in page} == set()


def test_panels_do_not_overlap_and_have_their_own_ids() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_alert_says_what_to_do_on_a_page_that_exists(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    notes = rule["annotations"]
    assert notes["summary"]
    assert notes["description"]
    page, _, anchor = notes["runbook"].partition("#")
    assert not anchor or anchor in anchors(ROOT / page)
