"""The service on Debian's PostgreSQL, older than the embedded one: every door, and one whose table is gone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from debian_postgres import TlsServer, tls_server
from doors import READER, SITE, send, socket_of
from fakes import a_turn
from live_service import ROOT, LiveService, clean_environment, serving

from app.store_erasure import erase_conversations
from app.turns.outage import OutageStore
from chains.history_pool import connection_pool
from chains.postgres_history import PostgresMessageStore

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    with tls_server(tmp_path_factory.mktemp("debian")) as server:
        yield server


@pytest.fixture(scope="module")
def on_debian(tmp_path_factory: pytest.TempPathFactory, database: TlsServer) -> Iterator[LiveService]:
    settings = {"DATABASE_URL": database.url("sslmode=require"), "ALLOWED_ORIGINS": READER}
    with serving(tmp_path_factory.mktemp("service"), SITE, **settings) as service:
        yield service


def test_every_door_works_on_an_older_postgres(on_debian: LiveService, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app", "check", on_debian.url, "--frontend", READER]
    command += ["--turns", "1", "--max-seconds", "100"]
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout


@contextmanager
def hidden(database: TlsServer, table: str) -> Iterator[None]:
    with psycopg.connect(database.url("sslmode=require"), autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO hidden")  # type: ignore[arg-type]
        yield
        connection.execute(f"ALTER TABLE hidden RENAME TO {table}")  # type: ignore[arg-type]


async def test_what_nobody_foresaw_is_said_over_a_socket_which_stays_open(
    on_debian: LiveService, database: TlsServer
) -> None:
    async with socket_of(on_debian) as socket:
        with hidden(database, "turn"):
            refused = await send(socket, "How do I deploy a release?")
        answered = await send(socket, "How do I deploy a release?")
    assert (refused.types, refused.last["code"]) == (["error"], "internal")
    assert answered.types[-1] == "done"
    assert "Traceback" not in on_debian.log.read_text()


async def test_what_was_erased_does_not_come_back_on_an_older_postgres(
    on_debian: LiveService, database: TlsServer
) -> None:
    async with connection_pool(database.url("sslmode=require"), max_size=2) as pool:
        store = PostgresMessageStore(pool)
        outage = OutageStore(store)
        outage.away = True
        turn = a_turn()
        await outage.begin(turn, "ada")
        assert await erase_conversations(store, "ada", turn.conversation_id) == 0
        outage.away = False
        assert await outage.flush()
        assert await store.conversations("ada") == []
        await outage.close(0.1)
