"""Every command of the README and the pages is run by a test, is another program's, or is marked `account`."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ACCOUNT, FOREIGN, Command, commands, runner_of
from live_service import ROOT, WIDE, LiveService, clean_environment, free_port
from typer.main import get_command

from app.cli import cli

COMMANDS = sorted(set(commands()), key=lambda each: (str(each), each.mark or ""))
OURS = [command for command in COMMANDS if re.match(r"docent \w", command.text)]
TARGETS = sorted({found[1] for each in COMMANDS if (found := re.match(r"make ([a-z]+)", each.text))})


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.mark is not None], ids=str)
def test_command_of_a_block_is_run_or_needs_an_account(command: Command) -> None:
    """Without a mark it is run by test_walks.py, as `runnable` by test_examples.py."""
    assert command.mark in ("", "runnable", "account")
    assert command.mark != "account" or ACCOUNT.match(command.text)


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.mark is None], ids=str)
def test_command_of_a_sentence_is_of_a_kind_that_a_test_runs(command: Command) -> None:
    if not FOREIGN.match(command.text):
        runner = runner_of(command.text)
        assert runner is not None, "no test runs this command; name one in tests/docs/commands.py"
        file, word = runner
        assert file.is_dir() or word in file.read_text()


@pytest.mark.parametrize("command", OURS, ids=str)
def test_command_line_is_one_that_docent_understands(command: Command) -> None:
    """Names and options are looked up; nothing is run."""
    name, *arguments = shlex.split(command.text.removeprefix("docent "))
    understood = get_command(cli).get_command(None, name)  # type: ignore[attr-defined, arg-type]
    assert understood is not None, name
    options = {option for parameter in understood.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {argument for argument in arguments if argument.startswith("--")} <= options | {"--help"}


@pytest.mark.parametrize("target", TARGETS)
def test_make_target_is_there(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert target in subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_make_serve_takes_the_folder_and_the_port(tmp_path: Path) -> None:
    """`--old-file`: what is installed stays as it is."""
    port, ready = free_port(), ".venv/ready"
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "kiln.md").write_text("# The kiln\n\nThe kiln is fired twice.\n")
    environment = clean_environment() | WIDE | {"DATA_DIR": str(tmp_path / "data"), "LOG_FORMAT": "json"}
    environment |= {"PYTHONPATH": str(ROOT), "HOST": "127.0.0.1"}
    log = tmp_path / "log"
    command = ["make", f"--old-file={ready}", "serve", f"PORT={port}", f"DOCS={pages}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    service = LiveService(f"http://127.0.0.1:{port}", tmp_path / "data", environment, process, log)
    try:
        assert service.await_health()["services"]["qdrant"]["vectors"] == 1
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", ["gate_cost", "turn_cost", "cold_start"])
def test_benchmark_of_the_pages_can_be_imported(benchmark: str) -> None:
    command = [sys.executable, "-c", f"import benchmarks.{benchmark}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
