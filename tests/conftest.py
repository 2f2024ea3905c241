"""Fixtures that every test may use."""

from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from chains.embedded_postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of this test process. Its default database is everybody's: take `database` to write."""
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("data"))
    yield postgres.start()
    postgres.stop()


@pytest.fixture
def database(postgres_dsn: str) -> Iterator[str]:
    """The DSN of a database of this test alone, empty."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlsplit(postgres_dsn)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
