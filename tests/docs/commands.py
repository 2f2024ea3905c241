"""The commands of the README and the pages: those of blocks, and those that stand in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pages import PAGES, ROOT, SHELLS, code_blocks, prose

_INLINE = re.compile(r"(?<!`)`((?:(?:make|docent|python -m|docker compose) [^`\n]+|\.venv/bin/[^`\n]+|\.ci/\w+))`(?!`)")
_ASSIGNMENT = re.compile(r"^(?:[A-Z_][A-Z0-9_]*=(?:\"[^\"]*\"|\S)*(?:\s+|$))+")
_HEREDOC = re.compile(r"(?<=\n).*<<'?(\w+)'?\n(?:.*\n)*?\1\n|^.*<<'?(\w+)'?\n(?:.*\n)*?\2\n")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")

# Where a command that stands in a sentence is run: (what it begins with, a test, a word of that test).
RUN_BY = [
    ("make serve", "tests/docs/test_commands.py", "test_make_serve"),
    ("make PYTHON=", "tests/docs/test_commands.py", "test_make_serve"),
    ("make setup", ".ci/run", "make test"),  # which sets up first
    ("make test", ".ci/run", "make test"),
    ("make help", "tests/docs/test_commands.py", "test_make_target"),
    ("make simulator", "tests/docs/test_commands.py", "test_make_target"),
    ("make faults", ".ci/run", "slow"),
    ("make format", "tests/house/test_lint.py", "ruff"),
    ("make lock", "tests/house/test_lock.py", "make lock"),
    (".ci/run", ".ci/run", "make test"),
    (".ci/image", ".ci/image", "buildah"),
    (".ci/newcomer", ".ci/newcomer", "make serve"),
    (".ci/long", ".ci/run", "make test"),
    ("docent", "tests/app/doors.py", '"-m", "app"'),
    ("docent serve", "tests/live_service.py", '"serve"'),
    ("docent ask", "tests/app/doors.py", '"ask"'),
    ("docent ingest", "tests/app/test_first_filling.py", "docs"),
    ("docent eval", "tests/app/test_calibrate_command.py", "eval"),
    ("docent doctor", "tests/app/doctor/test_command.py", "doctor"),
    ("docent check", "tests/app/test_check.py", "check"),
    ("docent migrate-index", "tests/chains/remote/test_collection_copy.py", "copy"),
    ("docent deploy", "tests/hub", ""),
    ("uvicorn app.main:app", "tests/live_service.py", "app.main:app"),
    ("python -m app", "tests/app/doors.py", '"-m", "app"'),
    ("python -m benchmarks.", "benchmarks", ""),
    ("python scripts/", "scripts", ""),
    ("pytest ", ".ci/run", "pytest"),
    ("python3 -m venv", "Makefile", "-m venv"),
    ("pip install --require-hashes", "Dockerfile", "--require-hashes"),
    ("pip install --editable", "Makefile", "--editable"),
    ("pip install --no-deps", "Dockerfile", "--no-deps"),
    ("docker compose", "tests/house/test_compose.py", "config"),
    ("pg_dump", "tests/docs/test_backups.py", "pg_dump"),
    ("pg_restore", "tests/docs/test_backups.py", "pg_restore"),
]

# What belongs to the shell, to git or to another project's installer, and is not ours to test.
FOREIGN = re.compile(
    r"(?:echo|export|cp -a|cd|git (?:pull|checkout|clone)|apt-get install|sudo|curl|ss|pip install "
    r"(?:jupyterlab|langchain-\w+|opentelemetry-sdk|lxml|pypdf)|jupyter lab|docker build|docker run)\b"
)
ACCOUNT = re.compile(r"docent deploy(?!.*--dry-run)")


@dataclass(frozen=True)
class Command:
    """As it stands on a page, without assignments, comments and the folder of the programs.

    `mark`: of its block, None outside of one.
    """

    page: Path
    text: str
    mark: str | None = None

    def __str__(self) -> str:
        return f"{self.page.name}: {self.text}"


def commands() -> Iterator[Command]:
    for page in PAGES:
        for block in code_blocks(page):
            if block.language in SHELLS:
                yield from (Command(page, each, block.mark) for each in _single(block.code))
        for inline in _INLINE.findall(prose(page)):
            yield from (Command(page, each) for each in _single(inline))


def lines_of(code: str) -> Iterator[str]:
    """Each command in one line, without comments and texts that are given to a program."""
    for line in _HEREDOC.sub("", code.replace("\\\n", " ")).splitlines():
        if command := _COMMENT.sub("", line).strip():
            yield command


def _single(code: str) -> Iterator[str]:
    for line in lines_of(code):
        for part in re.split(r" && | \| ", line):
            command = _ASSIGNMENT.sub("", part.strip()).removeprefix(".venv/bin/")
            if command:
                yield command


def runner_of(command: str) -> tuple[Path, str] | None:
    """The file that runs it, and a word that is in there."""
    fitting = [each for each in RUN_BY if command.startswith(each[0])]
    if not fitting:
        return None
    _, file, word = max(fitting, key=lambda each: len(each[0]))
    return ROOT / file, word
