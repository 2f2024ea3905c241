"""Where the attempt that runs began to tell, and when a reader of another process last looked for more."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

COLUMNS = """
ALTER TABLE turn ADD COLUMN opened integer NOT NULL DEFAULT 0; -- `told` when this attempt began
ALTER TABLE turn ADD COLUMN read_at timestamptz;
"""


def upgrade() -> None:
    op.execute(COLUMNS)
