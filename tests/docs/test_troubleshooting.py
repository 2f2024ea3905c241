"""The troubleshooting page's table is the guide's rows, each with a check that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from guide_rows import BEGIN, END, ROWS, table
from pages import DOCS, ROOT

GUIDE = ROOT.parent / "shared" / "seeds" / "hf-spaces-deployment-guide.md"
DOCTOR = sorted((ROOT / "app" / "doctor").glob("*.py"))


def test_page_has_the_table_of_the_guides_rows() -> None:
    page = (DOCS / "troubleshooting.md").read_text()
    assert page.partition(BEGIN)[2].partition(END)[0].strip() == table()


def test_every_check_of_the_table_is_the_doctors() -> None:
    code = "\n".join(Path(path).read_text() for path in DOCTOR)
    said = set(re.findall(r'(?:ok|warning|failed|skipped)\(\s*"([a-z-]+)"', code))
    assert {check for row in ROWS for check in row.checks} <= said


@pytest.mark.skipif(not GUIDE.exists(), reason="the guide in ../shared/seeds is absent")
def test_every_row_and_lesson_of_the_guide_is_in_the_table() -> None:
    trouble = GUIDE.read_text().partition("\n## Troubleshooting")[2].partition("\n## Using the Skill")[0]
    rows, _, lessons = trouble.partition("\n## Lessons Learned")
    wanted = set(re.findall(r"^### (.+)$", rows, re.MULTILINE))
    wanted |= {f"Lesson {number}" for number in re.findall(r"^(\d+)\. \*\*", lessons, re.MULTILINE)}
    assert len(wanted) > 10
    assert {row.row for row in ROWS} == wanted
