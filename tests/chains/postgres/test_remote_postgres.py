"""DATABASE_URL: which addresses are taken, what is said of the others, and a server that speaks TLS only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from debian_postgres import TlsServer, tls_server

from chains.errors import SettingsError, StorageUnavailable
from chains.history_pool import connection_pool
from chains.migrations import migrate
from chains.postgres_history import PostgresMessageStore
from chains.remote_postgres import PostgresAddress, explain, read_address
from chains.settings import ChainSettings

NEON = "postgresql://ada:s3cret@ep-cool-rain-a2.eu-central-1.aws.neon.tech/book"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_scheme_may_be_written_in_three_ways(scheme: str) -> None:
    address = read_address(f"{scheme}://ada:s3cret@db:5433/book")
    parameters = psycopg.conninfo.conninfo_to_dict(address.dsn)
    assert (parameters["host"], parameters["port"], parameters["dbname"]) == ("db", "5433", "book")
    assert (address.remote, address.pooled) == (True, False)
    assert "s3cret" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada@localhost/book",
        "postgresql://ada@127.0.0.1/book",
        "postgresql://ada@[::1]:5432/book",
        "postgresql://ada@10.1.2.3/book",
        "postgresql://ada@postgres/book",
        "postgresql://ada@db.internal/book",
        "postgresql:///book?host=/var/run/postgresql",
        f"{NEON}?sslmode=require",
        f"{NEON}?sslmode=verify-ca",
        f"{NEON}?sslmode=verify-full&channel_binding=require",
    ],
)
def test_plain_text_stays_inside_and_tls_goes_anywhere(url: str) -> None:
    assert ChainSettings.load(database_url=url).database_url == url


@pytest.mark.parametrize(
    "url",
    [
        NEON,
        f"{NEON}?sslmode=prefer",
        "postgresql://ada:s3cret@8.8.8.8/book",
        "postgresql://ada:s3cret@localhost,db.example.org/book",
        "postgresql://ada:s3cret@localhost/book?hostaddr=8.8.8.8",
    ],
)
def test_plain_text_to_a_public_host_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL: .*sslmode=require"):
        ChainSettings.load(database_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ada:s3cret@db/book",
        "s3cret",
        "psql 'postgresql://ada:s3cret@db/book'",
        "postgresql://ada:s3cret%zz@db/book",
        "postgresql://ada:s3cret@x@db/book",
        "postgresql://ada:s3cret/x@db/book",
        "postgresql://ada:s3cret@db:5432x/book",
        "postgresql://ada:s3cret@db:70000/book",
        "postgresql://ada:s3cret@db/book?unheard=of",
        "postgresql:///book?service=s3cret",
    ],
)
def test_malformed_address_is_told_without_its_value(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL: ") as refused:
        ChainSettings.load(database_url=url)
    assert not any(word in str(refused.value) for word in ("s3cret", "ada", "book'"))


@pytest.mark.parametrize(
    ("url", "pooled"),
    [
        (NEON.replace("-a2.", "-a2-pooler.") + "?sslmode=require", True),
        ("postgresql://ada@aws-0.pooler.supabase.com:6543/book?sslmode=require", True),
        ("postgresql://ada@db:6432/book", True),
        ("postgresql://ada@pgbouncer/book", True),
        ("postgresql://ada@db/book?pgbouncer=true", True),
        ("postgresql://ada@db/book?sslmode=prefer&pgbouncer=true&connect_timeout=3", True),
        ("postgresql://ada@db/book?pgbouncer=false", False),
        (f"{NEON}?sslmode=require", False),
    ],
)
def test_pooled_hosts_never_prepare(url: str, pooled: bool) -> None:
    address = read_address(url)
    assert (address.pooled, address.prepare_threshold) == (pooled, None if pooled else 5)
    assert "pgbouncer=" not in address.dsn
    pool = connection_pool(url)
    assert pool.kwargs is not None
    assert pool.kwargs["prepare_threshold"] == address.prepare_threshold


def test_pool_of_a_remote_database_can_shrink_to_nothing() -> None:
    near, remote = connection_pool("postgresql:///book?host=/run"), connection_pool("postgresql://ada@db/book")
    assert (near.min_size, remote.min_size) == (1, 0)
    assert remote.max_size * remote.max_idle < 3600


def test_what_the_address_says_itself_wins() -> None:
    dsn = read_address("postgresql://ada@db/book?connect_timeout=3&application_name=mine").dsn
    parameters = psycopg.conninfo.conninfo_to_dict(dsn)
    assert (parameters["connect_timeout"], parameters["application_name"]) == ("3", "mine")
    assert psycopg.conninfo.conninfo_to_dict(read_address("postgresql://ada@db").dsn)["connect_timeout"] == "10"


def test_socket_is_not_remote() -> None:
    url = "postgresql://docent@/postgres?host=%2Ftmp%2Fx&port=5432"
    assert read_address(url) == PostgresAddress(url)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    with tls_server(tmp_path_factory.mktemp("tls")) as server:
        yield server


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["sslmode=require", "sslmode=verify-full&sslrootcert={certificate}"])
async def test_server_over_tls_is_migrated_and_served(mode: str, server: TlsServer) -> None:
    url = server.url(mode.format(certificate=server.certificate))
    migrate(url)
    async with connection_pool(url) as pool, pool.connection() as connection:
        assert connection.pgconn.ssl_in_use
        cursor = await connection.execute("SELECT current_setting('statement_timeout')")
        assert await cursor.fetchone() == ("10s",)
        assert await PostgresMessageStore(pool).conversations("ada") == []


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("sslmode=disable", "only talks over TLS. Add sslmode=require"),
        ("sslmode=verify-full&sslrootcert=system", "sslrootcert must name the authority"),
        ("sslmode=verify-full&sslrootcert={folder}/absent.crt", "sslrootcert must name the authority"),
    ],
)
def test_server_over_tls_says_what_is_wrong(mode: str, told: str, server: TlsServer, tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable) as refused:
        migrate(server.url(mode.format(folder=tmp_path)))
    assert refused.value.__cause__ is not None
    assert told in explain(refused.value.__cause__)


def test_wrong_password_is_said_and_not_repeated(server: TlsServer) -> None:
    with pytest.raises(StorageUnavailable) as refused:
        migrate(server.url("sslmode=require", password="wr0ng"))
    assert refused.value.__cause__ is not None
    said = explain(refused.value.__cause__)
    assert "The user or the password is wrong" in said
    assert "wr0ng" not in said


def test_name_that_the_certificate_lacks_is_refused(server: TlsServer) -> None:
    url = server.url(f"sslmode=verify-full&sslrootcert={server.certificate}", host="127.0.0.1")
    with pytest.raises(StorageUnavailable) as refused:
        migrate(url)
    assert "certificate is not trusted" in explain(refused.value.__cause__ or refused.value)
