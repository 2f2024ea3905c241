"""`docent deploy` as a process, with the real huggingface_hub, against a stand-in of the Hub."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from app.deploy.files import deployed_files
from tests.app.deploy.account import SITE, SPACE, VALUES, Account
from tests.hub.api import READ_TOKEN

pytestmark = pytest.mark.slow


def test_second_deployment_changes_nothing(account: Account) -> None:
    first = account.deploy(**VALUES)
    assert first.returncode == 0, first.stdout + first.stderr
    space = account.hub.spaces[SPACE]
    assert space.files == deployed_files() | {".gitattributes": space.files[".gitattributes"]}
    assert {name: each["value"] for name, each in space.secrets.items()} == {
        name: value for name, value in VALUES.items() if name != "QDRANT_COLLECTION"
    }
    assert {name: each["value"] for name, each in space.variables.items()} == {
        "QDRANT_COLLECTION": "my-book",
        "ALLOWED_ORIGINS": f"{SITE},{account.hub.host}",
    }
    assert "Successfully built" in first.stdout
    assert f"? '{account.hub.host}'" in first.stdout
    assert "ALLOWED_ORIGIN_REGEX" in first.stdout  # previews of a Vercel site are in no list
    account.hub.changes.clear()
    second = account.deploy("--json", **VALUES)
    assert second.returncode == 0, second.stdout + second.stderr
    assert (account.hub.changes, json.loads(second.stdout)["changed"]) == ([], False)


def test_changed_values_and_files_alone_are_set(account: Account) -> None:
    assert account.deploy("--embedded", GEMINI_API_KEY="AIza-canary-1").returncode == 0
    space = account.hub.spaces[SPACE]
    files = {path: content for path, content in space.files.items() if path != "LICENSE"} | {"stale.py": b"old"}
    space.repository.commit("by hand", files)
    space.variables["LOG_LEVEL"] = {"key": "LOG_LEVEL", "value": "INFO"}
    space.secrets["QDRANT_COLLECTION"] = {"key": "QDRANT_COLLECTION", "value": "was-secret"}
    done = account.deploy(
        "--embedded", "--json", GEMINI_API_KEY="AIza-canary-2", LOG_LEVEL="DEBUG", QDRANT_COLLECTION="new"
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["files"]["uploaded"] == ["LICENSE"]
    assert said["files"]["removed"] == ["stale.py"]
    assert (said["secrets"]["set"], said["variables"]["set"]) == (
        ["GEMINI_API_KEY", "QDRANT_COLLECTION"],
        ["LOG_LEVEL"],
    )
    assert set(space.files) == {*deployed_files(), ".gitattributes"}


def test_dry_run_changes_nothing_with_and_without_a_token(account: Account) -> None:
    known = account.deploy("--dry-run", **VALUES)
    unknown = account.deploy("--dry-run", "--embedded", HF_TOKEN="")
    assert (known.returncode, unknown.returncode) == (0, 0), known.stderr + unknown.stderr
    assert account.hub.changes == []
    assert "Secrets     to set: DATABASE_URL, GEMINI_API_KEY, QDRANT_API_KEY, QDRANT_URL" in known.stdout
    assert "everything counts as new" in unknown.stdout


@pytest.mark.parametrize(
    ("values", "code", "says"),
    [
        ({"QDRANT_API_KEY": "canary-eyJ-0123456789 \n"}, 0, "QDRANT_API_KEY has blanks or quotes"),
        ({"QDRANT_API_KEY": "canary-eyJ 0123456789"}, 2, "QDRANT_API_KEY: has a character in it that no key has"),
        ({"DATABASE_URL": "postgresql://u:canary@ep-1.neon.tech/book"}, 2, "DATABASE_URL: a public host needs sslmode"),
        ({"ALLOWED_ORIGINS": "https://other.example"}, 2, f"Set ALLOWED_ORIGINS=https://other.example,{SITE}"),
        ({"ALLOWED_ORIGINS": "*"}, 2, "'*' is refused in production"),
        ({"QDRANT_URL": "", "DATABASE_URL": ""}, 2, "DATABASE_URL is missing"),
        ({"QDRANT_URL": "http://localhost:6333"}, 0, "QDRANT_URL names a host of this machine"),
        ({"HF_TOKEN": "hf_password"}, 1, "HF requires access token, not password"),
        ({"HF_TOKEN": READ_TOKEN}, 1, "may only read. HF requires access token"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_mistakes_are_found_before_anything_is_changed(
    account: Account, values: dict[str, str], code: int, says: str
) -> None:
    done = account.deploy("--dry-run" if code == 0 else "--public", **VALUES | values)
    assert (done.returncode, account.hub.changes) == (code, []), done.stdout + done.stderr
    assert says in done.stdout + done.stderr


def test_what_the_space_has_already_is_not_missing(account: Account) -> None:
    assert account.deploy(**VALUES).returncode == 0
    account.hub.changes.clear()
    elsewhere = account.deploy("--json", QDRANT_COLLECTION="my-book")
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert account.hub.changes == []


def test_missing_values_are_asked_for_without_being_shown(account: Account) -> None:
    typed = {name: VALUES[name] for name in ("GEMINI_API_KEY", "QDRANT_URL", "DATABASE_URL", "QDRANT_API_KEY")}
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "app", "deploy", "--space", SPACE, "--frontend", SITE]
    process = subprocess.Popen(
        command,
        cwd=account.folder,
        env=account.environment(),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown = ""
    for name, value in typed.items():
        while f"{name} (not shown): " not in shown:  # the last blank comes when nothing is echoed any more
            shown += os.read(master, 4096).decode()
        os.write(master, f"{value}  \n".encode())
    try:
        while chunk := os.read(master, 4096):
            shown += chunk.decode()
    except OSError:  # the end, on Linux
        pass
    os.close(master)
    assert process.wait(60) == 0, shown
    assert "canary" not in shown
    secrets = account.hub.spaces[SPACE].secrets
    assert {name: secrets[name]["value"] for name in typed} == typed
