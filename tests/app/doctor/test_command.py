"""`docent doctor` as a process: its lines, its JSON, its exit codes, and no secret in any of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from live_service import clean_environment

ROOT = Path(__file__).parent.parent.parent.parent
WRONG = {
    "PORT": "abc",
    "ALLOWED_ORIGINS": "book.example",
    "CHAT_PROVIDER": "cohere",
    "DATABASE_URL": "postgresql://user:canary-password@db.example.com/book",
    "ADMIN_TOKEN": '"canary-of-an-admin "',
}


def doctor(folder: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    login = {"HF_HOME": str(folder / "hf"), "PYTHONPATH": str(ROOT), "DATA_DIR": str(folder / "data")}
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("HF_")}
    command = [sys.executable, "-m", "app", "doctor", *options]
    return subprocess.run(
        command, cwd=folder, env=environment | login | settings, capture_output=True, text=True, check=False, timeout=60
    )


def checks(done: subprocess.CompletedProcess[str], name: str) -> list[dict[str, Any]]:
    return [check for check in json.loads(done.stdout)["checks"] if check["check"] == name]


def test_all_problems_are_told_at_once_and_no_value(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--json", **WRONG)
    assert done.returncode == 1, done.stderr
    told = {check["says"].partition(":")[0]: check for check in checks(done, "settings")}
    assert {"PORT", "ALLOWED_ORIGINS", "COHERE_API_KEY", "DATABASE_URL"} <= set(told)
    assert "sslmode=require" in told["DATABASE_URL"]["says"]
    assert any("ADMIN_TOKEN has blanks or quotes" in says for says in told)
    assert checks(done, "postgres")[0]["verdict"] == "skipped"
    assert all(
        check["remedy"] for check in json.loads(done.stdout)["checks"] if check["verdict"] in ("warning", "failed")
    )
    assert "canary" not in done.stdout + done.stderr


def test_nothing_configured_is_well_and_one_line_each(tmp_path: Path) -> None:
    done = doctor(tmp_path)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert all(line.split()[0] in ("ok", "skipped", "warning") for line in lines[:-1])
    assert lines[-1].startswith("2 ok")


def test_space_without_what_a_deployment_needs_is_warned(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--json", SPACE_ID="user/book")
    told = [check["says"].partition(" ")[0] for check in checks(done, "deployment")]
    assert (done.returncode, told) == (0, ["GEMINI_API_KEY", "QDRANT_URL", "DATABASE_URL", "ALLOWED_ORIGINS"])


@pytest.mark.parametrize("options", [["--frontend", "book.example"], ["--service", "ftp://x"], ["--nothing"]])
def test_wrong_usage_is_exit_code_two(tmp_path: Path, options: list[str]) -> None:
    assert doctor(tmp_path, *options).returncode == 2
