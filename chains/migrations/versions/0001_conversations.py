"""Conversations, turns and messages; the messages' table is langchain-postgres's, with a column of ours."""

from __future__ import annotations

from typing import Any, cast

from alembic import op
from psycopg import Connection, Cursor

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE conversation (
    id uuid PRIMARY KEY,
    owner text NOT NULL,
    title text NOT NULL,
    begun integer NOT NULL DEFAULT 1, -- how often a turn of it was sent, refused ones included
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX conversation_owner ON conversation (owner, updated_at DESC);

CREATE TABLE turn (
    id uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversation ON DELETE CASCADE,
    owner text NOT NULL,
    content text NOT NULL, -- fingerprint of what was asked
    state text NOT NULL DEFAULT 'running'
        CHECK (state IN ('running', 'complete', 'partial', 'failed', 'cancelled')),
    run uuid NOT NULL, -- names the call that has the turn
    attempt integer NOT NULL DEFAULT 1,
    reply jsonb, -- whole: a replay needs this row only
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    lease_until timestamptz NOT NULL
);
CREATE UNIQUE INDEX turn_running ON turn (conversation_id) WHERE state = 'running';
CREATE INDEX turn_conversation ON turn (conversation_id);

ALTER TABLE chat_history ADD COLUMN turn_id uuid REFERENCES turn ON DELETE CASCADE;
CREATE UNIQUE INDEX chat_history_turn ON chat_history (turn_id, (message->>'type')) WHERE turn_id IS NOT NULL;
CREATE INDEX chat_history_conversation ON chat_history (session_id, id);
DROP INDEX idx_chat_history_session_id; -- the index above serves its queries too

CREATE TABLE service_secret (
    name text PRIMARY KEY,
    value text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
"""


class SameTransaction:
    """A connection that leaves the commit to its owner: `create_tables` commits what it has done."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def cursor(self) -> Cursor[Any]:
        return self._connection.cursor()

    def commit(self) -> None:
        """Done once, by `migrate`."""


def upgrade() -> None:
    from langchain_postgres import PostgresChatMessageHistory  # 1.5 s, needed once in a database's life

    connection = op.get_bind().connection.driver_connection
    PostgresChatMessageHistory.create_tables(cast("Any", SameTransaction(cast("Any", connection))), "chat_history")
    op.execute(TABLES)
