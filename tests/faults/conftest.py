"""What stands between the code and a server: a proxy with faults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tcp_proxy import TcpProxy


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
