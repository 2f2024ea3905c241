"""What else the service keeps in the database: the key that signs visitor tokens."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from app.redaction import redactor
from chains.errors import StorageUnavailable

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

KEEP_OR_READ = """
WITH made AS (
    INSERT INTO service_secret (name, value) VALUES ('visitor_tokens', %s)
    ON CONFLICT (name) DO NOTHING
    RETURNING value
)
SELECT value FROM made
UNION ALL
SELECT value FROM service_secret WHERE name = 'visitor_tokens'
LIMIT 1
"""


async def signing_key(pool: AsyncConnectionPool) -> str:
    """The key of this database, made by whichever process asks first: all replicas sign alike.

    Raises:
        StorageUnavailable: the database is away; its cause is psycopg's.
    """
    from psycopg import Error

    try:
        for _ in range(2):  # a simultaneous maker's row is invisible to the statement that lost; the second one sees it
            async with pool.connection() as connection:
                row = await (await connection.execute(KEEP_OR_READ, (secrets.token_urlsafe(32),))).fetchone()
            if row is not None:
                redactor.learn([str(row[0])])
                return str(row[0])
    except Error as error:
        raise StorageUnavailable(retry_after=5) from error
    raise LookupError("the signing key is neither there nor can it be made")
