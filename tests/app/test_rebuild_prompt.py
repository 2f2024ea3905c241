"""A person at a terminal is asked before all pages are indexed anew; nobody else is."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from live_service import ROOT, clean_environment

from chains.collection import Fingerprint, create_collection, fingerprint_of
from chains.collection_generations import find_generations
from chains.edge import EdgeClient

pytestmark = pytest.mark.slow

NAME = "docusaurus-book"
QUESTION = b"Index all pages anew"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index that another model made, and a page."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("# Page\n\nThe loom is cleaned with wax.\n")
    client = EdgeClient(tmp_path / "data" / "qdrant")
    client.open()
    create_collection(client, NAME, Fingerprint("test/other", 8, "", "", ""))
    client.close()
    return tmp_path


def model_of(folder: Path) -> str:
    """That made the index which is searched."""
    client = EdgeClient(folder / "data" / "qdrant")
    client.open()
    made_of = fingerprint_of(client.get_collection(str(find_generations(client, NAME).active)))
    client.close()
    assert made_of is not None
    return made_of.embedding


def command(folder: Path) -> dict[str, Any]:
    environment = clean_environment() | {"DATA_DIR": str(folder / "data"), "PYTHONPATH": str(ROOT)}
    return {
        "args": [sys.executable, "-m", "app", "ingest", str(folder / "docs")], "cwd": folder, "env": environment
    }  # fmt: skip


def read_until(terminal: int, wanted: bytes) -> bytes:
    """What was written, up to `wanted` or to the end."""
    heard = b""
    while wanted not in heard:
        try:
            heard += os.read(terminal, 4_096)
        except OSError:  # Linux's end of a terminal whose other side was closed
            break
    return heard


@pytest.mark.parametrize(
    ("typed", "code", "model"),
    [(b"n\n", 1, "test/other"), (b"\n", 1, "test/other"), (b"y\n", 0, "local/")],
)
def test_person_at_a_terminal_is_asked(folder: Path, typed: bytes, code: int, model: str) -> None:
    terminal, side = pty.openpty()
    with subprocess.Popen(**command(folder), stdin=side, stdout=subprocess.PIPE, stderr=side) as process:
        os.close(side)
        asked = read_until(terminal, QUESTION)
        assert b"test/other" in asked
        os.write(terminal, typed)
        read_until(terminal, b"\0")
        assert process.stdout is not None
        told = process.stdout.read().decode()
    os.close(terminal)
    assert process.returncode == code
    assert model_of(folder).startswith(model)
    assert ("1 added" in told) == (code == 0)


def test_program_is_told_what_to_say_instead(folder: Path) -> None:
    run = subprocess.run(**command(folder), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (run.returncode, QUESTION.decode() in run.stderr) == (1, False)
    assert "test/other" in run.stderr
    assert "--rebuild" in run.stderr
    assert model_of(folder) == "test/other"
