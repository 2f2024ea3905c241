"""When readers had something erased: what waits elsewhere for the database must not bring it back."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE TABLE erasure (
    what bytea PRIMARY KEY, -- SHA-256 of the owner, or of owner/conversation: the ids themselves are erased, too
    erased_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.execute(TABLES)
