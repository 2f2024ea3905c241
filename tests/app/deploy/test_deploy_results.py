"""What comes after the upload: builds that fail, health, pages to index, who may see it, and the way back."""

from __future__ import annotations

import json
import subprocess
from collections import deque
from pathlib import Path

import pytest

from tests.app.deploy.account import SPACE, Account
from tests.hub.space import Space
from tests.qdrant_server import QdrantServer

pytestmark = pytest.mark.slow

KEY = "AIza-canary-1"


def deployed(account: Account, *options: str) -> Space:
    done = account.deploy("--embedded", *options, GEMINI_API_KEY=KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    return account.hub.spaces[SPACE]


def test_rollback_brings_back_the_files_and_leaves_the_values(account: Account) -> None:
    space = deployed(account)
    first = space.repository.head
    for number in (2, 3):
        space.repository.commit(f"Deploy Docent {number}", first.files | {"LICENSE": b"%d" % number, "new.py": b"x"})
    secrets = dict(space.secrets)
    dry = account.deploy("--rollback", "--dry-run")
    assert (dry.returncode, len(space.repository.commits)) == (0, 4), dry.stderr
    assert account.deploy("--rollback").returncode == 0
    assert space.files["LICENSE"] == b"2"
    twice = account.deploy("--rollback", "--json")
    assert twice.returncode == 0, twice.stderr
    assert (space.files, space.secrets) == (first.files, secrets)
    assert json.loads(twice.stdout)["revision"] == first.oid
    thrice = account.deploy("--rollback")
    assert (thrice.returncode, "no earlier deployment" in thrice.stderr) == (1, True)


def test_failed_build_shows_its_log_and_cause(account: Account) -> None:
    account.hub.build = ["BUILDING", "BUILD_ERROR"]
    done = account.deploy("--embedded", GEMINI_API_KEY=KEY)
    assert done.returncode == 1
    assert "Step 1/9 : FROM python:3.11-slim" in done.stdout
    assert "BUILD_ERROR" in done.stderr
    assert "docent doctor --dockerfile" in done.stderr


def test_container_that_ends_shows_its_own_log(account: Account) -> None:
    account.hub.build = ["BUILDING", "APP_STARTING", "RUNTIME_ERROR"]
    done = account.deploy("--embedded", GEMINI_API_KEY=KEY)
    assert (done.returncode, "RUNTIME_ERROR" in done.stderr) == (1, True)


def test_paused_space_is_started_again(account: Account) -> None:
    space = deployed(account)
    space.stages = deque(["PAUSED"])
    done = account.deploy("--embedded", GEMINI_API_KEY=KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert account.hub.changes[-1].endswith("/restart")


def test_unhealthy_service_is_told_and_fails(account: Account) -> None:
    account.health |= {"status": "degraded", "services": {"qdrant": {"status": "missing_collection"}}}
    done = account.deploy("--embedded", GEMINI_API_KEY=KEY)
    assert done.returncode == 1
    assert "qdrant: missing_collection" in done.stdout
    assert "--docs PATH" in done.stderr


def test_private_space_is_asked_with_the_token_and_made_public_again(account: Account) -> None:
    space = deployed(account, "--private")
    assert (space.private, account.asked[-1].startswith("Bearer hf_")) == (True, True)
    deployed(account, "--public")
    assert (space.private, account.asked[-1]) == (False, "")


def test_pages_are_indexed_into_the_remote_collection(account: Account, tmp_path: Path) -> None:
    docs = tmp_path / "site" / "docs"
    docs.mkdir(parents=True)
    (docs / "intro.md").write_text("# Kilns\n\nA kiln is fired at 1,000 degrees.\n")
    with QdrantServer(tmp_path / "cluster") as cluster:
        values = {"QDRANT_URL": cluster.url, "QDRANT_COLLECTION": "kilns"}
        done = account.deploy("--embedded", "--docs", str(docs), **values)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 added" in done.stdout or "added" in done.stdout
        again = account.deploy("--embedded", "--docs", str(docs), **values)
        assert "0 chunks embedded" in again.stdout or "unchanged" in again.stdout, again.stdout
    assert not [path for path in account.hub.spaces[SPACE].files if path.endswith("intro.md") and "kiln" in path]


def test_pages_go_along_when_the_index_is_embedded(account: Account, tmp_path: Path) -> None:
    docs = tmp_path / "site" / "docs"
    docs.mkdir(parents=True)
    (docs / "intro.md").write_text("# Kilns\n")
    (docs / "kiln.png").write_bytes(b"\x89PNG\0")
    address = "url: 'https://kilns.example', baseUrl: '/book/'"
    config = f"export default {{title: 'Kilns', {address}, presets: [['classic', {{docs: {{}}}}]]}};"
    (tmp_path / "site" / "docusaurus.config.js").write_text(config)
    space = deployed(account, "--docs", str(docs))
    assert [path for path in space.files if path.startswith("docs/")] == ["docs/intro.md"]
    assert space.variables["SITE_URL"]["value"] == "https://kilns.example/book/"


def test_hub_that_wants_a_payment_says_so(account: Account) -> None:
    account.hub.refuse["/repos/create"] = 402
    done = account.deploy("--embedded", GEMINI_API_KEY=KEY)
    assert (done.returncode, "subscription or a payment method" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("broken", ["/commit/main", "/runtime", "/secrets"])
def test_hub_that_fails_is_one_sentence(account: Account, broken: str) -> None:
    account.hub.refuse[broken] = 500
    done: subprocess.CompletedProcess[str] = account.deploy("--embedded", GEMINI_API_KEY=KEY)
    assert done.returncode == 1
    assert "try again later" in done.stderr
    assert "Traceback" not in done.stderr
