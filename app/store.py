"""What else the service keeps in the database: the key that signs visitor tokens, what was spent on a day, feedback."""

from __future__ import annotations

import secrets
from datetime import date
from typing import TYPE_CHECKING, Any, LiteralString

from app.redaction import redactor
from chains.errors import ConversationBusy, NotFound, StorageUnavailable
from chains.history import BUSY_FOR
from chains.history_messages import TurnState

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg_pool import AsyncConnectionPool

    from chains.postgres_history import PostgresMessageStore

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

# The lock keeps the turn from being erased between the look and the insertion that refers to it.
RATE = """
WITH rated AS (
    SELECT id, state FROM turn WHERE id = %(turn)s AND owner = %(owner)s FOR KEY SHARE
), kept AS (
    INSERT INTO feedback (turn_id, owner, rating, comment)
    SELECT id, %(owner)s, %(rating)s, %(comment)s FROM rated WHERE state <> 'running'
    ON CONFLICT (turn_id, owner)
    DO UPDATE SET rating = excluded.rating, comment = excluded.comment, updated_at = now()
)
SELECT state FROM rated
"""

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


async def rate_reply(store: PostgresMessageStore, turn_id: UUID, owner: str, rating: int, comment: str) -> None:
    """Keep what a visitor thinks of a reply of his, in the place of what he thought before.

    Raises:
        NotFound: there is no such turn of this owner's.
        ConversationBusy: it has no reply yet.
        StorageUnavailable
    """
    rows = await store.ask(RATE, {"turn": turn_id, "owner": owner, "rating": rating, "comment": comment})
    if not rows:
        raise NotFound
    if rows[0]["state"] == TurnState.RUNNING:
        raise ConversationBusy(retry_after=BUSY_FOR)


async def _sums(pool: AsyncConnectionPool, statement: LiteralString, values: tuple[Any, ...]) -> Amounts:
    from psycopg import Error

    try:
        async with pool.connection() as connection:
            rows = await (await connection.execute(statement, values)).fetchall()
    except Error as error:
        raise StorageUnavailable(retry_after=5) from error
    return {spender: (turns, tokens) for spender, turns, tokens in rows}
