"""The skill drives a command that exists: its options are the command's, and its messages are said."""

from __future__ import annotations

import re

import frontmatter
import pytest
import typer.main
from pages import ROOT

from app.cli import cli

SKILL = ROOT / "skills" / "deploy-hf-spaces" / "SKILL.md"
COMMANDS = typer.main.get_command(cli).commands  # type: ignore[attr-defined]


def test_skill_is_found_by_its_name_and_arguments() -> None:
    card = frontmatter.load(str(SKILL))
    assert card["name"] == SKILL.parent.name
    assert all(argument in str(card["description"]) for argument in ("username=", "space=", "frontend="))


@pytest.mark.parametrize("page", [SKILL, ROOT / "docs/deploy.md", ROOT / "docs/check.md"], ids=lambda page: page.name)
def test_commands_have_the_options_that_are_named(page: object) -> None:
    text = SKILL.read_text() if page == SKILL else page.read_text()  # type: ignore[attr-defined]
    lines = re.findall(r"docent (deploy|check|doctor|ingest)\b([^\n`]*)", text)
    assert lines
    for command, rest in lines:
        known = {name for each in COMMANDS[command].params for name in (*each.opts, *each.secondary_opts)}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, (command, rest)


def test_messages_in_the_skill_are_the_programs() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "app").rglob("*.py"))
    code += "\n".join(path.read_text() for path in (ROOT / "chains").glob("*.py"))
    table = SKILL.read_text().partition("## When it fails")[2]
    said = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)
    parts = [part for message in said for part in re.split(r" \.\.\. |: ", message)]
    assert len(parts) > 5
    assert [part for part in parts if part not in code] == []
