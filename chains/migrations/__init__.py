"""Every table, in order: the schema moves forward when the service starts, and never back."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psycopg
from psycopg import Connection
from psycopg.errors import UndefinedTable

from chains.errors import StorageUnavailable
from chains.remote_postgres import read_address

LOCK = int.from_bytes(b"docent")
VERSION_TABLE = "docent_revision"  # alembic's own name may be taken by another program in the same database
REVISIONS = sorted(path.name[:4] for path in Path(__file__).parent.glob("versions/[0-9]*.py"))

LOOK = "SELECT to_regclass(%s) IS NOT NULL, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"

log = logging.getLogger(__name__)


def migrate(dsn: str) -> None:
    """Bring the schema to the newest revision that this code knows. Blocks: call it from a thread.

    All of it is one transaction under a lock that ends with it (a session's lock does not survive PgBouncer). A
    revision that is not known here was made by newer code: it is left alone, for migrations only add.

    Raises:
        StorageUnavailable: the database is away, or lets nobody make tables; its cause is psycopg's.
    """
    try:
        with _connect(dsn) as connection:
            current = stored_revision(connection) == REVISIONS[-1]
        if not current:
            _upgrade(dsn)
    except psycopg.Error as error:
        raise StorageUnavailable(retry_after=5) from error


def stored_revision(connection: Connection) -> str | None:
    """None in a database that was never migrated."""
    try:
        with connection.transaction():
            row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    except UndefinedTable:
        return None
    return None if row is None else str(row[0])


@dataclass(frozen=True)
class SchemaState:
    """`current`: the tables are those of this code or of newer code. `may_create`: its user may make them."""

    current: bool
    may_create: bool


async def look_at_schema(dsn: str, within: float) -> SchemaState:
    """Without changing anything. `within` seconds the server has to let one in.

    Raises:
        psycopg.Error: the database is away, or lets nobody in.
    """
    options = read_address(dsn).connect_options() | {"connect_timeout": math.ceil(within), "autocommit": True}
    async with await psycopg.AsyncConnection.connect(**options) as connection:
        row = await (await connection.execute(LOOK, (VERSION_TABLE,))).fetchone()
        assert row is not None
        if not row[0]:
            return SchemaState(current=False, may_create=row[1])
        stored = await (await connection.execute(f"SELECT version_num FROM {VERSION_TABLE}")).fetchone()
    revision = stored[0] if stored else None
    return SchemaState(revision == REVISIONS[-1] or revision not in (None, *REVISIONS), may_create=row[1])


def _upgrade(dsn: str) -> None:
    """Alembic's part; importing it costs half a second, which a start with a current schema saves."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.exc import DBAPIError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    engine = create_engine("postgresql+psycopg://", creator=lambda: _connect(dsn), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            stored = stored_revision(cast("Connection", connection.connection.driver_connection))
            if stored is None or stored in REVISIONS:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            else:
                log.warning("Newer code made revision %s of the database's schema; it is left as it is", stored)
    except DBAPIError as error:
        raise (error.orig or error) from None  # psycopg's own


def _connect(dsn: str) -> Connection:
    return psycopg.connect(**read_address(dsn).connect_options())
