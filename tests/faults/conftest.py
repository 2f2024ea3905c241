"""What stands between the code and a server: a proxy with faults. And a watch over all that these tests make it say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from leak_watch import CANARIES, logging_as_in_service
from tcp_proxy import TcpProxy

from tests.what_left import left


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
