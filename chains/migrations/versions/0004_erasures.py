"""When readers had something erased: what waits elsewhere for the database must not bring it back."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE TABLE erasure (
    owner text NOT NULL,
    conversation_id uuid, -- none: everything of this owner's
    erased_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX erasure_whose ON erasure (owner, (coalesce(conversation_id::text, '')));
"""


def upgrade() -> None:
    op.execute(TABLES)
