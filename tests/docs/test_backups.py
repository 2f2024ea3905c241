"""The commands of docs/operations/upgrading.md bring conversations into an empty database."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from pages import DOCS

from chains.migrations import migrate
from chains.postgres_binaries import find_binaries

PAGE = (DOCS / "operations/upgrading.md").read_text()


def command_of(program: str, url: str, folder: Path) -> str:
    found = re.search(rf"^{program} .*$", PAGE, re.MULTILINE)
    assert found is not None
    return found[0].replace("$DATABASE_URL", url).replace(program, str(folder / program), 1)


@pytest.mark.slow
def test_dump_is_restored_with_every_message(database: str, tmp_path: Path) -> None:
    folder = find_binaries(None)  # of the server's own version: an older pg_dump refuses a newer server
    migrate(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE marker AS SELECT 'kept' AS word")
        connection.execute("CREATE DATABASE restored")
    other = urlsplit(database)._replace(path="/restored").geturl()
    for program, url in (("pg_dump", database), ("pg_restore", other)):
        command = command_of(program, url, folder)
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    with psycopg.connect(other) as connection:
        assert connection.execute("SELECT word FROM marker").fetchone() == ("kept",)
        assert connection.execute("SELECT count(*) FROM chat_history").fetchone() == (0,)
    migrate(other)
