"""Processes that run an embedded Postgres, and what to ask of them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from chains.embedded_postgres import EmbeddedPostgres
from chains.postgres_binaries import find_binaries

REPOSITORY = Path(__file__).parents[3]
OWNER = """
import sys, time
from pathlib import Path
from chains.embedded_postgres import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]))
postgres.start()
print(postgres.pid or "attached", flush=True)
"""
STAY = "time.sleep(60)\n"
LEAVE = "postgres.stop()\n"
SLOW = "trap 'exit 1' INT; sleep 11 & wait $!"
is_root = os.geteuid() == 0


def start_process(data_dir: Path, then: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", OWNER + then, str(data_dir)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload, no-any-return]


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def wait_until(is_so: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_so()


def query(postgres: EmbeddedPostgres, text: str) -> object:
    with psycopg.connect(postgres.dsn) as connection:
        row = connection.execute(text.encode()).fetchone()
    return row[0] if row else None


def wrapped_binaries(folder: Path, server: str) -> Path:
    """The programs, with `server` as a shell script before the server itself runs; initdb runs the real one."""
    real = find_binaries(None)
    folder.mkdir()
    for program in real.iterdir():
        (folder / program.name).symlink_to(program)
    (folder / "postgres").unlink()
    script = f'#!/bin/sh\ncase "$*" in *unix_socket*) {server};; esac\nexec {real}/postgres "$@"\n'
    (folder / "postgres").write_text(script)
    (folder / "postgres").chmod(0o755)
    return folder
