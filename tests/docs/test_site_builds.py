"""docs/ builds as a Docusaurus site without a broken link, with the component and module of the frontend's page."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pages import DOCS

SITE = Path(__file__).parent / "site"
FRONTEND = DOCS / "your-frontend.md"


def blocks(info: str) -> str:
    return "\n".join(re.findall(rf"^```{info}\n(.*?)^```$", FRONTEND.read_text(), re.DOTALL | re.MULTILINE))


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is missing; Docusaurus needs Node.js 20 or newer")
def test_docs_build_as_a_site_with_the_components_of_their_page(tmp_path: Path) -> None:
    shutil.copytree(SITE, tmp_path, dirs_exist_ok=True)
    shutil.copytree(DOCS, tmp_path / "docs")
    (tmp_path / "src/components").mkdir(parents=True)
    (tmp_path / "src/pages").mkdir()
    (tmp_path / "src/docent.js").write_text(blocks("js runnable"))
    (tmp_path / "src/components/AskDocent.js").write_text(blocks("jsx component"))
    (tmp_path / "ask.js").rename(tmp_path / "src/pages/ask.js")
    for command in (["npm", "install", "--no-audit", "--no-fund"], ["npx", "docusaurus", "build"]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    built = {path.parent.name for path in (tmp_path / "build").rglob("index.html")}
    assert {"quick-start", "your-frontend", "deploy", "monitoring", "architecture", "ask"} <= built
    asked = (tmp_path / "build/ask/index.html").read_text()
    assert "Ask this site" in asked  # rendered without a browser: nothing needed a window
