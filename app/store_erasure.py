"""How conversations leave the database: a reader has them erased, or their time is over.

Turns, messages, journal and feedback go with their conversation. Each statement is a transaction of its own.

What a reader has erased is remembered, without its contents: another process may hold turns of it that wait for the
database, see `TAKE_BACK`. It looks after it has stored one, and here the memory is committed before anything is
removed: whichever comes first, the turn does not stay.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from chains.postgres_history import PostgresMessageStore

ERASED_AT_ONCE = 200  # conversations; some hundred milliseconds
LOCK = int.from_bytes(b"retain")

RUNNING = """
SELECT turn.id FROM conversation JOIN turn ON turn.conversation_id = conversation.id
WHERE conversation.owner = %(owner)s AND conversation.id = coalesce(%(conversation)s, conversation.id)
  AND state = 'running'
"""

# Its own row is left to ON CONFLICT: no row may change twice in a statement.
REMEMBER = """
WITH forgotten AS (
    DELETE FROM erasure WHERE erased_at < now() - %(kept)s AND owner <> %(owner)s
)
INSERT INTO erasure (owner, conversation_id, erased_at) VALUES (%(owner)s, %(conversation)s, clock_timestamp())
ON CONFLICT (owner, (coalesce(conversation_id::text, ''))) DO UPDATE SET erased_at = excluded.erased_at
"""
REMEMBERED_FOR = timedelta(days=30)  # longer than any process waits for its database

# Messages that another program wrote into the conversation belong to no turn.
ERASE = """
WITH erased AS (
    DELETE FROM conversation
    WHERE owner = %(owner)s AND id = ANY (ARRAY(
        SELECT id FROM conversation WHERE owner = %(owner)s AND id = coalesce(%(conversation)s, id) LIMIT %(rows)s))
    RETURNING id
), messages AS (
    DELETE FROM chat_history USING erased WHERE session_id = erased.id
)
SELECT count(*) AS erased FROM erased
"""

# By day, as the key begins with it; `spender` alone would read the whole table.
FORGET_SPENDER = """
DELETE FROM spending
WHERE day = ANY (ARRAY(SELECT current_date - before FROM generate_series(-1, 40) AS before)) AND spender = %(owner)s
"""

# A lock that ends with the transaction, for a session's would not survive a pooler: one process at a time.
EXPIRE = """
WITH locked AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(%(lock)s) AS mine
), old AS (
    SELECT id FROM conversation
    WHERE (SELECT mine FROM locked) AND updated_at < now() - %(age)s
      AND NOT EXISTS (SELECT FROM turn WHERE conversation_id = conversation.id AND state = 'running'
                      AND lease_until >= now())
    ORDER BY updated_at LIMIT %(rows)s FOR UPDATE SKIP LOCKED
), messages AS (
    DELETE FROM chat_history USING old WHERE session_id = old.id
), expired AS (
    DELETE FROM conversation USING old WHERE conversation.id = old.id RETURNING conversation.id
)
SELECT count(*) AS expired FROM expired
"""


async def running_turns(store: PostgresMessageStore, owner: str, conversation_id: UUID | None) -> list[UUID]:
    """Of a visitor, or of one conversation of his. Raises StorageUnavailable."""
    return [row["id"] for row in await store.ask(RUNNING, {"owner": owner, "conversation": conversation_id})]


async def erase_conversations(store: PostgresMessageStore, owner: str, conversation_id: UUID | None) -> int:
    """Those of a visitor, or one of his; how many there were. Raises StorageUnavailable."""
    values = {"owner": owner, "conversation": conversation_id, "rows": ERASED_AT_ONCE, "kept": REMEMBERED_FOR}
    await store.ask(REMEMBER, values)
    total = 0
    while True:
        (row,) = await store.ask(ERASE, values)
        total += int(row["erased"])
        if row["erased"] < ERASED_AT_ONCE:
            return total


async def erase_spending(store: PostgresMessageStore, owner: str) -> None:
    """What a visitor has spent. Raises StorageUnavailable."""
    await store.ask(FORGET_SPENDER, {"owner": owner})


async def expire_conversations(store: PostgresMessageStore, age: timedelta) -> int:
    """A portion of those in which nothing was asked for so long; how many; 0 while another process does it.

    Raises:
        StorageUnavailable
    """
    (row,) = await store.ask(EXPIRE, {"age": age, "lock": LOCK, "rows": ERASED_AT_ONCE})
    return int(row["expired"])
