"""docker-compose.yml names settings that exist, and its proxy's configuration is one that the proxy takes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.deploy.values import LOCAL
from app.settings import Settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
HAPROXY = ROOT / "docs/operations/haproxy.cfg"
GIVEN = {"POSTGRES_PASSWORD": "a-password", "ALLOWED_ORIGINS": "https://your-app.vercel.app"}


def _interpolated(text: str) -> str:
    """`${NAME:-default}` and `${NAME:?message}`, as compose reads them."""
    return re.sub(
        r"\$\{(\w+):([-?])([^}]*)\}",
        lambda found: GIVEN.get(found[1], found[3] if found[2] == "-" else ""),
        text,
    )


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(_interpolated(FILE.read_text()))["services"]
    return found


@pytest.mark.parametrize("name", ["docent", "replica-1", "replica-2"])
def test_compose_settings_are_settings_that_are_accepted(
    services: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = services[name]["environment"]
    assert {variable.lower() for variable in environment} <= set(Settings.model_fields)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value or "")
    settings = Settings.load()
    assert settings.gemini_api_key is None  # empty is absent
    assert settings.database_url


def test_compose_hands_over_every_setting_that_is_not_its_own_matter(services: dict[str, Any]) -> None:
    handed = {variable.lower() for variable in services["replica-1"]["environment"]}
    assert set(Settings.model_fields) - handed == LOCAL - {"port", "trusted_proxies"}


def test_compose_profiles_start_one_process_or_two(services: dict[str, Any]) -> None:
    started = {
        profile: sorted(name for name, service in services.items() if profile in service["profiles"])
        for profile in ("one", "two")
    }
    assert started["one"] == ["docent", "postgres", "qdrant"]
    assert started["two"] == ["postgres", "proxy", "qdrant", "replica-1", "replica-2", "valkey"]


def test_compose_file_is_valid() -> None:
    if not (compose := shutil.which("docker-compose")):
        pytest.skip("docker-compose is missing; on Debian: apt-get install docker-compose")
    command = [compose, "-f", str(FILE), "--profile", "one", "--profile", "two", "config", "--quiet"]
    done = subprocess.run(command, env=os.environ | GIVEN, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_proxys_configuration_is_valid() -> None:
    if not (haproxy := shutil.which("haproxy")):
        pytest.skip("haproxy is missing; on Debian: apt-get install haproxy")
    done = subprocess.run([haproxy, "-c", "-f", str(HAPROXY)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
