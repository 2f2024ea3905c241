"""What a turn told while it ran, what readers thought of replies, and what was spent on a day."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = """
ALTER TABLE turn ADD COLUMN told integer NOT NULL DEFAULT 0; -- the last `seq`: a turn that runs again counts on
ALTER TABLE turn ADD COLUMN cancel_asked boolean NOT NULL DEFAULT false; -- by a reader of another process
CREATE INDEX turn_finished ON turn (finished_at) WHERE state <> 'running';
CREATE INDEX conversation_updated ON conversation (updated_at);

CREATE TABLE journal (
    turn_id uuid NOT NULL REFERENCES turn ON DELETE CASCADE,
    first integer NOT NULL, -- the `seq` of the first part of this batch
    parts jsonb NOT NULL, -- a list
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (turn_id, first)
);
CREATE INDEX journal_written ON journal (written_at);

CREATE TABLE feedback (
    turn_id uuid NOT NULL REFERENCES turn ON DELETE CASCADE,
    owner text NOT NULL,
    rating smallint NOT NULL CHECK (rating IN (-1, 1)),
    comment text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (turn_id, owner)
);
CREATE INDEX feedback_owner ON feedback (owner);

CREATE TABLE spending (
    day date NOT NULL, -- UTC
    spender text NOT NULL, -- a visitor, or the site
    turns integer NOT NULL DEFAULT 0,
    tokens bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (day, spender)
);
"""


def upgrade() -> None:
    op.execute(TABLES)
