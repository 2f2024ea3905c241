"""What else the service keeps in the database: the key that signs visitor tokens, and what was spent on a day."""

from __future__ import annotations

import secrets
from datetime import date
from typing import TYPE_CHECKING, Any, LiteralString

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

ADD_SPENDING = """
INSERT INTO spending AS s (day, spender, turns, tokens)
SELECT %s, more.* FROM unnest(%s::text[], %s::integer[], %s::bigint[]) AS more
ON CONFLICT (day, spender) DO UPDATE SET turns = s.turns + excluded.turns, tokens = s.tokens + excluded.tokens
RETURNING spender, turns, tokens
"""
READ_SPENDING = "SELECT spender, turns, tokens FROM spending WHERE day = %s AND spender = ANY(%s)"
FORGET_SPENDING = "DELETE FROM spending WHERE day < %s::date - %s::integer"
SPENDING_KEPT = 30  # days

Amounts = dict[str, tuple[int, int]]  # turns and tokens, by spender


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


async def add_spending(pool: AsyncConnectionPool, day: date, amounts: Amounts) -> Amounts:
    """Add to the day's sums, in one statement; the new sums, of all replicas together.

    Raises:
        StorageUnavailable: the database is away; its cause is psycopg's.
    """
    names = sorted(amounts)  # in one order everywhere: two replicas that add to the same rows wait, and never lock
    columns = (names, [amounts[name][0] for name in names], [amounts[name][1] for name in names])
    return await _sums(pool, ADD_SPENDING, (day, *columns))


async def spending_of(pool: AsyncConnectionPool, day: date, names: list[str]) -> Amounts:
    """The day's sums of those who have spent anything.

    Raises:
        StorageUnavailable: the database is away; its cause is psycopg's.
    """
    return await _sums(pool, READ_SPENDING, (day, names))


async def forget_spending(pool: AsyncConnectionPool, day: date) -> None:
    """Remove what is older than SPENDING_KEPT days.

    Raises:
        StorageUnavailable: the database is away; its cause is psycopg's.
    """
    from psycopg import Error

    try:
        async with pool.connection() as connection:
            await connection.execute(FORGET_SPENDING, (day, SPENDING_KEPT))
    except Error as error:
        raise StorageUnavailable(retry_after=5) from error


async def _sums(pool: AsyncConnectionPool, statement: LiteralString, values: tuple[Any, ...]) -> Amounts:
    from psycopg import Error

    try:
        async with pool.connection() as connection:
            rows = await (await connection.execute(statement, values)).fetchall()
    except Error as error:
        raise StorageUnavailable(retry_after=5) from error
    return {spender: (turns, tokens) for spender, turns, tokens in rows}
