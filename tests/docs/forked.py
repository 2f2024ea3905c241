"""Docent's commands one after another, each in a child of one process that has imported their packages once.

Each line that comes is an errand as JSON: a folder, an environment, arguments. The answer is the child's exit code;
what it said is in the folder's `said`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

USED = ("app.cli", "app.commands.evaluate", "app.commands.ingest", "chains.providers.minilm", "chains.rag")


class Docent:
    """From the tests' side."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, folder: Path, environment: dict[str, str], arguments: Sequence[str]) -> None:
        """Fails with what the command said unless it ends with 0."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(folder), environment, list(arguments)]) + "\n")
        self._process.stdin.flush()
        code = self._process.stdout.readline().strip()
        assert code == "0", f"docent {' '.join(arguments)}: {code}\n{(folder / 'said').read_text()}"


@contextmanager
def forking_docent(environment: dict[str, str]) -> Iterator[Docent]:
    command = [sys.executable, __file__]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:
        yield Docent(process)


def run(folder: str, environment: dict[str, str], arguments: list[str]) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.chdir(folder)
    said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(ours, theirs)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["docent", *arguments]
    try:
        import_module("app.cli").main()
    except SystemExit as ending:
        sys.stdout.flush()
        os._exit(int(ending.code or 0))
    finally:  # whatever else happens, the child goes no further
        sys.stdout.flush()
        os._exit(1)


if __name__ == "__main__":
    for name in USED:
        import_module(name)
    for errand in sys.stdin:
        print(run(*json.loads(errand)), flush=True)  # noqa: T201
