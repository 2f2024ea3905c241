"""What stands between the code and a server: a proxy with faults. And a watch over all that these tests make it say."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from fakes import a_turn
from psycopg_pool import AsyncConnectionPool
from tcp_proxy import TcpProxy

from app.logs import CleanFormatter, configure_logs
from app.redaction import redactor
from app.settings import Settings
from app.turns.outage import OutageStore
from chains.history import Begun
from chains.history_pool import connection_pool
from chains.migrations import migrate
from chains.postgres_history import PostgresMessageStore
from tests.what_left import left

CANARIES = {
    name: f"LEAK-CANARY-{name}" for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "SECRET_KEY", "ADMIN_TOKEN")
}


@contextmanager
def logging_as_in_service(*, redact: bool = True) -> Iterator[io.StringIO]:
    """The log of the product's own making; the process's logging is put back."""
    root = logging.getLogger()
    handlers, level, hooks = list(root.handlers), root.level, (sys.excepthook, threading.excepthook)
    configure_logs(Settings(_env_file=None, log_format="json"), redact=redact)  # type: ignore[call-arg]
    structlog.configure(**{**structlog.get_config(), "cache_logger_on_first_use": False})
    written = io.StringIO()
    (own,) = root.handlers
    assert isinstance(own, logging.StreamHandler)
    own.setStream(written)
    outer = [each for each in handlers if isinstance(each.formatter, CleanFormatter)]
    root.handlers[:] = [*(each for each in handlers if each not in outer), own]
    try:
        yield written
    finally:
        root.handlers[:] = [*(each for each in root.handlers if each is not own), *outer]
        root.setLevel(level)
        sys.excepthook, threading.excepthook = hooks
        structlog.reset_defaults()
        redactor.enabled = True


@pytest.fixture(autouse=True)
def nothing_leaks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No key in any response, log line or metric, whatever fault a test injects."""
    for name, canary in CANARIES.items():
        monkeypatch.setenv(name, canary)
    left.clear()
    with logging_as_in_service() as log:
        yield
    assert not left.keys(log.getvalue())


@pytest.fixture
async def line(postgres_dsn: str) -> AsyncIterator[TcpProxy]:
    """To the Postgres of this test process, over TCP as to a server elsewhere."""
    parameters = parse_qs(urlsplit(postgres_dsn).query)
    async with TcpProxy(Path(parameters["host"][0]) / f".s.PGSQL.{parameters['port'][0]}") as proxy:
        yield proxy


@pytest.fixture
def far_database(database: str, line: TcpProxy) -> str:
    """DATABASE_URL of an empty database at the other end of the line."""
    return f"postgresql://docent@127.0.0.1:{line.port}{urlsplit(database).path}"


@pytest.fixture
async def pool(far_database: str, database: str) -> AsyncIterator[AsyncConnectionPool]:
    await asyncio.to_thread(migrate, database)
    async with connection_pool(far_database) as pool:
        pool.timeout = 1.0
        yield pool


@pytest.fixture
async def store(pool: AsyncConnectionPool) -> AsyncIterator[OutageStore]:
    store = OutageStore(PostgresMessageStore(pool))
    assert isinstance(await store.begin(a_turn(), "somebody"), Begun)
    yield store
    await store.close(0.1)


@pytest.fixture
def other_replica(database: str) -> PostgresMessageStore:
    """It still reaches the database."""
    return PostgresMessageStore(connection_pool(database))
