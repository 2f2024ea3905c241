"""A Dockerfile for a Space, and a site's sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.doctor.dockerfile import check_dockerfile
from app.doctor.site import check_site

ROOT = Path(__file__).parent.parent.parent.parent

GUIDES = """
FROM python:3.11-slim

# System dependencies
RUN apt-get update && apt-get install -y gcc g++ curl && rm -rf /var/lib/apt/lists/*

# Non-root user (REQUIRED: UID must be 1000)
RUN useradd -m -u 1000 user
USER user
ENV HOME=/home/user PATH=/home/user/.local/bin:$PATH
WORKDIR $HOME/app
COPY --chown=user requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY --chown=user . .
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \\
    CMD curl -f http://localhost:7860/api/health || exit 1
EXPOSE 7860
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "7860"]
"""

CHANGES = {
    "port": ('"--port", "7860"', '"--port", "8000"', "failed", "listens on port 8000"),
    "exposed": ("EXPOSE 7860", "EXPOSE 80", "failed", "EXPOSE 80"),
    "uid": ("-u 1000", "-u 1001", "failed", "uid 1001"),
    "no uid": ("-m -u 1000", "-m", "failed", "not fixed"),
    "root": ("USER user\n", "", "failed", "No USER"),
    "owner": ("COPY --chown=user . .", "COPY . .", "failed", "--chown=user"),
    "old python": ("python:3.11", "python:3.9", "failed", "too old"),
    "health port": ("localhost:7860", "localhost:8000", "failed", "HEALTHCHECK asks port 8000"),
    "no curl": ("g++ curl", "g++", "failed", "not installed"),
    "no compilers": ("gcc g++ curl", "curl", "warning", "gcc and g++"),
}


def verdicts(path: Path) -> list[tuple[str, str]]:
    return [(each.verdict.value, f"{each.says} {each.remedy}") for each in check_dockerfile(path)]


def written(folder: Path, text: str) -> Path:
    path = folder / "Dockerfile"
    path.write_text(text)
    return path


def test_guides_dockerfile_is_ok(tmp_path: Path) -> None:
    assert [verdict for verdict, _ in verdicts(written(tmp_path, GUIDES))] == ["ok"]


@pytest.mark.parametrize(("old", "new", "verdict", "says"), CHANGES.values(), ids=CHANGES.keys())
def test_each_mistake_is_named_alone(tmp_path: Path, old: str, new: str, verdict: str, says: str) -> None:
    assert old in GUIDES
    (found,) = verdicts(written(tmp_path, GUIDES.replace(old, new)))
    assert (found[0], says in found[1]) == (verdict, True), found


def test_app_port_of_the_readme_is_the_port_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\ntitle: Book\nsdk: docker\napp_port: 8000\n---\n# Book\n")
    moved = written(tmp_path, GUIDES.replace("7860", "8000"))
    assert [verdict for verdict, _ in verdicts(moved)] == ["ok"]


def test_stages_variables_and_comments_are_read(tmp_path: Path) -> None:
    staged = """
# syntax=docker/dockerfile:1
ARG PYTHON=3.11
FROM python:${PYTHON}-slim AS build
RUN apt-get install -y build-essential \\
    # needed by one package
    libpq-dev
RUN pip install -r requirements.txt
FROM python:${PYTHON}-slim
ENV PORT=7860
RUN apt-get install -y curl && useradd --create-home --uid 1000 user
COPY --from=build --chown=user /opt /opt
USER 1000
HEALTHCHECK CMD curl -f http://localhost:${PORT:-7860}/api/health || exit 1
CMD ["docent", "serve"]
"""
    assert [verdict for verdict, _ in verdicts(written(tmp_path, staged))] == ["ok"]
    assert [verdict for verdict, _ in verdicts(written(tmp_path, staged.replace("PORT=7860", "PORT=80")))] == [
        "failed"
    ] * 2


def test_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert verdicts(tmp_path / "Dockerfile")[0][0] == "failed"
    assert verdicts(written(tmp_path, "# nothing"))[0][0] == "failed"


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("this.baseUrl = process.env.REACT_APP_API_BASE_URL || 'http://localhost:8000';", "failed"),
        ("const key = process?.env?.KEY;", "failed"),
        ("const { KEY } = process.env;", "failed"),
        ("const url = `${process.env.API}/chat`;", "failed"),
        ("const url = typeof process !== 'undefined' ? process.env.API : '';", "warning"),
        ("// DON'T: process.env.API\nconst url = 'x';", "ok"),
        ("/* process.env.API */ const hint = 'do not use process.env.API';", "ok"),
        ("const address = 'https://x.example'; // process.env", "ok"),
        ("if (process.env.NODE_ENV === 'production') start();", "ok"),
        ("const isProduction = !window.location.hostname.includes('localhost');", "ok"),
    ],
)
def test_process_env_is_found_in_code_alone(tmp_path: Path, code: str, verdict: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Chat.tsx").write_text(f"// a widget\n{code}\n")
    (found,) = check_site(tmp_path)
    assert found.verdict == verdict, found
    if verdict != "ok":
        assert "src/Chat.tsx:2" in found.says
        assert "window.location.hostname" in found.remedy


def test_what_node_runs_may_use_it(tmp_path: Path) -> None:
    for name in ("docusaurus.config.ts", "sidebars.js", "node_modules/x/index.js", "build/main.js", "src/a.test.ts"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("export const url = process.env.URL;\n")
    (found,) = check_site(tmp_path)
    assert found.verdict == "ok"
    assert check_site(tmp_path / "nowhere")[0].verdict == "failed"


def test_own_dockerfile_is_ok() -> None:
    path = ROOT / "Dockerfile"
    if path.exists():
        assert [verdict for verdict, _ in verdicts(path)] == ["ok"], verdicts(path)
