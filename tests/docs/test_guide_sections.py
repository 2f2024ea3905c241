"""Every section of the deployment guide and of the specification has its counterpart in the pages."""

from __future__ import annotations

import re

import pytest
from pages import DOCS, ROOT

PAGE = (DOCS / "guide-and-specification.md").read_text()
SEEDS = ROOT.parent / "shared" / "seeds"
DOCUMENTS = {
    "hf-spaces-deployment-guide.md": "## The guide",
    "hf-spaces-deployment-specification.md": "## The specification",
}
CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
NO_SECTION = {"Table of Contents"}


@pytest.mark.skipif(not SEEDS.exists(), reason="the documents in ../shared/seeds are absent")
@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_section_is_on_the_page_in_its_order(document: str) -> None:
    text = CODE.sub("", (SEEDS / document).read_text())
    headings = [heading for heading in re.findall(r"^##+ (.+)$", text, re.MULTILINE) if heading not in NO_SECTION]
    table = PAGE.partition(DOCUMENTS[document])[2].partition("\n## ")[0]
    listed = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE)
    assert [row for row in listed[1:] if set(row) != {"-"}] == [heading.strip() for heading in headings]


@pytest.mark.skipif(not SEEDS.exists(), reason="the documents in ../shared/seeds are absent")
def test_dockerfile_that_is_built_is_the_guides_character_for_character() -> None:
    guide = (SEEDS / "hf-spaces-deployment-guide.md").read_text()
    (dockerfile,) = re.findall(r"^```dockerfile\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)
    assert (ROOT / "tests/image/guide.Dockerfile").read_text() == dockerfile
