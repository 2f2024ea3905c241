"""The Dockerfile says what the guide demands, and nothing of the laptop gets into the image."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SIX_PACKAGES = ("build-essential", "curl", "gcc", "gnupg", "libpq-dev", "postgresql-client")


def test_dockerfile_has_no_finding() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_dockerfile_is_as_the_guide_demands() -> None:
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.M) == ["python:3.11-slim", "python:3.11-slim"]
    assert "useradd --create-home --uid 1000 user" in DOCKERFILE
    assert "COPY --chown=user . ." in DOCKERFILE
    assert "EXPOSE 7860" in DOCKERFILE
    assert (
        "HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \\\n"
        "    CMD curl -f http://localhost:${PORT:-7860}/api/health || exit 1" in DOCKERFILE
    )


def test_dockerfile_installs_the_specifications_packages() -> None:
    _, build, final = DOCKERFILE.split("\nFROM ")
    assert all(re.search(rf"install .*\b{package}\b", build) for package in SIX_PACKAGES)
    unconditional = final.split("if [", 1)[0]
    assert [package for package in SIX_PACKAGES if re.search(rf"\b{package}\b", unconditional)] == [
        "curl",
        "postgresql-client",
    ]


def test_image_takes_only_what_is_named() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    for named in (rule[1:] for rule in rules if rule.startswith("!")):
        assert (ROOT / named).exists(), named
