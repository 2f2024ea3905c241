"""Fixtures that every test may use."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from debian_postgres import bouncer

from chains.embedded_postgres import EmbeddedPostgres
from chains.migrations import migrate
from tests import network_guard

pytest_plugins = ["tests.provider_simulator.fixtures", "tests.fault_table"]


network_guard.install()


# Whole suites that start services of their own, or hold us to the failures of others', over the wire: for .ci/run.
SLOW_FOLDERS = (
    "tests/app/deploy/",
    "tests/app/doctor/",
    "tests/app/turns/test_replicas.py",
    "tests/app/test_other_visitors.py",
    "tests/app/test_page_headers.py",
    "tests/app/test_postgres_killed.py",
    "tests/app/test_process.py",
    "tests/app/test_providers.py",
    "tests/app/test_remote_service.py",
    "tests/app/test_search_states.py",
    "tests/app/test_words_in_the_log.py",
    "tests/chains/evaluation/test_evaluate.py",
    "tests/chains/ingest/test_books.py",
    "tests/chains/remote/",
    "tests/docs/test_docs_questions.py",
    "tests/faults/",
    "tests/provider_simulator/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(SLOW_FOLDERS):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skip is a failure, unless what is absent is the data that lies beside the repository."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    skipped = [report for report in reporter.stats.get("skipped", []) if "shared" not in str(report.longrepr)]
    if skipped:
        reporter.write_line(f"{len(skipped)} tests were skipped, and in CI nothing skips:", red=True)
        for report in skipped:
            reporter.write_line(f"  {report.nodeid}: {report.longrepr}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


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


@pytest.fixture(scope="session")
def pgbouncer(postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with bouncer(tmp_path_factory.mktemp("pgbouncer"), postgres_dsn) as address:
        yield address


@pytest.fixture
def pooled_database(pgbouncer: str, database: str) -> str:
    """The same with its tables; whatever asks it, and what made them, goes through PgBouncer."""
    url = f"{pgbouncer}{urlsplit(database).path}?pgbouncer=true"
    migrate(url)
    return url
