"""What it takes to follow a page: its blocks of commands in order, the folder that they are typed in, their names."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from commands import lines_of
from pages import PAGES, ROOT, SHELLS, CodeBlock, code_blocks, name_of

PROGRAMS = f"{Path(sys.executable).parent}/"
INSTALLABLE = Path(__file__).parent / "installable.py"
ASSIGNED = re.compile(r"([A-Z_][A-Z0-9_]*)=(.*)", re.DOTALL)

# Blocks that other tests run: what is in the block, the file that runs it, and a word of that file.
ELSEWHERE = [
    ("python3 -m venv .venv", ".ci/newcomer", "quick-start.md"),
    ("--calibrate", "tests/app/test_calibrate_command.py", "--calibrate"),
    ("pg_dump", "tests/docs/test_backups.py", "pg_dump"),
    ("pg_restore", "tests/docs/test_backups.py", "pg_restore"),
    ("DOCENT_FAULT_SEED", ".ci/run", "fault"),
    ("DOCENT_MACHINE_SEED", ".ci/long", "DOCENT_MACHINE_SEED"),
]

# What a line in a shell would do to this machine, or needs a network for, is looked at instead.
PRELUDE = f"""
set -euo pipefail
make() {{  # what installs is shown by make; the service is started, heard and stopped
    if [[ $* != *serve* ]]; then command make --dry-run "$@"; return; fi
    setsid make --old-file=.venv/ready "$@" >service.log 2>&1 &
    until command curl -fsS "http://127.0.0.1:$PORT/health/live" 2>/dev/null; do
        kill -0 $! || {{ cat service.log; return 1; }}
        sleep 0.1
    done
    kill -TERM -- -$!
    while kill -0 -- -$! 2>/dev/null; do sleep 0.1; done
}}
docker() {{  # .ci/image builds and runs the image
    [ "$1" = compose ] || {{ {PROGRAMS}hadolint Dockerfile; return; }}
    local given=()
    while shift; [[ $1 != up && $1 != run ]]; do given+=("$1"); done
    docker-compose "${{given[@]}}" config --quiet
}}
pip() {{ {PROGRAMS}python {INSTALLABLE} "$@"; }}
jupyter() {{ [ -d "$2" ]; }}
"""


def walked_blocks(page: Path) -> list[CodeBlock]:
    """The commands of a page that neither the running service of all examples nor an account is needed for."""
    blocks = (block for block in code_blocks(page) if block.language in SHELLS and not block.mark)
    return [block for block in blocks if elsewhere(block) is None]


def elsewhere(block: CodeBlock) -> tuple[str, str] | None:
    """The file that runs this block, and a word that is in there."""
    return next(((file, word) for said, file, word in ELSEWHERE if said in block.code), None)


WALKED = {name_of(page): blocks for page in PAGES if (blocks := walked_blocks(page))}


def errands(code: str) -> list[tuple[dict[str, str], list[str]]] | None:
    """Environment, and program and arguments, of each line; None when something else than docent and pip is called."""
    found = []
    for line in lines_of(code):
        words = shlex.split(line)
        given = dict(_assigned(words))
        program, *arguments = words[len(given) :]
        if (name := Path(program).name) not in ("docent", "pip"):
            return None
        found.append((given, [name, *arguments]))
    return found


def _assigned(words: list[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        if not (found := ASSIGNED.fullmatch(word)):
            return
        yield found[1], found[2]


def checkout(folder: Path, pages: Path) -> Path:
    """A folder like a clone of the repository, whose files are this one's, and in which a reader may write."""
    clone = folder / "docent"
    clone.mkdir()
    for entry in ROOT.iterdir():
        if entry.name not in (".git", ".env", ".docent", "docs"):
            (clone / entry.name).symlink_to(entry)
    (clone / "docs").symlink_to(pages)
    (folder / "your-site" / "src").mkdir(parents=True)
    return clone
