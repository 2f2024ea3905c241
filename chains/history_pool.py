"""The pool of connections to Postgres: under DATA_DIR, elsewhere, asleep, or behind another pool."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from chains.remote_postgres import read_address

STATEMENT_PATIENCE = 10.0  # seconds, from asking for a connection to the answer; a serverless Postgres wakes in three

# Seconds. `timeout` is for a connection; a remote server may have to wake first. A remote pool shrinks to nothing by
# one connection each `max_idle`: a suspend would kill them all anyway, and free tiers have few. `max_lifetime` comes
# before poolers and firewalls end connections themselves, at a worse moment.
NEAR = {"min_size": 1, "timeout": 5.0}
REMOTE = {"min_size": 0, "timeout": 8.0, "max_idle": 60.0, "max_lifetime": 1800.0}

SETTLE = "SELECT CASE WHEN pg_backend_pid() = %s THEN set_config('statement_timeout', %s, false) END"


def connection_pool(dsn: str, max_size: int = 10) -> AsyncConnectionPool:
    """A closed pool as the store wants it: autocommit, and safe behind a pooler. `dsn` may be any DATABASE_URL.

    Connections are not checked before use, which would be a round trip more; the store repeats a statement that found
    its connection dead. A failed reconnection is given up soon, for the pool tries one at a time and doubles its
    pauses: later callers would wait for a pause to end although the server is back.
    """
    address = read_address(dsn)
    session: dict[str, Any] = {"autocommit": True, "prepare_threshold": address.prepare_threshold}
    if not address.remote:
        session |= {"connect_timeout": 5, "application_name": "docent"}
    sizes: dict[str, Any] = REMOTE if address.remote else NEAR
    return AsyncConnectionPool(
        address.dsn,
        max_size=max_size,
        open=False,
        reconnect_timeout=2.0,
        configure=_settle if address.remote and not address.pooled else None,
        kwargs=session,
        **sizes,
    )


async def _settle(connection: psycopg.AsyncConnection) -> None:
    """The server gives up a statement when we have; and a pooler that its address does not betray is noticed.

    A pooler gives the client a key of its own, where a server gives its process. The sessions behind it belong to
    everybody: nothing is set there, and nothing is prepared, for the next transaction has another one.
    """
    row = await (await connection.execute(SETTLE, (connection.info.backend_pid, f"{STATEMENT_PATIENCE}s"))).fetchone()
    if row == (None,):
        connection.prepare_threshold = None
